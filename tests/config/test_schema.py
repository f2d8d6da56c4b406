"""The JSON Schema and the reader say the same; so do the reference and the example."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from roost import config
from roost.config.component import COMPONENT
from roost.config.template import template

from .conftest import Read, tables
from .test_messages import CASES, TEN_FAULTS

ROOT = Path(__file__).resolve().parents[2]

VALID = {
    "smallest": "components: {a: {run: b}}",
    "none": "components: {}",
    "template": template("shop"),
    "process": """
        version: 1
        name: shop
        env: {LOG_LEVEL: info, N: 1, F: 1.5, T: true}
        env_file: [{path: .env, optional: true}]
        secrets: [PGPASSWORD]
        defaults: {cwd: /, restart: on-failure}
        limits: {components: 10}
        x-anything: {at: [all]}
        components:
          migrate: {type: task, run: alembic upgrade head, depends_on: [db]}
          db: {run: [postgres, -p, 5432], ports: [5432], probes: {readiness: {tcp: 5432}}, tty: false}
          api:
            run: [uvicorn, "${port.http}"]
            ports: {http: auto}
            depends_on: {db: {condition: ready, restart: false}, migrate: completed}
            url: "http://localhost:${port.http}"
            autostart: "${AUTO:-true}"
            probes:
              startup: {http: "http://localhost:${port.http}/", period: 1s, failure_threshold: 30}
              liveness: {exec: [x], timeout: 0.5}
              readiness: {log: "^ready"}
            restart:
              policy: always
              backoff: {initial: 1s, factor: 2, max: 60s}
              limit: {max: 10, within: 10m}
              min_uptime: 10
              success_exit_codes: [0, 143]
            stop: {signal: SIGTERM, timeout: 10s, command: [x], leftovers: leave}
            log: {max_size: 10MB, max_files: 5, streams: merged}
            shell: bash
    """,
    "processes": """
        components:
          ollama: {external: true, probes: {liveness: {tcp: 11434}}}
          a:
            run: x
            tty: true
            watch: {paths: [src], ignore: ["*.pyc"], debounce: 300ms}
            replicas: 2
            hooks: {on_ready: x, on_exit: [y], on_failed: z}
            probes: {readiness: {grpc: {port: 7234, service: "", tls: true}}, startup: {notify: true}}
            depends_on: {ollama: {restart: true}}
          t: {run: x, type: task, schedule: "0 3 * * mon-fri"}
          u: {run: x, type: task, schedule: {every: 9m}, depends_on: {t: {rerun: true, condition: completed}}}
    """,
    "container": """
        components:
          db:
            image: postgres:16
            ports: ["5432:5432", "127.0.0.1:80:80/udp"]
            env: {POSTGRES_PASSWORD: "${PGPASSWORD:-dev}"}
            volumes: ["./data:/var/lib/postgresql/data"]
            command: [x]
            entrypoint: x
            pull: never
            healthcheck: {test: [x], interval: 5s, retries: 3}
            network: n
            user: 1000
            labels: {a: 1}
            probes: {readiness: {container: true}, liveness: {log: {fail: panic}}}
          built: {build: ., profiles: [x], limits: {memory: 512MB}}
          other: {build: {context: ., dockerfile: D, args: {A: 1}, target: t}}
        limits: {logs: 20GB}
    """,
}
REPLACEMENTS: list[Any] = [
    1,
    0,
    -1,
    5.5,
    2.0,
    10**6,
    True,
    False,
    None,
    [],
    {},
    ["a"],
    [1, 2],
    {"a": 1},
    {"every": "1m"},
]
REPLACEMENTS += [
    "x",
    "",
    "0.0",
    "5s",
    "10MB",
    "no",
    "auto",
    "always",
    "${A}",
    "${port.http}",
    "80:80",
    "* * * * *",
]
BY_SCHEMA_ALONE = {
    "top is a list": "[]",
    "no components": "version: 1",
    "unknown key": "components: {a: {run: b, rn: c}}",
    "unknown key below": "components: {a: {run: b, stop: {sig: TERM}}}",
    "two kinds": "components: {a: {run: b, external: true}}",
    "no kind": "components: {a: {cwd: /}}",
    "two handlers": "components: {a: {run: b, probes: {liveness: {tcp: 80, exec: [x]}}}}",
    "bad name": "components: {a.b: {run: b}}",
    "null": "components: {a: {run: }}",
    "policy": "components: {a: {run: b, restart: sometimes}}",
    "policy no": "components: {a: {run: b, restart: no}}",
    "duration": "components: {a: {run: b, stop: {timeout: 10 sec}}}",
    "negative": "components: {a: {run: b, stop: {timeout: -1}}}",
    "port": "components: {a: {run: b, ports: {http: 70000}}}",
    "flag": 'components: {a: {run: b, autostart: "yes"}}',
    "version": "version: 2\ncomponents: {a: {run: b}}",
    "empty list": "components: {a: {run: []}}",
    "number for text": "components: {a: {run: b, description: 5}}",
}


def faults(text: str) -> list[str]:
    """What the JSON Schema says of a file."""
    validator = Draft202012Validator(config.json_schema())
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


def test_the_schema_is_a_schema() -> None:
    """It is valid by draft 2020-12, and every key has its description."""
    schema = config.json_schema()
    Draft202012Validator.check_schema(schema)
    for table in tables():
        properties = (
            schema["properties"] if table.name == "project" else schema["$defs"][table.name]["properties"]
        )
        assert set(properties) == set(table.keys)
        assert all(described["description"] for described in properties.values())


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_what_is_valid_is_valid_by_the_schema(read: Read, text: str) -> None:
    """A file that is read without an error has none by the schema."""
    loaded = read(text)
    assert not [problem.render() for problem in loaded.errors]
    assert not faults(text)


@pytest.mark.parametrize("text", BY_SCHEMA_ALONE.values(), ids=BY_SCHEMA_ALONE)
def test_typical_faults_are_faults_by_the_schema(read: Read, text: str) -> None:
    """An editor with the schema marks what the reader refuses."""
    assert read(text).project is None
    assert faults(text)


def test_what_is_refused_by_the_schema_is_refused(read: Read) -> None:
    """The schema is never stricter than the reader: of all faulty files in these tests, too."""
    for text, _ in CASES.values():
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if data is not None and list(Draft202012Validator(config.json_schema()).iter_errors(data)):
            assert read(text).project is None
    assert faults(TEN_FAULTS)


def places(node: object) -> list[tuple[Any, Any]]:
    """Every place in a tree whose value could be another: its container and its key or index."""
    if not isinstance(node, dict | list):
        return []
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    return [(node, key) for key in keys] + [place for key in keys for place in places(node[key])]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_schema_is_never_stricter_than_the_reader(data: st.DataObject) -> None:
    """A valid file with one value replaced at random, if it still is read, is still valid by the schema."""
    tree = yaml.safe_load(textwrap.dedent(data.draw(st.sampled_from([*VALID.values()]))))
    container, key = data.draw(st.sampled_from(places(tree)))
    container[key] = data.draw(st.sampled_from(REPLACEMENTS))
    text = yaml.safe_dump(tree, allow_unicode=True)
    if config.load("roost.yaml", {"A": "1", "PGPASSWORD": "x"}, text=text).project is not None:
        assert not faults(text)


def test_every_key_of_a_component_reaches_its_specification() -> None:
    """No key is read and then lost: each is a field of the model, or is known to become one."""
    from roost.core.model import ContainerKeys, Spec

    becomes = {"image", "build", "external", "env_file", "probes", "limits", "replicas"}
    fields = {*Spec.__struct_fields__, *ContainerKeys.__struct_fields__}
    assert set(COMPONENT.keys) - becomes <= fields


def test_the_example_of_init_is_valid(read: Read) -> None:
    """What `roost init` writes is read without a problem, also with all its comments taken away."""
    assert read(template("shop")).problems == []
    lines = template("on").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("components:"))
    opened = [
        line.replace("  # ", "  ", 1) if ": " in line or line.endswith(":") else line
        for line in lines[begin:]
    ]
    text = "\n".join([*lines[:begin], *(line for line in opened if not line.startswith("  A "))])
    loaded = read(text)
    assert not [problem.render() for problem in loaded.errors]
    assert loaded.project is not None
    assert loaded.project.name == "on"
    assert set(loaded.project.components) == {"hello", "migrate", "web"}


def generator() -> ModuleType:
    """build/gen_docs.py, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("gen_docs", ROOT / "build" / "gen_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date() -> None:
    """docs/configuration.md is what build/gen_docs.py makes of the tables, and names every key."""
    text = generator().configuration()
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == text
    assert all(f"| `{key}` |" in text for table in tables() for key in table.keys)


def test_the_reference_quotes_a_real_message(read: Read) -> None:
    """The example of an error in the reference is what the reader says."""
    found = read("version: 1\nname: shop\ncomponents:\n  db:\n    run: x\n\n    restart: no\n").problems[0]
    line = found.render().split("roost.yaml:")[1].split(": ", 1)[1]
    assert line in generator().CONFIGURATION
