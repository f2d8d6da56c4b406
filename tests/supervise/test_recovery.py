"""What the supervisor must survive: reloads at bad moments, and lives that were cut off in the middle."""

from __future__ import annotations

import asyncio

from roost.core.health import Result
from roost.core.model import Backoff, Probe, ProbeKind, Restart, Spec, TcpProbe
from roost.core.states import Component, Desired, Probed, State, Unwanted
from supervise.test_loop import service, states
from support.fake_world import project, supervise
from support.virtual_loop import run_virtual

PROBE = Probe(handler=TcpProbe(port="1"))


def test_what_a_removed_dependent_needed_goes_on_living() -> None:
    """S55: after a reload took `web` away, whatever becomes of `db` concerns nobody else."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"), service("web", "db"))
        supervisor.start(["web"], "up")
        supervisor.reload(project(service("db")))
        world.end("web")
        assert states(supervisor) == {"db": "running"}
        world.end("db", code=1)
        await asyncio.sleep(2)

        assert states(supervisor) == {"db": "running"}
        assert supervisor.dependents_alive(["db"]) == []

    run_virtual(scenario())


def test_what_was_removed_and_comes_back_is_what_the_file_says_now() -> None:
    """S55, S56: added again while its last run is still ending: it starts by the new command."""

    async def scenario() -> None:
        supervisor, world = supervise(service("api"))
        supervisor.start(["api"], "up")
        supervisor.reload(project())
        assert states(supervisor) == {"api": "stopping"}
        supervisor.reload(project(service("api", run=("other",), autostart=True)))
        world.end("api")

        assert states(supervisor) == {"api": "running"}
        assert supervisor.components["api"].spec.run == ("other",)

    run_virtual(scenario())


def test_what_was_removed_and_comes_back_without_autostart_only_ends() -> None:
    """S56: back in the file is not wanted by anybody."""

    async def scenario() -> None:
        supervisor, world = supervise(service("api"))
        supervisor.start(["api"], "up")
        supervisor.reload(project())
        supervisor.reload(project(service("api", run=("other",), autostart=False)))
        world.end("api")

        assert states(supervisor) == {"api": "stopped"}
        assert supervisor.components["api"].spec.run == ("other",)

    run_virtual(scenario())


def test_a_component_that_loses_its_startup_probe_is_running() -> None:
    """S55: nothing stays in `starting` for a probe that is no longer there."""

    async def scenario() -> None:
        supervisor, _ = supervise(service("api", startup=PROBE), service("web", "api"))
        supervisor.start(["web"], "up")
        assert states(supervisor) == {"api": "starting", "web": "waiting"}
        supervisor.reload(project(service("api"), service("web", "api")))

        assert states(supervisor) == {"api": "running", "web": "running"}
        assert supervisor.components["api"].ready

    run_virtual(scenario())


def test_a_component_that_loses_its_readiness_probe_is_ready() -> None:
    """S55: nothing stays unready for a probe that is no longer there."""

    async def scenario() -> None:
        supervisor, _ = supervise(service("api", readiness=PROBE), service("web", "api"))
        supervisor.start(["web"], "up")
        failed = Result(ok=False, message="connection refused")
        supervisor.apply("api", Probed(run=1, kind=ProbeKind.READINESS, result=failed))
        supervisor.reload(project(service("api"), service("web", "api")))

        assert supervisor.components["api"].ready
        assert states(supervisor)["web"] == "running"

    run_virtual(scenario())


def test_a_component_that_gets_its_first_readiness_probe_stays_ready_until_it_fails() -> None:
    """S55: a reload takes nobody's readiness away before a probe has said so."""

    async def scenario() -> None:
        supervisor, _ = supervise(service("api"))
        supervisor.start(["api"], "up")
        supervisor.reload(project(service("api", readiness=PROBE)))
        assert supervisor.components["api"].ready
        failed = Result(ok=False, message="connection refused")
        for _ in range(PROBE.failure_threshold - 1):
            supervisor.apply("api", Probed(run=1, kind=ProbeKind.READINESS, result=failed))
        assert supervisor.components["api"].ready
        supervisor.apply("api", Probed(run=1, kind=ProbeKind.READINESS, result=failed))
        assert not supervisor.components["api"].ready

    run_virtual(scenario())


def test_what_runs_and_is_in_no_configuration_is_stopped_and_then_forgotten() -> None:
    """S55, S77: a component whose removal was cut short by the end of the daemon does not stay for ever."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"))
        gone = Component(
            spec=Spec(name="gone"),
            state=State.RUNNING,
            desired=Desired.RUNNING,
            run=3,
            pid=7,
            wall_started=1.0,
        )
        world.live["gone"] = 3
        supervisor.restore({"db": Component(spec=service("db")), "gone": gone})
        assert [name for _, name, _ in world.stopped] == ["gone"]
        assert supervisor.components["gone"].reason == "it is no longer in the configuration"
        world.end("gone")

        assert states(supervisor) == {"db": "stopped"}

    run_virtual(scenario())


def test_a_reload_reaches_what_waits_for_its_restart() -> None:
    """S55: changed while in back-off: the new command is started now, and once."""

    async def scenario() -> None:
        slow = Restart(backoff=Backoff(initial=60, max=60))
        supervisor, world = supervise(service("api", restart=slow))
        supervisor.start(["api"], "up")
        world.end("api", code=1)
        supervisor.reload(project(service("api", run=("other",), restart=slow)))
        assert states(supervisor) == {"api": "running"}
        await asyncio.sleep(200)

        assert [run for _, _, run in world.spawned] == [1, 2]

    run_virtual(scenario())


def test_a_reload_reaches_what_is_being_stopped_for_good() -> None:
    """P8: a changed file does not start what a person has just stopped."""

    async def scenario() -> None:
        supervisor, world = supervise(service("api"))
        supervisor.start(["api"], "up")
        supervisor.apply("api", Unwanted(reason="stopped by request"))
        supervisor.reload(project(service("api", run=("other",))))
        world.end("api")

        assert states(supervisor) == {"api": "stopped"}

    run_virtual(scenario())
