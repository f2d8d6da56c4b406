"""The state machine, cell by cell and as a whole."""

from __future__ import annotations

import typing

import pytest
from msgspec.structs import replace

from roost.core.health import Result
from roost.core.machine import TABLE, probes_wanted, step
from roost.core.model import (
    Backoff,
    Limit,
    Policy,
    Probe,
    ProbeKind,
    Restart,
    Spec,
    TcpProbe,
    Type,
)
from roost.core.states import (
    EVENTS,
    Component,
    Desired,
    Effect,
    Elapsed,
    Ended,
    Event,
    Exit,
    Exited,
    Halt,
    Health,
    Held,
    Opened,
    Probed,
    RestartWanted,
    Spawn,
    Spawned,
    SpawnFailed,
    State,
    Stop,
    Tell,
    Unwanted,
    Wanted,
)
from roost.core.words import tally

PROBE = Probe(handler=TcpProbe(port="1"), failure_threshold=3)
ALWAYS_AT_ONCE = Restart(backoff=Backoff(initial=0))


def spec(**changes: typing.Any) -> Spec:
    return Spec(**{"name": "api", "run": ("true",), **changes})


def run_through(component: Component, *events: Event, at: float = 0.0) -> tuple[Component, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        component, more = step(component, event, at)
        effects += more
    return component, effects


def ended(
    run: int = 1, code: int | None = 1, uptime: float = 0.5, at: float = 1.0, known: bool = True
) -> Exited:
    return Exited(Exit(run=run, code=code, signal=None, known=known, at=at, wall=at, uptime=uptime))


def started(**changes: typing.Any) -> Component:
    component, _ = run_through(
        Component(spec=spec(**changes)), Wanted(reason="up"), Opened(), Spawned(run=1, pid=7, wall=0.0)
    )
    return component


def looked(kind: ProbeKind, ok: bool, run: int = 1) -> Probed:
    return Probed(run=run, kind=kind, result=Result(ok=ok, message="ok" if ok else "refused"))


def kinds(effects: list[Effect] | tuple[Effect, ...]) -> list[str]:
    return [effect.kind for effect in effects if isinstance(effect, Tell)]


def test_every_state_has_a_cell_for_every_event() -> None:
    """S74: nothing is left to chance; only listed transitions are possible."""
    assert set(TABLE) == {(state, event) for state in State for event in EVENTS}
    assert set(EVENTS) == set(typing.get_args(Event))


def test_a_service_without_probes_is_ready_when_it_is_started() -> None:
    """INTERFACES §4: without probes a component is ready when started."""
    component = started()

    assert (component.state, component.ready, component.pid, component.health) == (
        State.RUNNING,
        True,
        7,
        Health.HEALTHY,
    )


def test_a_task_is_not_ready_while_it_runs() -> None:
    """What depends on a task waits for its end."""
    component = started(type=Type.TASK, restart=Restart(policy=Policy.NEVER))

    assert (component.state, component.ready) == (State.RUNNING, False)


def test_a_run_gets_its_number_when_it_is_asked_for() -> None:
    """The keeper is asked once, with the number by which all later events are told apart."""
    component, effects = run_through(Component(spec=spec(), run=4), Wanted(reason="up"), Opened())

    assert component.run == 5
    assert effects == [Spawn("api", 5)]


def test_an_event_of_an_older_run_changes_nothing() -> None:
    """A late exit cannot overwrite its successor."""
    component = replace(started(), run=2)

    for event in (ended(run=1), looked(ProbeKind.LIVENESS, False, run=1), Spawned(run=1, pid=9, wall=0.0)):
        assert step(component, event, 5.0) == (component, ())


def test_readiness_comes_and_goes_and_restarts_nothing() -> None:
    """S11: a failed readiness probe makes a component unready, and that is all."""
    component = started(readiness=PROBE)
    assert not component.ready

    component, effects = run_through(component, looked(ProbeKind.READINESS, True))
    assert component.ready
    assert kinds(effects) == ["ready"]

    component, effects = run_through(component, *[looked(ProbeKind.READINESS, False)] * 3)
    assert (component.ready, component.state) == (False, State.RUNNING)
    assert component.reason == "not ready: readiness probe failed: refused"
    assert kinds(effects) == ["unready"]


def test_liveness_restarts_at_its_threshold() -> None:
    """S11: three failures in a row, not two, end the run."""
    component = started(liveness=PROBE)
    component, effects = run_through(component, *[looked(ProbeKind.LIVENESS, False)] * 2)
    assert (component.state, effects) == (State.RUNNING, [])

    component, effects = run_through(component, looked(ProbeKind.LIVENESS, False))
    assert (component.state, component.halt, component.health) == (
        State.STOPPING,
        Halt.FAULT,
        Health.UNHEALTHY,
    )
    assert Stop("api", 1) in effects

    component, effects = run_through(component, ended(code=None, at=2.0), at=2.0)
    assert component.state is State.BACKOFF
    assert "liveness probe failed: refused" in component.reason


def test_nothing_but_startup_is_probed_until_it_has_passed() -> None:
    """S11, S15: a startup probe delays the others."""
    component = started(startup=PROBE, liveness=PROBE, readiness=PROBE)
    assert (component.state, probes_wanted(component)) == (State.STARTING, (ProbeKind.STARTUP,))

    component, _ = run_through(component, looked(ProbeKind.STARTUP, True))
    assert component.state is State.RUNNING
    assert probes_wanted(component) == (ProbeKind.LIVENESS, ProbeKind.READINESS)


def test_a_failed_startup_probe_ends_the_run() -> None:
    """S11: it counts as a failure of the component."""
    component = started(startup=PROBE)
    component, _ = run_through(component, *[looked(ProbeKind.STARTUP, False)] * 3)

    assert (component.state, component.halt) == (State.STOPPING, Halt.FAULT)


def test_a_crash_is_restarted_after_its_delay() -> None:
    """S22, S24: the event tells reason, attempt and delay."""
    component, effects = run_through(started(), ended(at=100.0), at=100.0)

    assert (component.state, component.deadline) == (State.BACKOFF, 101.0)
    (told,) = [effect for effect in effects if isinstance(effect, Tell) and effect.kind == "restarting"]
    assert told.data == {"attempt": 1, "delay_s": 1.0, "cause": "exit code 1"}

    component, _ = run_through(component, Elapsed(), Opened(), Spawned(run=2, pid=8, wall=50.0), at=101.0)
    assert (component.state, component.restarts, component.wall_restarted) == (State.RUNNING, 1, 50.0)


def test_the_eleventh_restart_is_refused_and_a_person_clears_it() -> None:
    """S23: ten restarts in ten minutes, then failed with both figures; a start by hand begins anew."""
    component = started(restart=ALWAYS_AT_ONCE)
    for n in range(1, 11):
        component, _ = run_through(
            component,
            ended(run=n, at=float(n)),
            Elapsed(),
            Opened(),
            Spawned(run=n + 1, pid=n, wall=0.0),
            at=float(n),
        )
    assert (component.state, component.restarts) == (State.RUNNING, 10)

    component, effects = run_through(component, ended(run=11, at=11.0), at=11.0)
    assert component.state is State.FAILED
    assert "10 restarts within 10 min" in component.reason
    assert "gave_up" in kinds(effects)

    component, _ = run_through(component, Wanted(reason="boot", anew=False), at=12.0)
    assert component.state is State.FAILED
    component, _ = run_through(component, Wanted(reason="by hand"), Opened(), at=13.0)
    assert (component.state, component.history) == (State.STARTING, ())


def test_every_counted_life_keeps_how_it_ended() -> None:
    """P10: by itself, because of a probe, or before it began; the reason names the ends, each kind once."""
    policy = Restart(backoff=Backoff(initial=0), limit=Limit(max=3, within=60))
    probe = Probe(handler=TcpProbe(port="1"), failure_threshold=1)
    component, _ = run_through(
        started(restart=policy, liveness=probe),
        ended(uptime=0.5),
        *(Elapsed(), Opened(), SpawnFailed(run=2, message="no such program", wall=2.0)),
        *(Elapsed(), Opened(), Spawned(run=3, pid=8, wall=3.0), looked(ProbeKind.LIVENESS, ok=False, run=3)),
        ended(run=3, code=143, uptime=9.0),
        at=5.0,
    )
    assert component.history == (
        Ended(5.0, 0.5, 1, 1.0, code=1),
        Ended(5.0, 0.0, 2, 2.0, cause="no such program"),
        Ended(5.0, 9.0, 3, 1.0, cause="liveness probe failed: refused"),
    )

    component, _ = run_through(
        component, Elapsed(), Opened(), Spawned(run=4, pid=9, wall=4.0), ended(run=4, code=7), at=6.0
    )
    assert component.reason == (
        "gave up after 3 restarts within 1 min; last: exit code 7; "
        "before: exit code 1, no such program, liveness probe failed"
    )


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], ""),
        ([7], "1 like it"),
        ([1], "exit code 1"),
        ([1, 2, 2, 7, 7], "2 like it, 2 × exit code 2, exit code 1"),
        ([1, 2, 3, 4, 5], "exit code 1, exit code 2, exit code 3, 2 in other ways"),
        ([None, None], "2 × ended unattended, exit code unknown"),
    ],
)
def test_equal_ends_are_told_once_and_few_of_them(codes: list[int | None], expected: str) -> None:
    """P10: a reason is one sentence, however many lives it tells of."""
    last = Ended(0.0, 0.0, 1, 0.0, 7)
    assert tally([Ended(0.0, 0.0, 1, 0.0, code) for code in codes], last) == expected


def test_a_cause_with_other_figures_is_no_other_cause() -> None:
    """P10: each look at the memory gives another figure, and each probe another latency."""

    def over(figure: str) -> Ended:
        return Ended(0.0, 0.0, 1, 0.0, cause=f"uses {figure} MB of memory, more than its limit of 50 MB")

    assert tally([over("93.1"), over("93.0")], over("92")) == "2 like it"
    probe = Ended(0.0, 0.0, 1, 0.0, cause="liveness probe failed: HTTP 500")
    assert tally([over("93.1"), over("93"), probe], probe) == (
        "1 like it, 2 × uses … MB of memory, more than its limit of … MB"
    )


def test_the_window_slides() -> None:
    """S23: when old restarts have left the window, there is room for new ones."""
    policy = Restart(backoff=Backoff(initial=0), limit=Limit(max=1, within=60))
    component, _ = run_through(
        started(restart=policy), ended(at=0.0), Elapsed(), Opened(), Spawned(run=2, pid=1, wall=0.0), at=0.0
    )
    late, _ = run_through(component, ended(run=2, at=61.0), at=61.0)
    soon, _ = run_through(component, ended(run=2, at=59.0), at=59.0)

    assert (late.state, soon.state) == (State.BACKOFF, State.FAILED)


@pytest.mark.parametrize(
    ("policy", "code", "known", "expected"),
    [
        (Policy.ALWAYS, 0, True, State.BACKOFF),
        (Policy.ALWAYS, 1, True, State.BACKOFF),
        (Policy.ON_FAILURE, 0, True, State.COMPLETED),
        (Policy.ON_FAILURE, 1, True, State.BACKOFF),
        (Policy.ON_FAILURE, None, False, State.BACKOFF),
        (Policy.NEVER, 0, True, State.COMPLETED),
        (Policy.NEVER, 1, True, State.FAILED),
        (Policy.NEVER, None, False, State.FAILED),
    ],
)
def test_what_follows_an_exit(policy: Policy, code: int | None, known: bool, expected: State) -> None:
    """INTERFACES §3 `restart`; an unknown exit code is a failure, never a completion (DESIGN §1)."""
    component, _ = run_through(started(restart=Restart(policy=policy)), ended(code=code, known=known))

    assert component.state is expected


def test_other_codes_may_mean_success() -> None:
    """`success_exit_codes` replaces the plain 0."""
    policy = Restart(policy=Policy.NEVER, success_exit_codes=(0, 3))
    component, _ = run_through(started(type=Type.TASK, restart=policy), ended(code=3))

    assert component.state is State.COMPLETED


def test_stop_cancels_a_planned_restart() -> None:
    """INTERFACES §5: `stop` is valid in every state."""
    component, _ = run_through(started(), ended(), Unwanted(reason="stopped by request"))

    assert (component.state, component.deadline, component.desired) == (State.STOPPED, None, Desired.STOPPED)


def test_a_component_that_was_asked_to_stop_is_not_restarted() -> None:
    """S25, S49: whatever its exit code."""
    component, effects = run_through(started(), Unwanted(reason="stopped by request"), ended(code=143))

    assert (component.state, component.pid) == (State.STOPPED, None)
    assert kinds(effects) == ["unready", "exited", "stopped"]


def test_during_a_shutdown_what_ends_early_stays_down() -> None:
    """S25: no restart while everything is being stopped, also of what still waits for its turn."""
    component, effects = run_through(started(), Unwanted(reason="down", later=True))
    assert (component.state, effects) == (State.RUNNING, [])

    component, _ = run_through(component, ended(code=1))
    assert component.state is State.STOPPED


def test_a_restart_by_request_does_not_count() -> None:
    """INTERFACES §4: the limit counts only what we decide on after an exit."""
    component, _ = run_through(
        started(restart=Restart(limit=Limit(max=1, within=60))),
        RestartWanted(reason="by request"),
        ended(code=143),
        Opened(),
        Spawned(run=2, pid=8, wall=0.0),
        RestartWanted(reason="by request"),
        ended(run=2, code=143),
        Opened(),
        Spawned(run=3, pid=9, wall=0.0),
    )

    assert (component.state, component.restarts, component.history) == (State.RUNNING, 2, ())


def test_a_start_during_a_stop_follows_it() -> None:
    """The last wish wins, in whatever state it comes."""
    component, _ = run_through(started(), Unwanted(reason="stop"), Wanted(reason="start"), ended(code=0))
    assert component.state is State.WAITING

    component, _ = run_through(
        started(), Unwanted(reason="stop"), Wanted(reason="start"), Unwanted(reason="stop"), ended(code=0)
    )
    assert component.state is State.STOPPED


def test_a_stop_before_the_keeper_has_answered_stops_what_then_comes() -> None:
    """Who was asked to start it may give it up; what comes of it all the same is stopped again."""
    asked, effects = run_through(
        Component(spec=spec()), Wanted(reason="up"), Opened(), Unwanted(reason="stop")
    )
    assert effects[-1] == Stop("api", 1)

    _, effects = run_through(asked, Spawned(run=1, pid=7, wall=0.0))
    assert effects == [Stop("api", 1)]


def test_what_cannot_be_started_is_a_failure_with_its_reason() -> None:
    """A missing program is judged by the restart policy like a crash at once."""
    asked, _ = run_through(Component(spec=spec()), Wanted(reason="up"), Opened())
    component, effects = run_through(asked, SpawnFailed(run=1, message="no such program: 'x'", wall=1.0))

    assert component.state is State.BACKOFF
    assert component.last_fault is not None and component.last_fault.message == "no such program: 'x'"
    assert kinds(effects) == ["start_failed", "restarting"]


def test_a_held_component_says_for_what_it_waits() -> None:
    """P10: the reason is that of the gate."""
    component, _ = run_through(
        Component(spec=spec()), Wanted(reason="up"), Held("waiting for db: it is not started")
    )

    assert (component.state, component.reason) == (State.WAITING, "waiting for db: it is not started")
