"""The state machine of one component: `step(component, event, now) → (component, effects)`.  Pure.

Rule 1: every transition of a run is in this file.  Rule 2: every (state, event) pair has its cell in
`TABLE`, also those in which nothing happens; a test counts them.  Above each cell stands where it may lead,
which another test holds against thousands of random lives; the diagram in the documentation is drawn from it
(`EDGES`), so what is drawn is what runs.  Rule 3: an event of an older run is dropped before the table is
looked at.  What is only watched has no runs and a small table of its own (`external`).
"""

from __future__ import annotations

from msgspec.structs import replace

from . import backoff, external, health
from .cells import Cell, Step, edges
from .cells import leads_to as _leads_to
from .cells import stay as _stay
from .cells import tell as _tell
from .model import Policy, ProbeKind, Type
from .states import (
    EVENTS,
    Component,
    Desired,
    Due,
    Elapsed,
    Ended,
    Event,
    Exit,
    Exited,
    Fault,
    Found,
    Halt,
    Held,
    Lost,
    Noted,
    Opened,
    Overgrown,
    Planned,
    Probed,
    Respecified,
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
from .words import SHORT_ID, duration, exit_text, next_run_text, tally


def step(component: Component, event: Event, now: float) -> Step:
    """What becomes of a component, and what has to be done, when `event` has happened."""
    if _stale(component, event):
        return component, ()
    if component.watched_only:
        return external.TABLE[component.state, type(event)](component, event, now)
    return TABLE[component.state, type(event)](component, event, now)


def _stale(component: Component, event: Event) -> bool:
    match event:
        case Spawned(run=run) | SpawnFailed(run=run) | Probed(run=run) | Overgrown(run=run) | Noted(run=run):
            return run != component.run
        case Lost(run=run) | Found(run=run):
            return run != component.run
        case Exited(exit=ended):
            return ended.run != component.run
        case _:
            return False


def probes_wanted(component: Component) -> tuple[ProbeKind, ...]:
    """Which probes have to run now: startup alone until it has passed, then the other two."""
    if component.watched_only:
        return external.probes_wanted(component)
    if not component.there:
        return ()
    configured = component.spec.probes()
    if component.state is State.STARTING:
        return (ProbeKind.STARTUP,) if ProbeKind.STARTUP in configured else ()
    if component.state is State.RUNNING:
        return tuple(kind for kind in (ProbeKind.LIVENESS, ProbeKind.READINESS) if kind in configured)
    return ()


# -- wishes ----------------------------------------------------------------------------------------------


@_leads_to(State.WAITING)
def _plan_start(component: Component, event: Wanted | RestartWanted, _now: float) -> Step:
    """From rest to waiting; the gate is looked at in the same turn."""
    return (
        replace(
            component,
            state=State.WAITING,
            desired=Desired.RUNNING,
            reason=event.reason,
            deadline=None,
            again=False,
            history=() if event.anew else component.history,
        ),
        (),
    )


@_leads_to(State.WAITING, State.STOPPED)
def _plan_start_or_wait(component: Component, event: Wanted, now: float) -> Step:
    """As above, but a scheduled task waits for its time, unless it shall run now."""
    planned, effects = _plan_start(component, event, now)
    if event.now or component.spec.schedule is None:
        return planned, effects
    reason = _with_next_run(planned, "") or "it runs by its schedule"
    return replace(planned, state=State.STOPPED, reason=reason), effects


@_leads_to(State.WAITING, State.STOPPED)
def _plan_start_if_anew(component: Component, event: Wanted, now: float) -> Step:
    """What has ended for good starts again only when a person says so."""
    if event.anew:
        return _plan_start_or_wait(component, event, now)
    return replace(component, desired=Desired.RUNNING), ()


@_leads_to()
def _keep_wanting(component: Component, _event: Wanted, _now: float) -> Step:
    return replace(component, desired=Desired.RUNNING), ()


@_leads_to(State.STOPPED)
def _rest(component: Component, event: Unwanted, _now: float) -> Step:
    """Nothing runs: it is stopped at once, and a planned restart is off."""
    if component.state is State.STOPPED and component.desired is Desired.STOPPED:
        return component, ()
    stopped = replace(
        component,
        state=State.STOPPED,
        desired=Desired.STOPPED,
        reason=event.reason,
        deadline=None,
        next_run=None,
        ready=False,
    )
    if component.state is State.STOPPED:
        return stopped, ()
    return stopped, (_tell(stopped, "stopped", event.reason),)


@_leads_to(State.STOPPING)
def _end(component: Component, event: Unwanted, _now: float) -> Step:
    """It runs: ask for its end, or with `later` only note that it is not wanted any more."""
    if event.later:
        return replace(component, desired=Desired.STOPPED), ()
    return _halt(replace(component, desired=Desired.STOPPED, next_run=None), Halt.STOP, event.reason)


@_leads_to(State.STOPPING)
def _begin_again(component: Component, event: RestartWanted, _now: float) -> Step:
    history = () if event.anew else component.history
    wanted = replace(component, desired=Desired.RUNNING, history=history)
    return _halt(wanted, Halt.RESTART, event.reason)


def _halt(component: Component, halt: Halt, reason: str) -> Step:
    stopping = replace(component, state=State.STOPPING, halt=halt, reason=reason, ready=False, deadline=None)
    stop = Stop(component.name, component.run)
    return stopping, (_tell(stopping, "unready", reason), stop) if component.ready else (stop,)


@_leads_to()
def _start_after_end(component: Component, event: Wanted, _now: float) -> Step:
    """Wanted again while it is being stopped: it ends first, then starts."""
    halt = Halt.RESTART if component.halt is Halt.STOP else component.halt
    return replace(component, desired=Desired.RUNNING, halt=halt), ()


@_leads_to()
def _restart_after_end(component: Component, event: RestartWanted, _now: float) -> Step:
    history = () if event.anew else component.history
    return replace(component, desired=Desired.RUNNING, halt=Halt.RESTART, history=history), ()


@_leads_to()
def _stop_after_end(component: Component, event: Unwanted, _now: float) -> Step:
    """Not wanted any more while it is being stopped: nothing follows its end."""
    unwanted = replace(component, desired=Desired.STOPPED, next_run=None)
    return replace(unwanted, halt=Halt.STOP, reason=event.reason), ()


# -- starting --------------------------------------------------------------------------------------------


@_leads_to(State.STARTING)
def _launch(component: Component, event: Opened, now: float) -> Step:
    if component.there:
        return component, ()  # its last run was lost sight of, and may go on
    run = component.run + 1
    starting = replace(
        component,
        state=State.STARTING,
        run=run,
        started=now,
        wall_started=None,
        ready=False,
        windows={kind: health.initial(kind) for kind in component.spec.probes()},
        restarts=component.restarts + component.again,
        halt=None,
        deadline=None,
        met=event.met,
        status_text=None,
        reason="starting",
    )
    return starting, (Spawn(component.name, run),)


@_leads_to()
def _hold(component: Component, event: Held, _now: float) -> Step:
    return replace(component, reason=event.reason), ()


@_leads_to(State.RUNNING)
def _arrive(component: Component, event: Spawned, now: float) -> Step:
    """The process is there.  Without a startup probe it is running from now on."""
    restarted = event.wall if component.again else component.wall_restarted
    born = replace(
        component,
        pid=event.pid,
        container=event.container,
        started=now if event.at is None else event.at,
        wall_started=event.wall,
        wall_restarted=restarted,
        again=False,
    )
    if event.container is None:
        told = _tell(born, "started", f"started with pid {event.pid}", pid=event.pid)
    else:
        short = event.container[:SHORT_ID]
        told = _tell(born, "started", f"started as container {short}", container=short)
    if component.spec.startup is not None:
        return replace(born, reason="waiting for its startup probe"), (told,)
    running, effects = _run(born)
    return running, (told, *effects)


@_leads_to()
def _arrive_too_late(component: Component, event: Spawned, now: float) -> Step:
    """It was to be stopped before the keeper had answered: stop it now that it is there."""
    born = replace(component, pid=event.pid, container=event.container, started=now, wall_started=event.wall)
    return born, (Stop(component.name, component.run),)


def _run(component: Component) -> Step:
    running = replace(component, state=State.RUNNING)
    if component.spec.readiness is not None:
        return replace(running, reason="not ready: its readiness probe has not passed yet"), ()
    if component.spec.type is Type.TASK:
        return replace(running, reason="running; done when it has completed"), ()
    return _become_ready(running)


def _become_ready(component: Component) -> Step:
    ready = replace(component, ready=True, reason="running")
    return ready, (_tell(ready, "ready", "ready"),)


@_leads_to(State.BACKOFF, State.FAILED)
def _fail_to_start(component: Component, event: SpawnFailed, now: float) -> Step:
    """Nothing came of it: judged like a run that ended at once with a failure."""
    failed = replace(
        component, pid=None, container=None, last_fault=Fault(message=event.message, wall=event.wall)
    )
    told = _tell(failed, "start_failed", event.message)
    judged, effects = _judge(failed, event.message, _stillborn(event, now), now)
    return judged, (told, *effects)


@_leads_to(State.STOPPED, State.WAITING, State.BACKOFF, State.FAILED)
def _fail_to_start_unwanted(component: Component, event: SpawnFailed, now: float) -> Step:
    failed = replace(
        component, pid=None, container=None, last_fault=Fault(message=event.message, wall=event.wall)
    )
    return _after_halt(failed, event.message, _stillborn(event, now), now)


def _stillborn(event: SpawnFailed, now: float) -> Ended:
    return Ended(now, 0.0, event.run, event.wall, cause=event.message)


# -- what it runs in -------------------------------------------------------------------------------------


@_leads_to(State.WAITING)
def _lose(component: Component, event: Lost, _now: float) -> Step:
    """It waits.  What was there keeps its number, and is found again or heard to have ended; a start is undone."""
    undone = component.again and not component.there
    lost = replace(
        component,
        state=State.WAITING,
        ready=False,
        reason=event.reason,
        restarts=component.restarts - undone,
    )
    return lost, (_tell(lost, "unready", event.reason),) if component.ready else ()


@_leads_to()
def _lose_again(component: Component, event: Lost, _now: float) -> Step:
    return replace(component, reason=event.reason), ()


@_leads_to(State.STARTING, State.RUNNING)
def _find(component: Component, _event: Found, _now: float) -> Step:
    """As it was before; what its probes then said counts no more, but a startup probe that has passed."""
    if not component.there:
        return component, ()
    started = component.windows.get(ProbeKind.STARTUP)
    windows = {kind: health.initial(kind) for kind in component.spec.probes()}
    if started is not None and ProbeKind.STARTUP in windows:
        windows[ProbeKind.STARTUP] = started
    found = replace(component, windows=windows)
    if component.spec.startup is not None and (started is None or not started.verdict):
        return replace(found, state=State.STARTING, reason="waiting for its startup probe"), ()
    return _run(found)


@_leads_to(State.STOPPED, State.COMPLETED, State.BACKOFF, State.FAILED)
def _exit_unseen(component: Component, event: Exited, now: float) -> Step:
    """It ended while it could not be seen: judged like any exit."""
    return _exit(component, event, now) if component.there else (component, ())


@_leads_to(State.STOPPED, State.STOPPING)
def _rest_or_end(component: Component, event: Unwanted, now: float) -> Step:
    return _end(component, event, now) if component.there else _rest(component, event, now)


@_leads_to(State.STOPPING)
def _begin_again_if_there(component: Component, event: RestartWanted, now: float) -> Step:
    if component.there:
        return _begin_again(component, event, now)
    return replace(component, desired=Desired.RUNNING), ()


# -- probes ----------------------------------------------------------------------------------------------


def _fold(component: Component, event: Probed) -> tuple[Component, health.Window, health.Window]:
    probe = component.spec.probes().get(event.kind)
    before = component.windows.get(event.kind) or health.initial(event.kind)
    after = before if probe is None else health.fold(before, event.result, probe)
    return replace(component, windows={**component.windows, event.kind: after}), before, after


@_leads_to(State.RUNNING, State.STOPPING)
def _probe_starting(component: Component, event: Probed, now: float) -> Step:
    if event.kind is not ProbeKind.STARTUP or component.spec.startup is None:
        return component, ()
    seen, _before, after = _fold(component, event)
    if after.verdict is True:
        running, effects = _run(seen)
        return running, (_tell(running, "probe", "startup probe passed", probe="startup", ok=True), *effects)
    if after.failed:
        return _fault(seen, f"startup probe failed: {event.result.message}")
    return replace(seen, reason=f"startup probe has not passed yet: {event.result.message}"), ()


@_leads_to(State.STOPPING)
def _probe_running(component: Component, event: Probed, now: float) -> Step:
    seen, _before, after = _fold(component, event)
    if event.kind is ProbeKind.LIVENESS and component.spec.liveness is not None:
        if after.failed:
            return _fault(seen, f"liveness probe failed: {event.result.message}")
        return seen, ()
    if event.kind is ProbeKind.READINESS and component.spec.readiness is not None:
        return _judge_readiness(seen, after, event.result)
    return component, ()


def _judge_readiness(component: Component, window: health.Window, result: health.Result) -> Step:
    """Readiness comes and goes and never restarts anything (S11)."""
    if window.verdict and not component.ready:
        return _become_ready(component)
    if window.verdict:
        return component, ()
    reason = f"not ready: readiness probe failed: {result.message}"
    lost = replace(component, ready=False, reason=reason if not result.ok else component.reason)
    return lost, (_tell(lost, "unready", reason),) if component.ready else ()


def _fault(component: Component, message: str) -> Step:
    told = _tell(component, "probe", message, ok=False)
    halted, effects = _halt(component, Halt.FAULT, message)
    return halted, (told, *effects)


@_leads_to(State.STOPPING)
def _outgrow(component: Component, event: Overgrown, _now: float) -> Step:
    """It uses more memory than it may: judged like a failed probe, and it counts."""
    halted, effects = _halt(component, Halt.FAULT, event.message)
    return halted, (_tell(component, "overgrown", event.message), *effects)


@_leads_to()
def _note(component: Component, event: Noted, _now: float) -> Step:
    return replace(component, status_text=event.text or None), ()


# -- other rules for a run that is there -----------------------------------------------------------------


@_leads_to(State.RUNNING)
def _need_no_startup_probe(component: Component, _event: Respecified, _now: float) -> Step:
    """It waits for a startup probe that it no longer has."""
    if not component.there or component.spec.startup is not None:
        return component, ()
    return _run(component)


@_leads_to()
def _need_no_readiness_probe(component: Component, _event: Respecified, _now: float) -> Step:
    """It is held unready by a readiness probe that it no longer has."""
    if component.ready or component.spec.readiness is not None or component.spec.type is Type.TASK:
        return component, ()
    return _become_ready(component)


# -- a schedule ------------------------------------------------------------------------------------------


@_leads_to()
def _plan(component: Component, event: Planned, _now: float) -> Step:
    """Between runs the reason says when the next one is."""
    if component.desired is Desired.STOPPED:
        return component, ()
    never_ran = component.state is State.STOPPED
    said = "" if never_ran else component.reason.partition("; next run at ")[0]
    planned = replace(component, next_run=event.wall)
    return replace(planned, reason=_with_next_run(planned, said)), ()


@_leads_to()
def _plan_meanwhile(component: Component, event: Planned, _now: float) -> Step:
    return replace(component, next_run=event.wall), ()


@_leads_to(State.WAITING)
def _begin_on_time(component: Component, event: Due, _now: float) -> Step:
    """Its time has come; how the run before it ended makes no difference."""
    if component.desired is Desired.STOPPED:
        return component, ()
    return replace(component, state=State.WAITING, reason=event.reason, deadline=None, again=False), ()


@_leads_to()
def _skip(component: Component, _event: Due, _now: float) -> Step:
    """Runs never overlap: what is still under way when its time comes again misses that time."""
    message = f"a scheduled run is left out: the one before it is {component.state}"
    return component, (_tell(component, "skipped", message),)


def _with_next_run(component: Component, said: str) -> str:
    if component.next_run is None or component.desired is Desired.STOPPED:
        return said
    text = next_run_text(component.next_run)
    return f"{said}; {text}" if said else text


# -- the end of a run ------------------------------------------------------------------------------------


def _note_exit(component: Component, ended: Exit) -> tuple[Component, str]:
    text = exit_text(ended)
    gone = replace(component, pid=None, container=None, ready=False, last_exit=ended)
    if (
        not ended.succeeded(component.spec.restart.success_exit_codes)
        and component.state is not State.STOPPING
    ):
        gone = replace(gone, last_fault=Fault(message=text, wall=ended.wall))
    return gone, text


def _tell_exit(component: Component, ended: Exit, text: str) -> Tell:
    return _tell(
        component,
        "exited",
        text,
        code=ended.code,
        signal=ended.signal,
        known=ended.known,
        uptime_s=round(ended.uptime, 3),
    )


@_leads_to(State.STOPPED, State.COMPLETED, State.BACKOFF, State.FAILED)
def _exit(component: Component, event: Exited, now: float) -> Step:
    """It ended by itself."""
    gone, text = _note_exit(component, event.exit)
    told = _tell_exit(gone, event.exit, text)
    if component.desired is Desired.STOPPED:
        stopped = replace(gone, state=State.STOPPED, reason=f"stopped ({text})")
        return stopped, (told, _tell(stopped, "stopped", stopped.reason))
    if _completes(component, event.exit):
        reason = _with_next_run(gone, f"completed ({text})")
        completed = replace(gone, state=State.COMPLETED, reason=reason)
        return completed, (told, _tell(completed, "completed", completed.reason))
    judged, effects = _judge(gone, text, _life(event.exit, now), now)
    return judged, (told, *effects)


def _life(ended: Exit, now: float) -> Ended:
    """A run that ended by itself, for the history."""
    run, known = ended.run, ended.known
    code, signal = (ended.code, ended.signal) if known else (None, None)
    return Ended(now, ended.uptime, run, ended.wall, code, signal, ended.cause)


def _completes(component: Component, ended: Exit) -> bool:
    policy = component.spec.restart
    return policy.policy is not Policy.ALWAYS and ended.succeeded(policy.success_exit_codes)


def _judge(component: Component, cause: str, life: Ended, now: float) -> Step:
    """It ended badly, or its policy is `always`: restart it, or give up."""
    policy = component.spec.restart
    if policy.policy is Policy.NEVER:
        return _give_up(component, f"failed: {cause}")
    if backoff.exhausted(component.history, policy.limit, now):
        restarts = "1 restart" if policy.limit.max == 1 else f"{policy.limit.max} restarts"
        limit = f"{restarts} within {duration(policy.limit.within)}"
        before = tally(backoff.counted(component.history, policy.limit, now), life)
        return _give_up(
            component, f"gave up after {limit}; last: {cause}" + (before and f"; before: {before}")
        )
    history = backoff.remember(component.history, life, policy)
    nth = backoff.attempt(history, policy.min_uptime)
    wait = backoff.delay(policy.backoff, nth)
    count = backoff.within(history, policy.limit, now)
    restarting = replace(
        component,
        state=State.BACKOFF,
        halt=None,
        history=history,
        deadline=now + wait,
        reason=f"{cause}; restart {count} of {policy.limit.max} in {duration(wait)}",
    )
    return restarting, (
        _tell(restarting, "restarting", restarting.reason, attempt=count, delay_s=wait, cause=cause),
    )


def _give_up(component: Component, reason: str) -> Step:
    shown = _with_next_run(component, reason)
    failed = replace(component, state=State.FAILED, halt=None, deadline=None, reason=shown)
    return failed, (_tell(failed, "gave_up", reason),)


@_leads_to(State.STOPPED, State.WAITING, State.BACKOFF, State.FAILED)
def _exit_stopping(component: Component, event: Exited, now: float) -> Step:
    """It ended because we asked."""
    gone, text = _note_exit(component, event.exit)
    told = _tell_exit(gone, event.exit, text)
    after, effects = _after_halt(gone, text, _life(event.exit, now), now)
    return after, (told, *effects)


def _after_halt(component: Component, text: str, life: Ended, now: float) -> Step:
    cause = component.reason
    if component.desired is Desired.STOPPED or component.halt is Halt.STOP:
        stopped = replace(component, state=State.STOPPED, halt=None, reason=cause)
        return stopped, (_tell(stopped, "stopped", f"stopped ({text})"),)
    if component.halt is Halt.FAULT:
        at = component.last_exit.wall if component.last_exit else 0.0
        ended_for = replace(life, code=None, signal=None, cause=cause)  # the signal was ours
        return _judge(replace(component, last_fault=Fault(message=cause, wall=at)), cause, ended_for, now)
    anew = replace(component, state=State.WAITING, halt=None, again=True, reason=cause)
    return anew, (_tell(anew, "restarting", cause, attempt=None, delay_s=0, cause=cause),)


@_leads_to(State.WAITING)
def _resume(component: Component, _event: Elapsed, _now: float) -> Step:
    """The back-off is over."""
    return replace(component, state=State.WAITING, deadline=None, again=True), ()


_IDLE: dict[type[Event], Cell] = {
    Spawned: _stay,
    SpawnFailed: _stay,
    Exited: _stay,
    Lost: _stay,
    Found: _stay,
    Probed: _stay,
    Overgrown: _stay,
    Opened: _stay,
    Held: _stay,
    Elapsed: _stay,
    Planned: _plan,
    Due: _begin_on_time,
    Respecified: _stay,
    Noted: _stay,
}
"""What never concerns a component of which nothing runs and nothing is planned."""

_BUSY: dict[type[Event], Cell] = {**_IDLE, Planned: _plan_meanwhile, Due: _skip}
"""The same for one of which something runs or is about to."""

_COLUMNS: dict[State, dict[type[Event], Cell]] = {
    State.STOPPED: {**_IDLE, Wanted: _plan_start_or_wait, Unwanted: _rest, RestartWanted: _plan_start},
    State.WAITING: {
        **_BUSY,
        Wanted: _keep_wanting,
        Unwanted: _rest_or_end,
        RestartWanted: _begin_again_if_there,
        Opened: _launch,
        Held: _hold,
        Lost: _lose_again,
        Found: _find,
        Exited: _exit_unseen,
    },
    State.STARTING: {
        **_BUSY,
        Wanted: _keep_wanting,
        Unwanted: _end,
        RestartWanted: _begin_again,
        Spawned: _arrive,
        SpawnFailed: _fail_to_start,
        Held: _hold,
        Lost: _lose,
        Exited: _exit,
        Probed: _probe_starting,
        Respecified: _need_no_startup_probe,
        Overgrown: _outgrow,
        Noted: _note,
    },
    State.RUNNING: {
        **_BUSY,
        Wanted: _keep_wanting,
        Unwanted: _end,
        RestartWanted: _begin_again,
        Exited: _exit,
        Lost: _lose,
        Probed: _probe_running,
        Respecified: _need_no_readiness_probe,
        Overgrown: _outgrow,
        Noted: _note,
    },
    State.STOPPING: {
        **_BUSY,
        Wanted: _start_after_end,
        Unwanted: _stop_after_end,
        RestartWanted: _restart_after_end,
        Spawned: _arrive_too_late,
        SpawnFailed: _fail_to_start_unwanted,
        Exited: _exit_stopping,
        Noted: _note,
    },
    State.BACKOFF: {
        **_BUSY,
        Wanted: _plan_start_if_anew,
        Unwanted: _rest,
        RestartWanted: _plan_start,
        Elapsed: _resume,
    },
    State.FAILED: {**_IDLE, Wanted: _plan_start_if_anew, Unwanted: _rest, RestartWanted: _plan_start},
    State.COMPLETED: {**_IDLE, Wanted: _plan_start_if_anew, Unwanted: _rest, RestartWanted: _plan_start},
}

TABLE: dict[tuple[State, type[Event]], Cell] = {
    (state, event): cells[event] for state, cells in _COLUMNS.items() for event in EVENTS
}

EDGES: frozenset[tuple[State, str, State]] = edges(TABLE) | external.EDGES
"""Every transition there is: from, by which event, to.  The diagram in docs/states.md is drawn from it."""
