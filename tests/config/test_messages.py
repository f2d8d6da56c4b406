"""Every message as people read it: position, path, what is wrong, what to do."""

from __future__ import annotations

import pytest

from .conftest import Lines

CASES = {
    # -- the file as a whole
    "empty": ("", ["1:1: syntax: the file is empty (`roost init` writes an example)"]),
    "only a comment": ("# later\n", ["1:1: syntax: the file is empty (`roost init` writes an example)"]),
    "a list": ("- a\n", ["1:1: top level: is a list (it takes a map (project))"]),
    "no components": (
        "version: 1\n",
        ["1:1: top level: has no components (add it: a map from names to components)"],
    ),
    "components without value": (
        "components:\n",
        ["1:12: components: has no value (give it one (a map from names to components), or remove the key)"],
    ),
    "tab": (
        "components:\n\ta: {run: b}\n",
        [
            "2:1: syntax: this is not YAML: found character that cannot start any token while scanning for the "
            "next token (indent with spaces, never with tabs)"
        ],
    ),
    "open bracket": (
        "components:\n  a: {run: [b, c}\n",
        [
            "2:17: syntax: this is not YAML: did not find expected ',' or ']' while parsing a flow sequence "
            "(look for a missing quote, bracket or colon, or lines that are not indented alike)"
        ],
    ),
    "never closed": (
        "components:\n  a: {run: b\n",
        [
            "2:6: syntax: this is not YAML: did not find expected ',' or '}' while parsing a flow mapping "
            "(look for a missing quote, bracket or colon, or lines that are not indented alike)"
        ],
    ),
    "colon in text": (
        "components:\n  a: {run: b}\n  c:\n    run: echo a: b\n",
        [
            "4:16: syntax: this is not YAML: mapping values are not allowed in this context (put text that "
            "contains ': ' in quotes, and indent each key of a map alike)"
        ],
    ),
    "control character": (
        "components:\n  a: {run: \x01}\n",
        [
            "2:12: syntax: the character U+0001 is not allowed in YAML (remove it, or write it as an escape in "
            "double quotes)"
        ],
    ),
    "two documents": (
        "components: {}\n---\na: b\n",
        ["2:1: syntax: a second document begins here (keep one document in a file)"],
    ),
    "tag": (
        "components: !!python/object:os.system {}\n",
        ["1:13: syntax: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported (remove it)"],
    ),
    "newer version": (
        "version: 2\ncomponents: {a: {run: b}}\n",
        ["1:10: version: version 2 is newer than this roost (upgrade roost, or write version: 1)"],
    ),
    "unknown key": (
        "component: {}\ncomponents: {a: {run: b}}\n",
        ["1:1: component: 'component' is not a known key (did you mean 'components'?)"],
    ),
    "unknown key far from all": (
        "components: {a: {run: b, stop: {zzz: 1}}}\n",
        [
            "1:33: components.a.stop.zzz: 'zzz' is not a known key (known here: signal, timeout, command, "
            "leftovers)"
        ],
    ),
    "duplicate key": (
        "components:\n  a: {run: b, run: c}\n",
        ["2:15: components.a.run: the key 'run' is already given in line 2 (keep one of the two)"],
    ),
    "bad project name": (
        "name: my_project\ncomponents: {a: {run: b}}\n",
        [
            "1:7: name: 'my_project' is not a project's name (2 to 64 letters, digits and -, beginning with a letter)"
        ],
    ),
    # -- one component
    "nothing to run": (
        "components:\n  a: {cwd: /}\n",
        ["2:3: components.a: has nothing to run (give it one of run, image, build, external)"],
    ),
    "two things to run": (
        "components:\n  a:\n    run: b\n    external: true\n",
        [
            "4:5: components.a.external: cannot be given beside run (line 3) (keep one of run, image, build, "
            "external)"
        ],
    ),
    "a null": (
        "components:\n  a:\n    run: b\n    env:\n",
        ["4:9: components.a.env: has no value (give it one (a map to text), or remove the key)"],
    ),
    "null variable": (
        "components: {a: {run: b, env: {A: }}}\n",
        ["1:35: components.a.env.A: has no value (give it one (text), or remove the key)"],
    ),
    "restart: no": (
        "components:\n  a: {run: b, restart: no}\n",
        [
            "2:24: components.a.restart: 'no' is not one of always, on-failure or never (did you mean 'never'?)"
        ],
    ),
    "text that is a number": (
        "components: {a: {run: b, description: 5}}\n",
        ['1:39: components.a.description: is a number, not text (put it in quotes: "5")'],
    ),
    "empty run": (
        "components: {a: {run: ''}}\n",
        ["1:23: components.a.run: is empty (it takes a command line for the shell)"],
    ),
    "empty list": (
        "components: {a: {run: []}}\n",
        ["1:23: components.a.run: is an empty list (it takes a list (text))"],
    ),
    "quoted flag": (
        'components: {a: {run: b, autostart: "no"}}\n',
        [
            "1:37: components.a.autostart: 'no' is not true or false (it takes `true` or `false`, without quotes)"
        ],
    ),
    "duration": (
        "components: {a: {run: b, stop: {timeout: 10 sec}}}\n",
        [
            "1:42: components.a.stop.timeout: '10 sec' is not a duration (write 250ms, 10s, 5m, 1h or a number "
            "of seconds)"
        ],
    ),
    "size": (
        "components: {a: {run: b, log: {max_size: 10MiB}}}\n",
        [
            "1:42: components.a.log.max_size: '10MiB' is not a size (write 512KB, 10MB, 2GB or a number of bytes)"
        ],
    ),
    "signal": (
        "components: {a: {run: b, stop: {signal: 15}}}\n",
        ["1:41: components.a.stop.signal: '15' is not a signal to stop with (did you mean 'TERM'?)"],
    ),
    "unset variable": (
        "components:\n  a:\n    run: b\n    env: {A: '${NOPE}'}\n",
        [
            "4:14: components.a.env.A: ${NOPE} is not set (set it in the environment, an env file or env, or "
            "write ${NOPE:-} if it may be empty)"
        ],
    ),
    "unset variable with a message": (
        "components: {a: {run: b, cwd: '${NOPE:?where is it}'}}\n",
        [
            "1:31: components.a.cwd: ${NOPE} is not set: where is it (set NOPE in the environment, an env file or "
            "env)"
        ],
    ),
    "missing env file": (
        "components: {a: {run: b, env_file: .env}}\n",
        [
            "1:36: components.a.env_file: the env file '.env' does not exist (make it, or write {path: .env, "
            "optional: true})"
        ],
    ),
    "reserved name": (
        "components: {Con: {run: b}}\n",
        ["1:14: components.Con: 'Con' is a reserved name on Windows (choose another name)"],
    ),
    "bad name": (
        "components: {a.b: {run: b}}\n",
        [
            "1:14: components.a.b: 'a.b' is not a component's name (1 to 63 letters, digits, _ and -, beginning "
            "with a letter or digit)"
        ],
    ),
    "same name in other case": (
        "components:\n  api: {run: b}\n  API: {run: b}\n",
        [
            "3:3: components.API: the name differs from 'api' (line 2) only by upper and lower case (choose "
            "another name: they would share files on macOS and Windows)"
        ],
    ),
    "home": (
        "components: {a: {run: b, cwd: ~/src}}\n",
        ["1:31: components.a.cwd: ~ is not replaced here (write ${HOME})"],
    ),
    "backoff": (
        "components: {a: {run: b, restart: {backoff: {initial: 2m}}}}\n",
        [
            "1:55: components.a.restart.backoff.initial: is more than max (give a max, which is 60s by default)"
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_a_problem_reads_as_it_should(lines: Lines, text: str, expected: list[str]) -> None:
    """Each fault is one line with file, line, column, path, what is wrong and what to do (S68)."""
    assert lines(text) == [f"roost.yaml:{line}" for line in expected]


TEN_FAULTS = """\
version: 1
name: x
components:
  db:
    run: [postgres, -p, "5432"]
    ports: [5432, 70000]
    restart: no
  db-2:
    ports: [5432]
  web:
    run: npm start
    depnds_on: [db]
    env: {TOKEN: "${MISSING}"}
    depends_on: [bd]
    probes:
      liveness: {period: 5s}
      readiness: {tcp: "localhost:99999"}
  a: {run: x, depends_on: [b]}
  b: {run: x, depends_on: [a]}
"""


def test_ten_faults_are_ten_problems_in_order(lines: Lines) -> None:
    """A file with ten distinct faults gives exactly ten problems, by position (S54, S67, S68, S78)."""
    found = lines(TEN_FAULTS)
    assert [line.partition(" (")[0] for line in found] == [
        "roost.yaml:2:7: name: 'x' is not a project's name",
        "roost.yaml:6:19: components.db.ports[1]: the port is out of range",
        "roost.yaml:7:14: components.db.restart: 'no' is not one of always, on-failure or never",
        "roost.yaml:8:3: components.db-2: has nothing to run",
        "roost.yaml:12:5: components.web.depnds_on: 'depnds_on' is not a known key",
        "roost.yaml:13:18: components.web.env.TOKEN: ${MISSING} is not set",
        "roost.yaml:14:18: components.web.depends_on[0]: there is no component 'bd'",
        "roost.yaml:16:7: components.web.probes.liveness: has no handler",
        "roost.yaml:17:24: components.web.probes.readiness.tcp: the port is out of range",
        "roost.yaml:18:28: components.a.depends_on[0]: these depend on each other in a circle: a -> b -> a",
    ]


def test_a_problem_is_one_line_whatever_the_file_holds(lines: Lines) -> None:
    """Newlines and terminal escapes in the file never reach the terminal (P20)."""
    found = lines('components: {a: {run: b, "x\\ny\\e[31m": 1, restart: "\\n\\e[2J"}}\n')
    assert len(found) == 2
    assert all(line.isprintable() for line in found)


def test_a_message_never_repeats_a_value_of_the_environment(lines: Lines) -> None:
    """What came from a variable or an env file may be a secret: messages show what roost.yaml says (P19)."""
    secret = "hunter2-hunter2"
    places = (
        "name: '${SECRET} x'",
        "restart: '${SECRET}'",
        "ports: ['${SECRET}', '${SECRET}:80:80']",
        "ports: {http: '${SECRET}'}",
        "stop: {timeout: '${SECRET}', signal: '${SECRET}'}",
        "log: {max_size: '${SECRET}', max_files: '${SECRET}'}",
        "depends_on: ['${SECRET}', '${SECRET}']",
        "url: '${SECRET}'",
        "schedule: '${SECRET} * * * *'",
        "watch: ['~${SECRET}']",
        "env_file: '${SECRET}'",
        "volumes: ['${SECRET}']",
        "profiles: ['${SECRET}!']",
    )
    for place in places:
        found = lines(f"components:\n  a:\n    run: b\n    {place}\n", {"SECRET": secret})
        assert found
        assert not any(secret in line for line in found)
    broken = lines(
        "env_file: .env\ncomponents: {a: {run: b}}\n", files={".env": f'A="{secret}\nB {secret}\n'}
    )
    assert broken
    assert not any(secret in line for line in broken)
