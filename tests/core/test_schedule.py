"""When a scheduled task runs next, and what its component says meanwhile."""

from __future__ import annotations

import pytest

from roost.core import schedule
from roost.core.machine import step
from roost.core.model import Policy, Restart, Schedule, Spec, Type
from roost.core.restore import forget_boot, want_again
from roost.core.states import (
    Component,
    Desired,
    Due,
    Effect,
    Event,
    Exit,
    Exited,
    Opened,
    Planned,
    Spawned,
    State,
    Tell,
    Unwanted,
    Wanted,
)

AT_NOON = 1_800_014_400.0
UP = Wanted(reason="up", now=False)


def backup(policy: Policy = Policy.NEVER) -> Component:
    spec = Spec(
        name="backup",
        run=("true",),
        type=Type.TASK,
        schedule=Schedule(every=60),
        restart=Restart(policy=policy),
    )
    return Component(spec=spec)


def through(component: Component, *events: Event) -> tuple[Component, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        component, more = step(component, event, 0.0)
        effects += more
    return component, effects


def ended(run: int, code: int = 0) -> Exited:
    return Exited(Exit(run=run, code=code, signal=None, known=True, at=0.0, wall=0.0, uptime=1.0))


RUN = (Due(reason="its scheduled time has come"), Opened(), Spawned(run=1, pid=7, wall=0.0))


@pytest.mark.parametrize(
    ("previous", "wall", "expected"),
    [
        (None, 1000.0, 1060.0),
        (1000.0, 1000.0, 1060.0),
        (1000.0, 1059.9, 1060.0),
        (1000.0, 1060.0, 1120.0),
        (1000.0, 9000.0, 9060.0),
        (9000.0, 1000.0, 1060.0),
    ],
)
def test_an_interval_stays_in_step_and_never_looks_back(
    previous: float | None, wall: float, expected: float
) -> None:
    """`every`: from one start to the next; after a long sleep, or a clock set back, from now on."""
    assert schedule.next_of_interval(60.0, previous, wall) == expected


def test_up_only_plans_a_scheduled_task() -> None:
    """INTERFACES §4: before the first run `stopped`, with the reason "next run at …"."""
    component, effects = through(backup(), UP, Planned(AT_NOON))

    assert (component.state, component.desired) == (State.STOPPED, Desired.RUNNING)
    assert component.reason == "next run at 2027-01-15T12:00:00Z"
    assert (component.next_run, effects) == (AT_NOON, [])


def test_a_person_may_start_it_before_its_time() -> None:
    """`start NAME` runs it now; its plan stays."""
    component, _ = through(backup(), UP, Planned(AT_NOON), Wanted(reason="by hand"))

    assert (component.state, component.next_run) == (State.WAITING, AT_NOON)


def test_between_runs_it_is_completed_and_names_the_next_one() -> None:
    """INTERFACES §4: `completed` between runs."""
    component, _ = through(backup(), UP, Planned(AT_NOON), Planned(AT_NOON + 60), *RUN, ended(1))
    assert (component.state, component.run) == (State.COMPLETED, 1)
    assert component.reason == "completed (exit code 0); next run at 2027-01-15T12:01:00Z"

    component, _ = through(component, Planned(AT_NOON + 120))
    assert component.reason == "completed (exit code 0); next run at 2027-01-15T12:02:00Z"


def test_a_failed_run_does_not_end_the_schedule() -> None:
    """It is red until its next time, and then tried again."""
    component, _ = through(backup(), UP, Planned(AT_NOON), *RUN, ended(1, code=2))
    assert component.state is State.FAILED
    assert component.reason == "failed: exit code 2; next run at 2027-01-15T12:00:00Z"

    component, _ = through(component, RUN[0])
    assert component.state is State.WAITING


def test_runs_never_overlap() -> None:
    """A time that comes while a run is under way is left out, and that is an event."""
    running, _ = through(backup(), UP, Planned(AT_NOON), *RUN)
    after, effects = through(running, Due(reason="again"))

    assert after == running
    assert [effect.kind for effect in effects if isinstance(effect, Tell)] == ["skipped"]


@pytest.mark.parametrize("before", [(UP, Planned(AT_NOON)), (UP, Planned(AT_NOON), *RUN, ended(1))])
def test_what_is_not_wanted_does_not_run_by_its_schedule(before: tuple[Event, ...]) -> None:
    """`stop` ends the schedule until somebody wants it again."""
    component, _ = through(backup(), *before, Unwanted(reason="stopped by request"), Due(reason="due"))

    assert (component.state, component.next_run) == (State.STOPPED, None)


def test_a_stop_during_a_run_ends_the_schedule_too() -> None:
    """The plan is forgotten together with the wish."""
    component, _ = through(backup(), UP, Planned(AT_NOON), *RUN, Unwanted(reason="stop"), ended(1, 143))

    assert (component.state, component.desired, component.next_run) == (State.STOPPED, Desired.STOPPED, None)


def test_after_a_reboot_it_waits_for_its_time() -> None:
    """A task that runs at night does not run because the machine was started."""
    planned, _ = through(backup(), UP, Planned(AT_NOON))

    assert (forget_boot(planned).state, forget_boot(planned).next_run) == (State.STOPPED, AT_NOON)
    assert want_again(planned, Desired.RUNNING, "again").state is State.STOPPED
