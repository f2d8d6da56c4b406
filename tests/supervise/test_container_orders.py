"""What a container is made from, whose it is, and what a look at it means: the pure parts."""

from __future__ import annotations

from msgspec.structs import replace

from roost.core.model import Build, ContainerKeys, Kind, Port, Project, Spec, Stop
from roost.core.states import Component, Desired, State
from roost.edges.engine.api import ContainerSeen, Mount, MountKind, Publish, Status
from roost.supervise.containers import finding, naming, order
from roost.supervise.containers.finding import Verdict
from roost.supervise.containers.naming import Place

PLACE = Place(project="shop", root="/home/a/shop", host="here", folder="1:2")
PROJECT = Project(name="shop", root=PLACE.root, config_path="/home/a/shop/roost.yaml")


def spec(**keys: object) -> Spec:
    given = {"image": "postgres:16", **keys}
    return Spec(
        name="db",
        kind=Kind.CONTAINER,
        env={"A": "b"},
        ports=(Port(port=5432, target=5432), Port(address="0.0.0.0", port=53, target=5300, protocol="udp")),
        memory_limit=1024,
        container=ContainerKeys(**given),  # type: ignore[arg-type]
    )


def test_every_key_is_in_the_order() -> None:
    """INTERFACES §3: image, command, entry point, ports, volumes, user, limit, health check and labels."""
    wanted = spec(
        command="serve $PORT",
        entrypoint=("/init",),
        volumes=("/home/a/shop/d:/d:ro", "named:/n", "/alone"),
        user="app",
        labels={"team": "a"},
        healthcheck={"test": ("pg_isready",), "interval": 2.0, "retries": 3},
    )
    made = order.render(wanted, PROJECT, PLACE, 7, "abc")
    assert (made.image, made.user, made.memory) == ("postgres:16", "app", 1024)
    assert (made.command, made.entrypoint) == (("/bin/sh", "-c", "serve $PORT"), ("/init",))
    assert made.ports == (
        Publish(container=5432, host=5432),
        Publish(container=5300, host=53, address="0.0.0.0", protocol="udp"),
    )
    assert made.mounts == (
        Mount(kind=MountKind.BIND, source="/home/a/shop/d", target="/d", options=("ro",)),
        Mount(kind=MountKind.VOLUME, source="named", target="/n"),
        Mount(kind=MountKind.VOLUME, target="/alone"),
    )
    assert made.healthcheck is not None
    assert (made.healthcheck.test, made.healthcheck.interval, made.healthcheck.retries) == (
        ("CMD", "pg_isready"),
        2.0,
        3,
    )
    assert made.network == PLACE.network() and made.aliases == ("db",)
    assert made.labels["roost.run"] == "7" and made.labels["team"] == "a"
    assert made.environment == {
        "A": "b",
        "ROOST_PROJECT": PLACE.root,
        "ROOST_COMPONENT": "db",
        "ROOST_RUN": "7",
        "ROOST_INSTANCE": "abc",
    }


def test_a_health_check_in_the_engines_words() -> None:
    """A line goes through the shell, a list with its keyword is taken as it is, `disable` takes the image's away."""
    for given, test in (
        ({"test": "a | b"}, ("CMD-SHELL", "a | b")),
        ({"test": ("CMD-SHELL", "x")}, ("CMD-SHELL", "x")),
        ({"disable": True}, ("NONE",)),
        ({"interval": 1.0}, None),
    ):
        made = order.render(spec(healthcheck=given), PROJECT, PLACE, 1, "").healthcheck
        assert made is not None and made.test == test


def test_the_engines_own_networks_know_no_names() -> None:
    """`host`, `none` and `bridge` are the engine's; another network is joined under the component's name."""
    for network, aliases in (("host", ()), ("bridge", ()), ("backend", ("db",))):
        made = order.render(spec(network=network), PROJECT, PLACE, 1, "")
        assert (made.network, made.aliases) == (network, aliases)


def test_a_digest_tells_another_specification_and_nothing_else() -> None:
    """S55: it is the same for every run and every keeper, and for what only decides about the future."""
    first = order.render(spec(), PROJECT, PLACE, 1, "one").labels[naming.ORDER]
    assert first == order.render(spec(), PROJECT, PLACE, 2, "two").labels[naming.ORDER]
    assert first == order.digest(replace(spec(), stop=Stop(timeout=1)), PROJECT, PLACE)
    assert first != order.digest(replace(spec(), memory_limit=2048), PROJECT, PLACE)
    assert first != order.digest(replace(spec(), env={"A": "c"}), PROJECT, PLACE)


def test_replicas_share_the_image_that_is_built() -> None:
    """One build for all of them, and a name that an engine takes."""
    keys = ContainerKeys(build=Build(context="/x"))
    one, two = (
        Spec(name=f"Web-{number}", group="Web", kind=Kind.CONTAINER, container=keys) for number in (1, 2)
    )
    assert order.image_of(one, PLACE) == order.image_of(two, PLACE)
    built = order.build_of(one, PLACE)
    assert built is not None and built.tag == built.tag.lower() and built.context == "/x"


def test_whose_a_container_is() -> None:
    """P11, P3b: by machine, and folder or path; that of a copy elsewhere, or of another machine, is not ours."""
    labels = PLACE.of_component("db", 1, "x")
    assert PLACE.owns(labels)
    assert replace(PLACE, root="/home/a/moved").owns(labels), "the same folder, moved"
    assert replace(PLACE, folder="1:3").owns(labels), "made anew at the same place"
    assert not replace(PLACE, root="/home/a/copy", folder="1:3").owns(labels)
    assert not replace(PLACE, host="there").owns(labels)
    assert not PLACE.owns({"roost.component": "db"})
    other = replace(PLACE, root="/home/b/shop", folder="9:9")
    assert other.container("db") != PLACE.container("db") and other.network() != PLACE.network()


# -- what a look means -----------------------------------------------------------------------------------


def seen(run: int = 1, identity: str = "c1", **changes: object) -> ContainerSeen:
    given = {
        "id": identity,
        "name": "x",
        "labels": PLACE.of_component("db", run, ""),
        "image": "postgres:16",
        "image_id": "sha256:1",
        "status": Status.RUNNING,
        "started_at": 100.0,
        **changes,
    }
    return ContainerSeen(**given)  # type: ignore[arg-type]


def believed(state: State = State.RUNNING, container: str | None = "c1", **changes: object) -> Component:
    given = {"desired": Desired.RUNNING, "run": 1, "wall_started": 100.0, **changes}
    return Component(spec=spec(), state=state, container=container, **given)  # type: ignore[arg-type]


def test_what_a_look_means() -> None:
    """P11: each way in which the engine may differ from what is believed has its name."""
    ended = seen(status=Status.EXITED, exit_code=3)
    for component, containers, verdict in (
        (believed(), [seen()], Verdict.AS_BELIEVED),
        (believed(), [seen(status=Status.PAUSED)], Verdict.AS_BELIEVED),
        (believed(), [seen(started_at=200.0)], Verdict.RESTARTED),
        (believed(), [ended], Verdict.ENDED),
        (believed(), [], Verdict.GONE),
        (believed(State.WAITING), [seen()], Verdict.HERE),
        (believed(State.STARTING, None, wall_started=None), [seen()], Verdict.HERE),
        (believed(State.STARTING, None, wall_started=None), [], Verdict.GONE),
        (believed(State.WAITING, None, wall_started=None), [seen()], Verdict.HERE),
        (believed(State.BACKOFF, None), [], Verdict.AS_BELIEVED),
    ):
        assert finding.judge(component, containers).verdict is verdict


def test_what_is_paused_is_to_go_on() -> None:
    """P11: also one that was lost sight of; not one that somebody has started again, which is replaced."""
    paused = seen(status=Status.PAUSED)
    for component, is_paused in (
        (believed(), True),
        (believed(State.WAITING), True),
        (believed(wall_started=50.0), False),
        (believed(State.STOPPED, None, desired=Desired.STOPPED), False),
    ):
        assert finding.judge(component, [paused]).is_paused is is_paused


def test_what_nobody_has_use_for_is_a_stray() -> None:
    """P11: a container of an older run, or of a component that is stopped, is taken up by nobody."""
    older = seen(run=1, identity="c0")
    found = finding.judge(believed(run=2, container="c1"), [older, seen(run=2)])
    assert found.strays == (older,) and found.verdict is Verdict.AS_BELIEVED
    stopped = believed(State.STOPPED, None, desired=Desired.STOPPED)
    assert finding.judge(stopped, [seen(run=5)]).strays == (seen(run=5),)
    process = replace(believed(container=None), pid=7)
    found = finding.judge(process, [seen(run=9)])
    assert found.strays == (seen(run=9),) and found.verdict is Verdict.AS_BELIEVED
    waits = believed(State.BACKOFF, None)
    assert finding.judge(waits, [seen()]).strays == (seen(),), (
        "its end is known: somebody has started it again"
    )


def test_how_a_container_ended() -> None:
    """P10: code and cause; a container that is gone says what the event said, or nothing."""
    end = finding.exit_of(
        believed(), seen(status=Status.EXITED, exit_code=3, finished_at=110.0), None, 50.0, 111.0
    )
    assert (end.code, end.known, end.uptime, end.at, end.wall) == (3, True, 10.0, 49.0, 110.0)
    killed = seen(status=Status.EXITED, exit_code=137, oom_killed=True)
    assert (
        finding.exit_of(believed(), killed, None, 0.0, 0.0).cause
        == "it ran out of memory (its limit is 1 KB)"
    )
    assert finding.exit_of(believed(), None, 9, 0.0, 0.0).code == 9
    assert not finding.exit_of(believed(), None, None, 0.0, 0.0).known
