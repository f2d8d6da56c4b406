"""What becomes of a component while what it runs in (a container engine) cannot be reached."""

from __future__ import annotations

from roost.core import outcome
from roost.core.machine import probes_wanted, step
from roost.core.model import ContainerKeys, Kind, Policy, Probe, ProbeKind, Restart, Spec, TcpProbe, Type
from roost.core.restore import Live, adopt
from roost.core.states import (
    Component,
    Desired,
    Effect,
    Event,
    Exit,
    Exited,
    Found,
    Held,
    Lost,
    Opened,
    Spawn,
    Spawned,
    State,
    Stop,
    Unwanted,
    Wanted,
)

AWAY = Lost(run=1, reason="waiting for the container engine: it is away")
PROBE = Probe(handler=TcpProbe(port="1"))


def box(**changes: object) -> Component:
    given: dict[str, object] = {"kind": Kind.CONTAINER, "container": ContainerKeys(image="box:1")}
    return Component(spec=Spec(name="box", **{**given, **changes}))  # type: ignore[arg-type]


def through(component: Component, *events: Event, at: float = 0.0) -> tuple[Component, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        component, more = step(component, event, at)
        effects += more
    return component, effects


def running(**changes: object) -> Component:
    begun = Spawned(run=1, container="c" * 64, wall=5.0)
    return through(box(**changes), Wanted(reason="up"), Opened(), begun)[0]


def ended(code: int, cause: str | None = None) -> Exited:
    return Exited(Exit(run=1, code=code, signal=None, known=True, at=9.0, wall=9.0, uptime=9.0, cause=cause))


def test_a_container_runs_like_a_process() -> None:
    """S12, P11: started, ready, and in its event the id that the engine's own command shows; no pid."""
    component, effects = through(
        box(), Wanted(reason="up"), Opened(), Spawned(run=1, container="c" * 64, wall=5.0)
    )
    assert (component.state, component.ready, component.pid) == (State.RUNNING, True, None)
    assert component.there and component.alive
    assert "started as container cccccccccccc" in [getattr(effect, "message", "") for effect in effects]


def test_a_container_is_probed_only_once_it_is_there() -> None:
    """S15: the time in which an image is fetched is no time of its probes."""
    starting, _ = through(box(startup=PROBE), Wanted(reason="up"), Opened())
    assert probes_wanted(starting) == ()
    there, _ = step(starting, Spawned(run=1, container="c", wall=0.0), 0.0)
    assert probes_wanted(there) == (ProbeKind.STARTUP,)


def test_a_running_container_waits_for_its_engine_and_goes_on() -> None:
    """P11: neither the loss nor the return of the engine is an exit, and the run keeps its number."""
    lost, effects = step(running(), AWAY, 10.0)
    assert (lost.state, lost.ready, lost.alive, lost.run) == (State.WAITING, False, True, 1)
    assert lost.reason == AWAY.reason
    assert not [effect for effect in effects if isinstance(effect, Spawn | Stop)]

    found, _ = step(lost, Found(run=1), 20.0)
    assert (found.state, found.ready, found.run, found.restarts) == (State.RUNNING, True, 1, 0)


def test_no_second_run_is_started_beside_one_that_is_out_of_sight() -> None:
    """P11: nothing runs twice, whatever opens meanwhile."""
    lost, _ = step(running(), AWAY, 10.0)
    after, effects = step(lost, Opened(), 11.0)
    assert after is lost and not effects


def test_a_container_that_had_passed_its_startup_probe_does_not_pass_it_again() -> None:
    """S11: it was started long ago; one that had not yet goes on trying."""
    waiting = running(startup=PROBE)
    assert waiting.state is State.STARTING
    lost, _ = step(waiting, AWAY, 1.0)
    assert step(lost, Found(run=1), 2.0)[0].state is State.STARTING


def test_an_end_out_of_sight_is_judged_when_it_is_known() -> None:
    """P8: the restart policy looks at it as at any exit; a task is completed by it."""
    service, _ = through(running(), AWAY, ended(137))
    assert (service.state, service.container) == (State.BACKOFF, None)
    task, _ = through(running(type=Type.TASK, restart=Restart(policy=Policy.NEVER)), AWAY, ended(0))
    assert task.state is State.COMPLETED


def test_a_start_that_the_engine_did_not_answer_is_taken_back() -> None:
    """P12: it waits, counts as no restart and as no failure, and the next start has another number."""
    starting, _ = through(box(), Wanted(reason="up"), Opened())
    lost, _ = step(starting, AWAY, 1.0)
    assert (lost.state, lost.alive, lost.history, lost.last_fault) == (State.WAITING, False, (), None)
    again, effects = step(lost, Opened(), 2.0)
    assert again.state is State.STARTING and effects == (Spawn("box", 2),)


def test_a_lost_container_that_nobody_wants_any_more_is_to_be_stopped() -> None:
    """S48: `down` does not forget what it cannot see."""
    lost, _ = step(running(), AWAY, 1.0)
    stopping, effects = step(lost, Unwanted(reason="down"), 2.0)
    assert stopping.state is State.STOPPING and effects == (Stop("box", 1),)
    assert outcome.outcome(lost, outcome.Goal.STOPPED, 2.0) is outcome.Outcome.PENDING


def test_what_is_fetched_for_a_start_is_its_reason() -> None:
    """Issue of long pulls: `status` and `up` show how far it is."""
    starting, _ = through(box(), Wanted(reason="up"), Opened())
    assert step(starting, Held("pulling box:1: 3 of 7 MB"), 1.0)[0].reason == "pulling box:1: 3 of 7 MB"


def test_the_cause_of_an_end_is_in_its_reason() -> None:
    """P10: running out of memory is said, not only its exit code."""
    after, _ = step(running(), ended(137, cause="out of memory"), 10.0)
    assert after.reason.startswith("exit code 137: out of memory; restart 1 of 10")


def test_a_container_that_is_met_again_is_found() -> None:
    """P11: the same finding after a return of the engine and after a restart of the daemon."""
    lost, _ = step(running(), AWAY, 1.0)
    live = Live(run=1, container="c" * 64, started=0.0, wall=5.0)
    assert adopt(lost, live, 9.0, 9.0) == (lost, (Found(run=1),))
    gone, told = adopt(lost, None, 9.0, 9.0)
    assert gone is lost and isinstance(told[0], Exited) and not told[0].exit.known


def test_a_run_that_was_started_unheard_is_taken_up() -> None:
    """P11: the engine made the container, and its answer was lost."""
    starting, _ = through(box(), Wanted(reason="up"), Opened())
    lost, _ = step(starting, AWAY, 1.0)
    after, told = adopt(lost, Live(run=1, container="c", started=1.0, wall=1.0), 2.0, 2.0)
    assert after.state is State.STARTING and after.desired is Desired.RUNNING
    assert told == (Spawned(run=1, container="c", wall=1.0, at=1.0),)
