"""The project as a whole: names, defaults, replicas, profiles, limits, kinds."""

from __future__ import annotations

import pytest

from roost.config.project import default_name
from roost.core.model import Kind, Policy

from .conftest import Lines, Read
from .test_values import component


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/home/me/shop", "shop"),
        ("/home/me/My Shop_2/", "My-Shop-2"),
        ("C:\\src\\shop", "shop"),
        ("/home/me/7", "project"),
        ("/home/me/7-up", "up"),
        ("/home/me/é", "project"),
        ("/", "project"),
        ("/x/" + "a" * 200, "a" * 64),
    ],
)
def test_a_name_is_made_of_the_folder(folder: str, name: str) -> None:
    """The default name is made from the folder's, and is always a valid one (S78)."""
    assert default_name(folder) == name


@pytest.mark.parametrize(
    ("name", "good"), [("a", False), ("ab", True), ("a" * 64, True), ("a" * 65, False), ("1a", False)]
)
def test_project_names_have_bounds(read: Read, name: str, good: bool) -> None:
    """A project's name has 2 to 64 letters, digits and dashes, beginning with a letter (S78)."""
    assert (read(f"name: {name}\ncomponents: {{a: {{run: b}}}}").project is not None) is good


@pytest.mark.parametrize(
    ("name", "good"), [("a", True), ("1_-", True), ("a" * 63, True), ("a" * 64, False), ("-a", False)]
)
def test_component_names_have_bounds(read: Read, name: str, good: bool) -> None:
    """A component's name has 1 to 63 letters, digits, _ and -, beginning with a letter or digit (S78)."""
    assert (read(f'components: {{"{name}": {{run: b}}}}').project is not None) is good


def test_every_component_gets_the_project_env(read: Read) -> None:
    """The project's env is in every component; a component's own wins."""
    loaded = read("env: {A: 1, B: 1}\ncomponents: {a: {run: b, env: {B: 2}}, c: {run: d}}")
    assert component(loaded).env == {"A": "1", "B": "2"}
    assert component(loaded, "c").env == {"A": "1", "B": "1"}


def test_defaults_are_merged_key_by_key(read: Read) -> None:
    """A component's own value wins over defaults; maps are merged, a list or a policy alone replaces."""
    loaded = read(
        """
        defaults:
          cwd: /
          env: {A: 1, B: 1}
          restart: {policy: on-failure, backoff: {initial: 5s}}
          stop: {timeout: 3s}
          probes: {readiness: {period: 2s}}
        components:
          a: {run: b, env: {B: 2}, restart: {backoff: {max: 9s}}, probes: {readiness: {tcp: 80}}}
          c: {run: d, restart: never, cwd: /tmp}
        """
    )
    a, c = component(loaded), component(loaded, "c")
    assert a.env == {"A": "1", "B": "2"}
    assert (a.restart.policy, a.restart.backoff.initial, a.restart.backoff.max) == (Policy.ON_FAILURE, 5, 9)
    assert a.readiness is not None
    assert a.readiness.period == 2
    assert a.stop.timeout == c.stop.timeout == 3
    assert (c.restart.policy, c.restart.backoff.initial, c.cwd) == (Policy.NEVER, 5, "/tmp")
    assert c.readiness is None


def test_own_handler_replaces_that_of_defaults(read: Read) -> None:
    """Of what excludes each other, a component's own choice drops that of defaults."""
    loaded = read(
        """
        defaults: {run: other, probes: {readiness: {tcp: 80, period: 2s}}}
        components: {a: {probes: {readiness: {http: "http://localhost/"}}}, c: {run: own}}
        """
    )
    a, c = component(loaded), component(loaded, "c")
    assert (a.run, c.run) == ("other", "own")
    assert a.readiness is not None
    assert (type(a.readiness.handler).__name__, a.readiness.period) == ("HttpProbe", 2)


def test_a_fault_in_defaults_is_told_once(lines: Lines) -> None:
    """A wrong default is one problem, at its own path, however many components there are."""
    found = lines("defaults: {cwd: 5, rn: x}\ncomponents: {a: {run: b}, c: {run: d}}")
    assert [line.split(": ")[1] for line in found] == ["defaults.cwd", "defaults.rn"]


def test_defaults_may_use_variables_of_the_components(read: Read) -> None:
    """What a variable in defaults means is decided for each component."""
    loaded = read(
        "defaults: {description: 'on ${X}'}\ncomponents: {a: {run: b, env: {X: 1}}, c: {run: d, env: {X: 2}}}"
    )
    assert (component(loaded).description, component(loaded, "c").description) == ("on 1", "on 2")


def test_defaults_for_another_kind_are_left_out(read: Read) -> None:
    """A key in defaults that means nothing for a component's kind is no error there, and is not in force."""
    loaded = read(
        """
        defaults: {volumes: ["data:/data"], cwd: /, restart: never, shell: bash}
        components:
          process: {run: b}
          container: {image: "x:1"}
          external: {external: true, probes: {liveness: {tcp: 80}}}
        """
    )
    container = component(loaded, "container")
    assert component(loaded, "process").container is None
    assert container.container is not None
    assert (container.container.volumes, container.shell) == (("data:/data",), None)
    assert component(loaded, "external").restart.policy is Policy.ALWAYS


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("run: b, volumes: ['x:/y']", "volumes"),
        ("run: b, pull: always", "pull"),
        ("image: 'x:1', shell: bash", "shell"),
        ("external: true, restart: never, probes: {liveness: {tcp: 80}}", "restart"),
        ("external: true, type: task, probes: {liveness: {tcp: 80}}", "type"),
        ("external: true, log: {max_files: 1}, probes: {liveness: {tcp: 80}}", "log"),
    ],
)
def test_a_key_for_another_kind_is_an_error(read: Read, text: str, path: str) -> None:
    """A component's own key that means nothing for its kind is refused, not ignored."""
    loaded = read(f"components: {{a: {{{text}}}}}")
    assert [problem.path for problem in loaded.problems] == [f"components.a.{path}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: b, schedule: '* * * * *'", "only a task runs by schedule"),
        ("run: b, type: task, schedule: '* * * *'", "has 4 fields"),
        ("run: b, type: task, schedule: '61 * * * *'", "the minute is not one"),
        ("run: b, type: task, schedule: {cron: '* * * * *', every: 1m}", "cannot be given beside cron"),
        ("run: b, type: task, schedule: {}", "says no time"),
        ("run: b, type: task, probes: {readiness: {tcp: 80}}", "a task is never ready"),
        ("external: true", "is external and has no probe"),
        ("external: true, probes: {}", "is external and has no probe"),
        ("external: true, probes: {startup: {tcp: 80}, liveness: {tcp: 80}}", "is never started"),
        ("external: true, probes: {readiness: {log: x}}", "nothing is read from an external component"),
        ("external: false, probes: {liveness: {tcp: 80}}", "must be `true`"),
        ("run: b, probes: {liveness: {container: true}}", "has no container engine to ask"),
        ("run: b, probes: {liveness: {tcp: 80, success_threshold: 2}}", "must be 1 for liveness"),
        ("run: b, probes: {startup: {tcp: 80, success_threshold: 2}}", "must be 1 for startup"),
        ("run: b, probes: {liveness: {log: x}}", "does not show that it still lives"),
        ("run: b, probes: {readiness: {log: {fail: x}}}", "says nothing for readiness"),
        ("run: b, probes: {readiness: {log: '('}}", "is not a regular expression"),
        ("run: b, probes: {readiness: {log: 'a{99999999999999}'}}", "is not a regular expression"),
        ("run: b, probes: {readiness: {exec: 'true'}}", "is not a list"),
        ("run: b, probes: {readiness: {tcp: 80, http: 'http://x'}}", "cannot be given beside tcp"),
        ("run: b, probes: {readiness: {http: 'localhost:80'}}", "is not an http or https URL"),
        ("run: b, probes: {readiness: {http: 'http://x:99999/'}}", "is not a URL"),
        ("run: b, probes: {readiness: {http: {url: 'http://x', status: 300-200}}}", "is not a status"),
        ("run: b, probes: {readiness: {tcp: 'a b:80'}}", "is not a host"),
        ("run: b, probes: {readiness: {tcp: '::1:80'}}", "is not a host"),
        ("run: b, probes: {readiness: {period: 0s, tcp: 80}}", "is too short"),
        ("run: b, replicas: 0", "is out of range"),
        ("run: b, replicas: 101", "is out of range"),
        ("run: b, url: localhost", "is not an address with its scheme"),
        ("image: 'x:1', ports: [80]", "does not say the container's own port"),
        ("image: 'x:1', ports: ['300.0.0.1:80:80']", "does not begin with an address"),
        ("image: 'x:1', labels: {roost.project: y}", "are set by roost"),
        ("image: 'x:1', volumes: [data]", "is not `SOURCE:/PATH[:ro]`"),
        ("image: 'x:1', volumes: ['~/data:/data']", "~ is not replaced here"),
        ("image: 'x:1', stop: {leftovers: leave}", "leftovers mean nothing for a container"),
        ("image: 'x:1', log: {streams: merged}", "cannot be merged"),
        ("image: 'x:1', probes: {readiness: {notify: true}}", "cannot reach the socket"),
        ("image: 'x:1', healthcheck: {disable: true, test: x}", "disabled has no other keys"),
        ("run: b, env: {'A B': c}", "is not a variable's name"),
        ('run: b, env: {A: "x\\0y"}', "NUL"),
        ("run: ['', x]", "does not begin with a program"),
        ("run: b, hooks: {on_crash: x}", "did you mean 'on_"),
    ],
)
def test_what_does_not_fit_together(lines: Lines, text: str, message: str) -> None:
    """Each combination that cannot work is refused with its reason, as exactly one problem."""
    found = lines(f"components:\n  a: {{{text}}}\n")
    assert len(found) == 1, found
    assert message in found[0]
    assert "warning" not in found[0]


def test_warnings_do_not_fail(read: Read) -> None:
    """A missing tag, a missing folder, a task that is always restarted: said, and no error (S78)."""
    loaded = read(
        """
        components:
          a: {image: postgres}
          b: {image: "localhost:5000/x"}
          c: {image: "localhost:5000/x@sha256:0123"}
          d: {run: x, cwd: nowhere}
          e: {run: x, type: task, restart: always}
          f: {run: x, type: task}
          g: {run: x, depends_on: [f]}
        """
    )
    assert loaded.project is not None
    assert not loaded.errors
    assert [problem.path for problem in loaded.warnings] == [
        "components.a.image",
        "components.b.image",
        "components.d.cwd",
        "components.e.restart",
        "components.g.depends_on[0]",
    ]
    assert all(": warning: " in problem.render() for problem in loaded.warnings)
    assert "f is a task, so this waits until it is completed (write completed" in loaded.warnings[-1].render()


def test_replicas_become_components(read: Read) -> None:
    """`replicas: 3` gives NAME-1 … NAME-3, each with its number, and a group that depends_on expands."""
    loaded = read(
        """
        components:
          w: {run: x, replicas: 3, env: {FILE: "w${ROOST_REPLICA}.db"}, ports: {http: "800${ROOST_REPLICA}"}}
          one: {run: x, replicas: 1}
          after: {run: y, depends_on: {w: started, one-1: ready}}
        """
    )
    assert loaded.project is not None
    assert list(loaded.project.components) == ["w-1", "w-2", "w-3", "one-1", "after"]
    assert loaded.project.groups == {"w": ("w-1", "w-2", "w-3"), "one": ("one-1",)}
    second = component(loaded, "w-2")
    assert (second.group, second.replica, second.ports[0].port) == ("w", 2, 8002)
    assert second.env == {"ROOST_REPLICA": "2", "FILE": "w2.db"}
    assert [edge.target for edge in component(loaded, "after").depends_on] == ["w-1", "w-2", "w-3", "one-1"]
    assert loaded.project.expand("w") == ("w-1", "w-2", "w-3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w: {run: x, replicas: 2}, w-2: {run: y}", "has the name of another component"),
        ("w: {run: x, replicas: 2, ports: [80]}", "every replica would listen on port 80"),
        ("w: {run: x, replicas: 2, depends_on: [w-1]}", "in a circle: w-1 -> w-1"),
        ("w: {run: x, replicas: 2, depends_on: [w]}", "in a circle: w-1 -> w-1"),
        ("w: {run: x, replicas: 2, ports: {h: auto}}, y: {run: '${port.w.h}'}", "w has replicas"),
        ("w: {run: x, replicas: 2, rn: 1}", "did you mean 'run'"),
    ],
)
def test_faults_of_replicas_are_told_once(lines: Lines, text: str, message: str) -> None:
    """A fault of a replicated component is one problem, not one for each replica."""
    found = lines(f"components: {{{text}}}")
    assert message in found[0]
    assert len({line.split(": ")[0] for line in found}) == 1


def test_profiles_leave_components_out(read: Read) -> None:
    """With profiles given, a component of other profiles is not there; without, all are."""
    text = "components: {a: {run: x}, d: {run: x, profiles: [debug, all]}}"
    for profiles, names in ((None, ["a", "d"]), (frozenset({"all"}), ["a", "d"]), (frozenset(), ["a"])):
        loaded = read(text, profiles=profiles)
        assert loaded.project is not None
        assert list(loaded.project.components) == names
    text = "components: {a: {run: x, depends_on: [d]}, d: {run: x, profiles: [debug]}}"
    needing = read(text, profiles=frozenset())
    assert "d does not take part without its profile" in needing.problems[0].render()


def test_the_number_of_components_is_bounded(lines: Lines) -> None:
    """More components than limits.components are refused (S47)."""
    found = lines("limits: {components: 2}\ncomponents: {a: {run: x}, b: {run: x}, c: {run: x}}")
    assert found == [
        "roost.yaml:2:1: components: 3 components are too many (raise limits.components, which is 2)"
    ]


def test_kinds(read: Read) -> None:
    """run makes a process, image and build a container, external something that is only watched."""
    loaded = read(
        """
        components:
          p: {run: x}
          i: {image: "x:1", command: [a], ports: ["127.0.0.2:80:8080/udp", "[::1]:81:81", "82:82"]}
          b: {build: {context: ., args: {N: 1}}}
          e: {external: true, probes: {liveness: {tcp: 80}}}
        """
    )
    kinds = [component(loaded, name).kind for name in "pibe"]
    assert kinds == [Kind.PROCESS, Kind.CONTAINER, Kind.CONTAINER, Kind.EXTERNAL]
    ports = component(loaded, "i").ports
    assert [(port.address, port.port, port.target, port.protocol) for port in ports] == [
        ("127.0.0.2", 80, 8080, "udp"),
        ("::1", 81, 81, "tcp"),
        ("127.0.0.1", 82, 82, "tcp"),
    ]
    keys = component(loaded, "b").container
    assert keys is not None
    assert keys.build is not None
    assert loaded.project is not None
    assert (keys.build.context, keys.build.args) == (loaded.project.root, {"N": "1"})


def test_paths_of_a_container_are_the_projects(read: Read) -> None:
    """INTERFACES §3: `./data` of a volume and the context of a build lie in the project; a volume's name stays."""
    loaded = read(
        """
        components:
          a: {image: "x:1", volumes: ["./d:/d:ro", "name:/n", "/abs:/a", "/alone"]}
          b: {build: docker}
        """
    )
    assert loaded.project is not None
    root, keys = loaded.project.root, component(loaded).container
    assert keys is not None
    assert keys.volumes == (f"{root}/d:/d:ro", "name:/n", "/abs:/a", "/alone")
    built = component(loaded, "b").container
    assert built is not None and built.build is not None
    assert built.build.context == f"{root}/docker"
    assert [problem.path for problem in loaded.warnings] == ["components.b.build"]


def test_a_containers_limit_is_given_at_its_birth(read: Read) -> None:
    """S55: another memory limit replaces a container and leaves a process alone; `pull` leaves both."""
    box = "a: {{image: 'x:1', limits: {{memory: {0}}}, pull: {1}}}"
    text = f"components: {{{{{box}, b: {{{{run: x, limits: {{{{memory: {{0}}}}}}}}}}}}}}"
    first, second, third = (
        read(text.format(*each)) for each in (("1GB", "always"), ("2GB", "always"), ("1GB", "never"))
    )
    assert component(first).digest() != component(second).digest()
    assert component(first).digest() == component(third).digest()
    assert component(first, "b").digest() == component(second, "b").digest()
