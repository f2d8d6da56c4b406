"""The supervisor on a fake world and in virtual time."""

from __future__ import annotations

import asyncio

from roost.core.health import Result
from roost.core.model import (
    Backoff,
    Condition,
    Dependency,
    Policy,
    Probe,
    ProbeKind,
    Restart,
    Spec,
    TcpProbe,
    Type,
)
from roost.core.outcome import Goal
from roost.core.states import Probed, State
from roost.supervise.shutdown import Shutdown
from roost.supervise.waits import Wait
from support.fake_world import project, supervise
from support.virtual_loop import VirtualClock, run_virtual

READY = Probe(handler=TcpProbe(port="1"))


def service(name: str, *needs: str, **changes: object) -> Spec:
    depends_on = tuple(Dependency(target=need) for need in needs)
    return Spec(**{"name": name, "run": ("true",), "depends_on": depends_on, **changes})  # type: ignore[arg-type]


def task(name: str, *needs: str) -> Spec:
    return service(name, *needs, type=Type.TASK, restart=Restart(policy=Policy.NEVER))


def states(supervisor: object) -> dict[str, str]:
    return {name: one.state.value for name, one in supervisor.components.items()}  # type: ignore[attr-defined]


def test_independent_components_start_in_the_same_instant() -> None:
    """P9: parallel start; nothing waits for what it does not need."""

    async def scenario() -> None:
        supervisor, world = supervise(service("a"), service("b"), service("c", "a"))
        supervisor.start(["a", "b", "c"], "up")

        assert sorted(name for _, name, _ in world.spawned) == ["a", "b", "c"]
        assert all(at == 0.0 for at, _, _ in world.spawned)

    run_virtual(scenario())


def test_a_dependent_starts_in_the_instant_in_which_its_condition_holds() -> None:
    """P9: readiness of what it needs, no sooner and no later."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db", readiness=READY), service("api", "db"))
        supervisor.start(["api"], "up")
        assert states(supervisor) == {"db": "running", "api": "waiting"}

        await asyncio.sleep(3.25)
        result = Result(ok=True, message="ok")
        supervisor.apply("db", Probed(run=1, kind=ProbeKind.READINESS, result=result))
        assert (3.25, "api", 1) in world.spawned

    run_virtual(scenario())


def test_the_reason_of_a_waiting_component_follows_what_it_waits_for() -> None:
    """P10: it names the probe's own error."""

    async def scenario() -> None:
        supervisor, _ = supervise(service("db", readiness=READY), service("api", "db"))
        supervisor.start(["api"], "up")
        result = Result(ok=False, message="connection refused on 127.0.0.1:5432")
        supervisor.apply("db", Probed(run=1, kind=ProbeKind.READINESS, result=result))

        assert (
            supervisor.components["api"].reason
            == "waiting for db: readiness probe failed: connection refused on 127.0.0.1:5432"
        )

    run_virtual(scenario())


def test_a_dependent_of_a_failed_task_waits_and_says_so() -> None:
    """A task that ended badly holds the gate closed, until a person starts it again."""

    async def scenario() -> None:
        supervisor, world = supervise(
            task("migrate"),
            service("api", depends_on=(Dependency(target="migrate", condition=Condition.COMPLETED),)),
        )
        supervisor.start(["api"], "up")
        world.end("migrate", code=3)
        assert supervisor.components["api"].reason == "waiting for migrate: failed: exit code 3"

        supervisor.start(["migrate"], "by hand")
        world.end("migrate", code=0)
        assert states(supervisor) == {"migrate": "completed", "api": "running"}

    run_virtual(scenario())


def test_restarts_come_after_the_delays_of_the_policy() -> None:
    """S22: measured on the virtual clock: 1, 2, 4, 8, 16, 32, 60 seconds after each exit."""

    async def scenario() -> list[float]:
        supervisor, world = supervise(service("api"))
        supervisor.start(["api"], "up")
        waits = []
        for _ in range(8):
            ended = VirtualClock().now()
            world.end("api", code=1)
            while "api" not in world.live:
                await asyncio.sleep(0.5)
            waits.append(world.spawned[-1][0] - ended)
        return waits

    assert run_virtual(scenario()) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_one_component_in_backoff_does_not_delay_another() -> None:
    """S20: the other one is restarted on its own time."""

    async def scenario() -> None:
        supervisor, world = supervise(
            service("slow", restart=Restart(backoff=Backoff(initial=60, max=60))),
            service("quick", restart=Restart(backoff=Backoff(initial=0))),
        )
        supervisor.start(["slow", "quick"], "up")
        world.end("slow", code=1)
        await asyncio.sleep(1)
        world.end("quick", code=1)

        assert states(supervisor) == {"slow": "backoff", "quick": "running"}
        assert world.spawned[-1] == (1.0, "quick", 2)

    run_virtual(scenario())


def test_reload_touches_only_what_changed() -> None:
    """S55, S56: same runs for what is the same; the changed restarts, the new starts, the gone stops."""

    async def scenario() -> None:
        supervisor, world = supervise(service("same"), service("changed"), service("gone"), service("soft"))
        supervisor.start(["same", "changed", "gone", "soft"], "up")
        changes = supervisor.reload(
            project(
                service("same"),
                service("changed", run=("other",)),
                service("soft", description="new words"),
                service("new"),
            )
        )
        assert (changes.unchanged, changes.changed, changes.updated) == (("same",), ("changed",), ("soft",))
        assert (changes.added, changes.removed) == (("new",), ("gone",))
        assert {name for _, name, _ in world.stopped} == {"changed", "gone"}
        world.end("changed")
        world.end("gone")

        assert states(supervisor) == {
            "same": "running",
            "changed": "running",
            "soft": "running",
            "new": "running",
        }
        assert world.live == {"same": 1, "soft": 1, "new": 1, "changed": 2}

    run_virtual(scenario())


def test_a_shutdown_goes_from_the_dependents_to_what_they_need() -> None:
    """S25, S48: a component is asked to stop when nobody alive needs it any more."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"), service("api", "db"), service("web", "api"))
        supervisor.start(["web"], "up")
        waited: list[list[str]] = []
        shutdown = Shutdown(supervisor, lambda _: None, "down")
        shutdown.listen(waited.append)
        ending = asyncio.ensure_future(shutdown.run())
        for name in ("web", "api", "db"):
            await asyncio.sleep(0.1)
            assert [stopped for _, stopped, _ in world.stopped][-1] == name
            world.end(name)
        ended = await ending

        assert waited == [["web"], ["api"], ["db"], []]
        assert (sorted(ended.stopped), ended.killed) == (["api", "db", "web"], [])

    run_virtual(scenario())


def test_what_crashes_during_a_shutdown_is_not_restarted() -> None:
    """S25: no restart, also of what has not had its turn."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"), service("api", "db"))
        supervisor.start(["api"], "up")
        ending = asyncio.ensure_future(Shutdown(supervisor, lambda _: None, "down").run())
        await asyncio.sleep(0)
        world.end("db", code=1)
        world.end("api")
        await ending

        assert states(supervisor) == {"db": "stopped", "api": "stopped"}
        assert len(world.spawned) == 2

    run_virtual(scenario())


def test_past_its_time_a_shutdown_kills_and_names() -> None:
    """`down --timeout`: who did not end in time is killed and told."""

    async def scenario() -> None:
        supervisor, world = supervise(service("stubborn"), service("nice"))
        supervisor.start(["stubborn", "nice"], "up")

        def kill(component: object) -> None:
            world.end("stubborn", code=137)

        shutdown = Shutdown(supervisor, kill, "down")
        shutdown.limit(5.0)
        ending = asyncio.ensure_future(shutdown.run())
        await asyncio.sleep(1)
        world.end("nice")
        ended = await ending

        assert (ended.stopped, ended.killed) == (["nice"], ["stubborn"])
        assert VirtualClock().now() == 5.0

    run_virtual(scenario())


def test_up_believes_in_a_component_without_probe_after_half_a_second() -> None:
    """INTERFACES §4: for `up`, still alive half a second later."""

    async def scenario() -> None:
        supervisor, _ = supervise(service("api"))
        supervisor.start(["api"], "up")
        wait = Wait(supervisor, VirtualClock(), ["api"], Goal.UP)

        assert await wait.finish(60.0)
        assert (VirtualClock().now(), list(wait.failed)) == (0.5, [])

    run_virtual(scenario())


def test_up_fails_at_once_when_a_task_fails() -> None:
    """P9: a gate fails at once when what it waits for has ended."""

    async def scenario() -> None:
        supervisor, world = supervise(task("migrate"), service("api", "migrate"))
        supervisor.start(["api"], "up")
        wait = Wait(supervisor, VirtualClock(), ["migrate", "api"], Goal.UP)
        asyncio.get_running_loop().call_later(2.0, world.end, "migrate", 1)

        assert await wait.finish(60.0)
        assert (VirtualClock().now(), list(wait.failed)) == (2.0, ["migrate"])

    run_virtual(scenario())


def test_up_fails_when_a_service_crashes_twice_in_a_row() -> None:
    """One crash may be bad luck; at the second `up` no longer waits for the policy."""

    async def scenario() -> None:
        supervisor, world = supervise(service("api"))
        supervisor.start(["api"], "up")
        wait = Wait(supervisor, VirtualClock(), ["api"], Goal.UP)
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, world.end, "api", 1)
        loop.call_later(1.2, world.end, "api", 1)

        assert await wait.finish(60.0)
        assert (round(VirtualClock().now(), 3), list(wait.failed)) == (1.2, ["api"])
        await asyncio.sleep(60)
        assert "exit code 1" in wait.failed["api"].reason, "what it was then, not what it is now"

    run_virtual(scenario())


def test_a_wait_that_is_too_long_ends_and_changes_nothing() -> None:
    """INTERFACES §5: exit 5 at the time-out, everything going on."""

    async def scenario() -> None:
        supervisor, _ = supervise(service("db", readiness=READY))
        supervisor.start(["db"], "up")
        wait = Wait(supervisor, VirtualClock(), ["db"], Goal.UP)

        assert not await wait.finish(10.0)
        assert (wait.open, supervisor.components["db"].state) == (["db"], State.RUNNING)

    run_virtual(scenario())
