"""What a new daemon believes: every combination of saved state and keeper's word that can come about."""

from __future__ import annotations

import pytest

from roost.core.machine import step
from roost.core.model import Policy, Probe, Restart, Spec, TcpProbe
from roost.core.restore import Live, adopt
from roost.core.states import (
    Component,
    Desired,
    Effect,
    Exit,
    Exited,
    Halt,
    Opened,
    Spawn,
    Spawned,
    State,
    Stop,
    Tell,
    Unwanted,
    Wanted,
)
from roost.edges.store import restored, saved

NOW, WALL = 100.0, 1_800_000_000.0
PROBE = Probe(handler=TcpProbe(port="1"))


def spec(**changes: object) -> Spec:
    return Spec(**{"name": "api", "run": ("api",), **changes})  # type: ignore[arg-type]


def lived(*events: object, of: Spec | None = None) -> Component:
    """A component after these events."""
    component = Component(spec=of or spec())
    for event in (Wanted(reason="up"), Opened(), *events):
        component, _ = step(component, event, NOW - 50)  # type: ignore[arg-type]
    return component


def ended(run: int = 1, code: int | None = 0, signal: int | None = None) -> Exited:
    return Exited(Exit(run=run, code=code, signal=signal, known=True, at=NOW, wall=WALL, uptime=20.0))


def taken_up(before: Component, live: Live | None, *replayed: Exited) -> tuple[Component, list[Effect]]:
    """The component in the next daemon, after all that it is told, and what was done for that."""
    component, events = adopt(restored(before.spec, saved(before)), live, NOW, WALL)
    done: list[Effect] = []
    for event in (*events, *replayed):
        component, effects = step(component, event, NOW)
        done += effects
    return component, done


def live(run: int = 1, **changes: object) -> Live:
    return Live(**{"run": run, "pid": 4711, "started": NOW - 30, "wall": WALL - 30, **changes})  # type: ignore[arg-type]


SPAWNED = Spawned(run=1, pid=4711, wall=WALL - 30)


def test_a_run_whose_birth_was_not_saved_is_running() -> None:
    """P1: killed between request and reply: nothing stays in `starting` for ever, and its start is told."""
    component, done = taken_up(lived(), live())

    assert (component.state, component.pid, component.ready) == (State.RUNNING, 4711, True)
    assert (component.started, component.wall_started) == (NOW - 30, WALL - 30)
    assert [one.kind for one in done if isinstance(one, Tell)] == ["started", "ready"]


def test_a_run_that_the_keeper_never_heard_of_is_no_crash() -> None:
    """P1: killed before the request got there: it is started as if nothing had been, under the same number."""
    component, done = taken_up(lived(of=spec(restart=Restart(policy=Policy.NEVER))), None)
    assert (component.state, component.desired, component.history) == (State.WAITING, Desired.RUNNING, ())
    assert done == []

    again, effects = step(component, Opened(), NOW)
    assert effects == (Spawn("api", 1),) and again.restarts == 0


def test_a_start_that_was_taken_back_before_it_began_leaves_nothing() -> None:
    """P8: stopped while it was starting, and the keeper never heard of it."""
    component, _ = taken_up(lived(Unwanted(reason="stopped by request")), None)

    assert (component.state, component.desired) == (State.STOPPED, Desired.STOPPED)
    assert component.reason == "stopped by request"


def test_what_was_to_be_stopped_before_it_was_born_is_stopped() -> None:
    """P8: the stop that waited for the birth is not forgotten."""
    component, done = taken_up(lived(Unwanted(reason="stopped by request")), live())

    assert component.state is State.STOPPING
    assert Stop("api", 1) in done


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (lived(SPAWNED, Unwanted(reason="by request"), ended()), State.STOPPED),
        (lived(SPAWNED, ended(code=1)), State.BACKOFF),
        (lived(SPAWNED, ended(code=1), of=spec(restart=Restart(policy=Policy.NEVER))), State.FAILED),
        (lived(SPAWNED, ended(), of=spec(restart=Restart(policy=Policy.NEVER))), State.COMPLETED),
    ],
)
def test_an_end_that_is_saved_and_told_again_changes_nothing(before: Component, state: State) -> None:
    """P8: the keeper had not heard that it was saved; no wish is lost, no restart is counted twice."""
    assert before.state is state
    component, done = taken_up(before, live(ended=True), ended(code=1))

    assert (component.state, component.desired) == (state, before.desired)
    assert (component.history, component.pid) == (before.history, None)
    assert done == []


def test_an_end_that_was_not_saved_is_judged() -> None:
    """P1: the exit that nobody acknowledged decides what follows."""
    component, _ = taken_up(lived(SPAWNED), live(ended=True), ended(code=3))

    assert (component.state, component.last_exit and component.last_exit.code) == (State.BACKOFF, 3)
    assert len(component.history) == 1


def test_a_stop_that_was_sent_and_not_saved_is_no_crash() -> None:
    """P8: what we stopped ourselves for a restart is started again at once and does not count."""
    component, _ = taken_up(lived(SPAWNED), live(stopping=True))
    assert (component.state, component.halt) == (State.STOPPING, Halt.RESTART)

    component, _ = step(component, ended(code=None, signal=15), NOW)
    assert (component.state, component.history) == (State.WAITING, ())


def test_a_restart_whose_birth_was_not_saved_counts() -> None:
    """S26: the restart count and its time survive, wherever the daemon was killed."""
    waiting = lived(SPAWNED, ended(code=1))
    component, _ = taken_up(waiting, live(run=2))

    assert (component.state, component.run, component.restarts) == (State.RUNNING, 2, 1)
    assert component.wall_restarted == WALL - 30


def test_that_the_next_start_is_a_restart_survives() -> None:
    """S26: the same where the daemon is killed while the restart waits."""
    from roost.core.states import Elapsed

    waiting = lived(SPAWNED, ended(code=1), Elapsed())
    component, _ = taken_up(waiting, None)
    starting, _ = step(component, Opened(), NOW)

    assert (component.state, starting.restarts) == (State.WAITING, 1)


def test_what_runs_and_is_not_wanted_is_stopped() -> None:
    """S77: a shutdown that was cut short goes on: what still ran in it is not left running."""
    component, done = taken_up(lived(SPAWNED, Unwanted(reason="down", later=True)), live())

    assert (component.state, component.desired) == (State.STOPPING, Desired.STOPPED)
    assert Stop("api", 1) in done


def test_a_run_without_a_trace_has_ended_unknown() -> None:
    """P2: the keeper knows nothing of a run that was there: a failure, and `known` is false."""
    component, _ = taken_up(lived(SPAWNED), None)

    assert component.state is State.BACKOFF
    assert component.last_exit is not None and not component.last_exit.known


def test_a_run_of_which_nothing_was_saved_is_taken_up() -> None:
    """P20: with the state lost, what runs is found again, and a startup probe begins anew."""
    nothing = Component(spec=spec(startup=PROBE))
    component, _ = taken_up(nothing, live(run=7))

    assert (component.state, component.run, component.desired) == (State.STARTING, 7, Desired.RUNNING)
    assert component.pid == 4711
