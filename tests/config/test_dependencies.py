"""Dependencies, cycles, ports and references between components."""

from __future__ import annotations

import pytest

from roost.config.ports import references, resolve
from roost.core.model import Condition, Dependency

from .conftest import Lines, Read
from .test_values import component


def test_both_forms_of_depends_on(read: Read) -> None:
    """A list waits for ready; a map names conditions, with or without more keys."""
    loaded = read(
        """
        components:
          a: {run: x, depends_on: [b, c]}
          d: {run: x, depends_on: {b: started, c: {}, t: {condition: completed, restart: false}}}
          b: {run: x}
          c: {run: x}
          t: {run: x, type: task}
        """
    )
    assert component(loaded).depends_on == (Dependency(target="b"), Dependency(target="c"))
    assert [(edge.target, edge.condition) for edge in component(loaded, "d").depends_on] == [
        ("b", Condition.STARTED),
        ("c", Condition.READY),
        ("t", Condition.COMPLETED),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: {run: x, depends_on: [bd]}, db: {run: x}", "there is no component 'bd' (did you mean 'db'?)"),
        ("a: {run: x, depends_on: [zzzzz]}", "there is no component 'zzzzz' (name a component of this file)"),
        ("a: {run: x, depends_on: [b, b]}, b: {run: x}", "'b' is named twice (keep one of the two)"),
        ("a: {run: x, depends_on: b}, b: {run: x}", "is text (it takes a list of names"),
        ("a: {run: x, depends_on: {b: healthy}}, b: {run: x}", "(did you mean 'ready'?)"),
        ("a: {run: x, depends_on: {b: completed}}, b: {run: x}", "b is a service that is always restarted"),
        (
            "a: {run: x, depends_on: {b: {rerun: true, condition: completed}}}, b: {run: x, type: task}",
            "rerun is for a task, and this is a service (use restart: true)",
        ),
        (
            "a: {run: x, type: task, depends_on: {b: {rerun: true}}}, b: {run: x}",
            "rerun needs the condition completed",
        ),
        ("a: {run: x, depends_on: [a]}", "circle: a -> a"),
        (
            "a: {run: x, depends_on: [b]}, b: {run: x, depends_on: [c]}, c: {run: x, depends_on: [a]}",
            "circle: a -> b -> c -> a (remove one of these dependencies)",
        ),
    ],
)
def test_faults_of_dependencies(lines: Lines, text: str, line: str) -> None:
    """An unknown name, an impossible condition, a circle with its whole path: each one problem (S67)."""
    found = lines(f"components: {{{text}}}")
    assert len(found) == 1, found
    assert line in found[0]


def test_nobody_can_wait_for_a_task_that_is_never_done(lines: Lines) -> None:
    """What is always restarted never completes, and a task is ready for others when it is completed."""
    found = lines("components: {a: {run: x, depends_on: [b]}, b: {run: x, type: task, restart: always}}")
    assert [line for line in found if "warning" not in line] == [
        "roost.yaml:1:39: components.a.depends_on[0]: b is a task that is always restarted, so it is never done "
        "(wait for it to be started, or make it a service)"
    ]


def test_a_loop_of_reruns_is_a_circle(lines: Lines) -> None:
    """Tasks that would run each other again for ever are refused with the path (S67)."""
    rerun = "{condition: completed, rerun: true}"
    found = lines(
        f"components: {{a: {{run: x, type: task, depends_on: {{b: {rerun}}}}}, "
        f"b: {{run: x, type: task, depends_on: {{a: {rerun}}}}}}}"
    )
    assert len(found) == 1
    assert "a -> b -> a" in found[0]


def test_one_fault_is_not_reported_twice(lines: Lines) -> None:
    """Who depends on a component that is there, but wrong in itself, is not wrong as well."""
    found = lines(
        "components: {a: , b: {run: '${port.a.x}', depends_on: [a]}, c: {rn: x}, d: {run: y, depends_on: [c]}}"
    )
    assert [line.split(": ")[1] for line in found] == ["components.a", "components.c", "components.c.rn"]


def test_every_circle_is_reported(lines: Lines) -> None:
    """Two circles that share nothing are two problems."""
    found = lines(
        "components: {a: {run: x, depends_on: [b]}, b: {run: x, depends_on: [a]}, "
        "c: {run: x, depends_on: [d]}, d: {run: x, depends_on: [c]}}"
    )
    assert [line.split("circle: ")[1].split(" (")[0] for line in found] == ["a -> b -> a", "c -> d -> c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {run: x, ports: [80]}, b: {run: x, ports: [80]}", "port 80 is already used by a"),
        ("a: {run: x, ports: {h: 80}}, b: {run: x, ports: [80]}", "port 80 is already used by a"),
        ("a: {run: x, ports: [80, 80]}", "port 80 is listed twice"),
        ("a: {run: x, ports: [80]}, b: {image: 'y:1', ports: ['80:81']}", "port 80 is already used by a"),
        (
            "a: {run: x, ports: [80]}, b: {image: 'y:1', ports: ['0.0.0.0:80:81']}",
            "port 80 is already used by a",
        ),
        ("a: {run: x, ports: [0]}", "a port does not begin with 0"),
        ("a: {run: x, ports: [65536]}", "the port is out of range"),
        ("a: {run: x, ports: [-1]}", "is not a port number"),
        ("a: {run: x, ports: [http]}", "is not a port number"),
        ("a: {run: x, ports: [auto]}", "a port that is chosen needs a name"),
        ("a: {run: x, ports: [80/sctp]}", "does not end with a protocol"),
        ("a: {run: x, ports: {1st: 80}}", "is not a port's name"),
        ("a: {run: x, ports: 80}", "is a number (it takes a list"),
    ],
)
def test_faults_of_ports(lines: Lines, text: str, expected: str) -> None:
    """Ports lie in 1–65535 and no two components listen on the same one (S78)."""
    found = lines(f"components: {{{text}}}")
    assert len(found) == 1, found
    assert expected in found[0]


def test_the_same_number_is_no_conflict_elsewhere(read: Read) -> None:
    """Another protocol, or another address of this machine, is another port."""
    loaded = read("components: {a: {image: 'x:1', ports: ['80:80', '80:80/udp', '127.0.0.2:80:80']}}")
    assert len(component(loaded).ports) == 3


PORTS = """
env: {API: "http://localhost:${port.api.http}"}
components:
  api:
    run: [serve, --port, "${port.http}", "$${port.http}"]
    ports: {http: auto, admin: 9000}
    env: {PORT: "${port.http}", DB: "${port.db.main}", TEXT: "$${port.http}"}
    url: "http://localhost:${port.http}/"
    stop: {command: "curl localhost:${port.admin}/quit"}
    probes:
      startup: {exec: [check, "${port.http}"]}
      liveness: {tcp: "${port.http}"}
      readiness: {http: {url: "http://localhost:${port.http}/", headers: {Host: "x:${port.admin}"}}}
  db: {run: "db --port ${port.main}", ports: {main: auto}}
"""


def test_ports_are_filled_in(read: Read) -> None:
    """`${port.NAME}` and `${port.COMPONENT.NAME}` are replaced in run, env, url, probes and commands."""
    spec = component(read(PORTS), "api")
    assert references(spec) == {(None, "http"), (None, "admin"), ("db", "main"), ("api", "http")}
    own = {"http": 8123, "admin": 9000}
    done = resolve(spec, own, {"db": {"main": 5433}, "api": own})
    assert done.run == ("serve", "--port", "8123", "${port.http}")
    assert done.env == {"API": "http://localhost:8123", "PORT": "8123", "DB": "5433", "TEXT": "${port.http}"}
    assert done.url == "http://localhost:8123/"
    assert done.stop.command == "curl localhost:9000/quit"
    assert [port.port for port in done.ports] == [8123, 9000]
    assert "${" not in str((done.startup, done.liveness, done.readiness))
    assert "8123" in str(done.liveness)
    assert references(done) == {(None, "http")}, "the escaped one, which is text now"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a: {run: '${port.htpt}', ports: {http: auto}}",
            "names no port of this component (did you mean 'http'?)",
        ),
        (
            "a: {run: '${port.x}'}",
            "names no port of this component (add to the ports of this component: {x: auto})",
        ),
        ("a: {run: '${port.bb.x}'}, b: {run: x}", "'${port.bb.x}' names no component (did you mean 'b'?)"),
        ("a: {run: '${port.b.x}'}, b: {run: x, ports: [80]}", "'${port.b.x}' names no port of b"),
    ],
)
def test_unknown_ports_are_errors(lines: Lines, text: str, expected: str) -> None:
    """A reference to a port that is not there is found when the file is read, with a suggestion."""
    found = lines(f"components: {{{text}}}")
    assert len(found) == 1, found
    assert expected in found[0]


def test_the_projects_env_names_the_component(lines: Lines) -> None:
    """In the env of all components a port is somebody's: `${port.NAME}` alone would be another in each."""
    found = lines("env: {P: '${port.http}'}\ncomponents: {a: {run: x, ports: {http: auto}}}")
    assert "says no component, and this is for all of them (write ${port.COMPONENT.http})" in found[0]
