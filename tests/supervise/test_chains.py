"""`restart: true`, `rerun: true`, profiles and externals, as the supervisor lives them in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from roost.core import gate
from roost.core.health import Result
from roost.core.model import (
    Backoff,
    Condition,
    Dependency,
    Kind,
    Policy,
    Probe,
    ProbeKind,
    Restart,
    Spec,
    TcpProbe,
    Type,
)
from roost.core.states import Component, Probed, RestartWanted, State
from roost.supervise.loop import Supervisor
from roost.supervise.reruns import DEBOUNCE, Reruns
from roost.supervise.shutdown import Shutdown
from support.fake_world import FakeWorld, project, supervise
from support.virtual_loop import run_virtual

PROBE = Probe(handler=TcpProbe(port="1"))


def service(name: str, *needs: Dependency, **changes: object) -> Spec:
    return Spec(**{"name": name, "run": ("true",), "depends_on": needs, **changes})  # type: ignore[arg-type]


def task(name: str, *needs: Dependency) -> Spec:
    return service(name, *needs, type=Type.TASK, restart=Restart(policy=Policy.NEVER))


def rerun(target: str) -> Dependency:
    return Dependency(target=target, condition=Condition.COMPLETED, rerun=True)


def probed(supervisor: Supervisor, name: str, ok: bool, kind: ProbeKind = ProbeKind.READINESS) -> None:
    run = supervisor.components[name].run
    supervisor.apply(
        name, Probed(run=run, kind=kind, result=Result(ok=ok, message="ok" if ok else "refused"))
    )


def names(world: FakeWorld) -> list[str]:
    return [name for _, name, _ in world.spawned]


def test_a_dependent_restarts_after_what_it_follows_is_ready_again() -> None:
    """`restart: true`: not at the crash, not at the start, but when the condition holds again."""

    async def scenario() -> None:
        supervisor, world = supervise(
            service("db", readiness=PROBE, restart=Restart(backoff=Backoff(initial=1))),
            service("api", Dependency(target="db", restart=True)),
            service("web", Dependency(target="db")),
        )
        supervisor.start(["api", "web"], "up")
        probed(supervisor, "db", True)
        world.end("db", code=1)
        await asyncio.sleep(1.5)
        assert names(world) == ["db", "api", "web", "db"]
        assert world.stopped == []

        probed(supervisor, "db", True)
        assert [name for _, name, _ in world.stopped] == ["api"]
        world.end("api")
        assert names(world)[-1] == "api"
        assert supervisor.components["api"].history == (), "it does not count towards the limit"
        probed(supervisor, "db", True)
        assert len(world.stopped) == 1, "once for each restart"

    run_virtual(scenario())


def test_a_restart_runs_through_the_whole_chain_in_order() -> None:
    """c follows b follows a: each restarts when the one before it is there again."""

    async def scenario() -> None:
        supervisor, world = supervise(
            service("a"),
            service("b", Dependency(target="a", restart=True)),
            service("c", Dependency(target="b", restart=True)),
        )
        supervisor.start(["c"], "up")
        supervisor.restart(["a"], "by hand")
        for name in ("a", "b", "c"):
            assert [stopped for _, stopped, _ in world.stopped][-1] == name
            world.end(name)

        assert names(world) == ["a", "b", "c", "a", "b", "c"]

    run_virtual(scenario())


def test_a_shutdown_sets_off_no_restart() -> None:
    """S25: the end of what is followed is no reason to begin anew."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"), service("api", Dependency(target="db", restart=True)))
        supervisor.start(["api"], "up")
        ending = asyncio.ensure_future(Shutdown(supervisor, lambda _: None, "down").run())
        for name in ("api", "db"):
            await asyncio.sleep(0.1)
            world.end(name)
        await ending

        assert len(world.spawned) == 2

    run_virtual(scenario())


def test_a_chain_of_tasks_runs_again_link_by_link() -> None:
    """build → tests → server: each time that build completes again, all of it follows."""

    async def scenario() -> None:
        supervisor, world = supervise(
            task("build"),
            task("tests", rerun("build")),
            service("server", Dependency(target="tests", condition=Condition.COMPLETED, restart=True)),
        )
        reruns = Reruns(supervisor, world.clock, lambda *_: None)
        supervisor.start(["server"], "up")
        world.end("build")
        world.end("tests")
        assert names(world) == ["build", "tests", "server"]
        await asyncio.sleep(5)
        assert len(world.spawned) == 3, "the first round is no second one"

        supervisor.apply("build", RestartWanted(reason="changed: main.c", anew=False))
        world.end("build")
        await asyncio.sleep(DEBOUNCE + 0.01)
        assert names(world)[3:] == ["build", "tests"]
        assert world.stopped == [], "the server runs on until the tests have passed"
        world.end("tests")
        assert [name for _, name, _ in world.stopped] == ["server"]
        world.end("server")
        assert names(world)[-1] == "server"
        assert reruns is not None

    run_virtual(scenario())


def test_a_task_that_failed_runs_again_when_its_source_completes_again() -> None:
    """Red tests turn green by the next build, without anybody's start."""

    async def scenario() -> None:
        supervisor, world = supervise(task("build"), task("tests", rerun("build")))
        Reruns(supervisor, world.clock, lambda *_: None)
        supervisor.start(["tests"], "up")
        world.end("build")
        world.end("tests", code=1)
        assert supervisor.components["tests"].state is State.FAILED
        supervisor.restart(["build"], "by hand")
        world.end("build")
        await asyncio.sleep(1)

        assert names(world)[-1] == "tests"

    run_virtual(scenario())


def test_a_burst_of_completions_is_one_rerun() -> None:
    """Debounced: what completes three times in a blink is followed once."""

    async def scenario() -> None:
        supervisor, world = supervise(task("build"), task("tests", rerun("build")))
        Reruns(supervisor, world.clock, lambda *_: None)
        supervisor.start(["tests"], "up")
        world.end("build")
        world.end("tests")
        for _ in range(3):
            supervisor.restart(["build"], "by hand")
            world.end("build")
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)

        assert names(world).count("tests") == 2

    run_virtual(scenario())


def test_a_rerun_never_cuts_a_run_short() -> None:
    """A completion during the run is followed by one more run after its end."""

    async def scenario() -> None:
        supervisor, world = supervise(task("build"), task("tests", rerun("build")))
        Reruns(supervisor, world.clock, lambda *_: None)
        supervisor.start(["tests"], "up")
        world.end("build")
        for _ in range(2):
            supervisor.restart(["build"], "by hand")
            world.end("build")
            await asyncio.sleep(1)
        assert (names(world).count("tests"), world.stopped) == (1, [])
        world.end("tests")
        await asyncio.sleep(1)

        assert names(world).count("tests") == 2

    run_virtual(scenario())


def test_a_storm_of_reruns_is_limited_told_and_not_lost() -> None:
    """Ten in a minute; the eleventh waits for the window, with one event that says so."""

    async def scenario() -> None:
        told: list[tuple[str, str]] = []
        supervisor, world = supervise(task("build"), task("tests", rerun("build")))
        Reruns(supervisor, world.clock, lambda name, why: told.append((name, why)))
        supervisor.start(["tests"], "up")
        world.end("build")
        world.end("tests")
        for _ in range(15):
            supervisor.restart(["build"], "by hand")
            world.end("build")
            await asyncio.sleep(1)
            if "tests" in world.live:
                world.end("tests")
        assert names(world).count("tests") == 11
        assert [name for name, _ in told] == ["tests"]
        assert "put off" in told[0][1]
        await asyncio.sleep(60)

        assert names(world).count("tests") == 12

    run_virtual(scenario())


def test_components_take_part_by_profile() -> None:
    """INTERFACES §3 `profiles`: only with one that was chosen; the reason says so."""

    async def scenario() -> None:
        supervisor, world = supervise(
            service("api"),
            service("debug", profiles=("dev", "test")),
            service("x", Dependency(target="debug")),
        )
        supervisor.choose_profiles([])
        supervisor.start(["api", "debug", "x"], "up", again=False)
        assert names(world) == ["api"]
        words = "disabled by profile (it takes part only with --profile dev or --profile test)"
        assert supervisor.components["debug"].reason == words
        assert supervisor.components["x"].reason == f"waiting for debug: it is {words}"

        supervisor.choose_profiles(["test"])
        supervisor.start(["debug"], "up", again=False)
        assert names(world) == ["api", "debug", "x"]

        supervisor.choose_profiles([])
        assert [name for _, name, _ in world.stopped] == ["debug"]
        world.end("debug")
        assert supervisor.components["debug"].reason == words

    run_virtual(scenario())


def test_a_reload_may_make_a_process_external_and_back() -> None:
    """What ran for us is ended first; what was only watched is started anew."""

    async def scenario() -> None:
        watched = Spec(name="cache", kind=Kind.EXTERNAL, liveness=PROBE)
        supervisor, world = supervise(service("cache"))
        supervisor.start(["cache"], "up")
        supervisor.reload(project(watched))
        assert [name for _, name, _ in world.stopped] == ["cache"]
        world.end("cache")
        assert (supervisor.components["cache"].state, world.live) == (State.WAITING, {})
        probed(supervisor, "cache", True, ProbeKind.LIVENESS)
        assert supervisor.components["cache"].state is State.RUNNING

        supervisor.reload(project(service("cache")))
        assert (supervisor.components["cache"].state, world.live) == (State.RUNNING, {"cache": 2})

    run_virtual(scenario())


def test_dependents_wait_for_what_is_external() -> None:
    """INTERFACES §4: waited for, with the probe's own words, and never touched."""

    async def scenario() -> None:
        supervisor, world = supervise(
            Spec(name="ollama", kind=Kind.EXTERNAL, liveness=PROBE),
            service("api", Dependency(target="ollama")),
        )
        supervisor.start(["api"], "up")
        probed(supervisor, "ollama", False, ProbeKind.LIVENESS)
        assert supervisor.components["api"].reason == "waiting for ollama: liveness probe failed: refused"
        probed(supervisor, "ollama", True, ProbeKind.LIVENESS)
        assert names(world) == ["api"]

    run_virtual(scenario())


def test_a_start_in_a_long_chain_touches_only_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """P26, P9: the work of bringing up a chain grows with its length, not with the square of it."""
    judged: list[str] = []
    real = gate.held_reason

    def counting(edge: Dependency, components: Mapping[str, Component]) -> str:
        judged.append(edge.target)
        return real(edge, components)

    monkeypatch.setattr(gate, "held_reason", counting)

    async def scenario() -> None:
        length = 300
        chain = [service(f"c{n}", *([Dependency(target=f"c{n - 1}")] if n else [])) for n in range(length)]
        supervisor, world = supervise(*chain)
        world.hold = True
        supervisor.start([f"c{length - 1}"], "up")
        for n in range(length):
            world.answer(f"c{n}")
        assert supervisor.components[f"c{length - 1}"].ready
        assert len(judged) < 10 * length

    run_virtual(scenario())
