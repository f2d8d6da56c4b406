"""The transitions of what is only watched (`external: true`): a small machine beside the one of runs.  Pure.

It knows three states: `stopped` (nobody asks), `waiting` (asked for, and its probe does not pass) and
`running` (its liveness probe, else its readiness probe, passes).  No cell has an effect but words for the
record: nothing external is ever started, stopped or signalled.  With both probes the first decides about the
state and the second about `ready`.

In the other states it can only be after a reload that made it external; the first wish leads out of them.
"""

from __future__ import annotations

from msgspec.structs import replace

from . import health
from .cells import Step, Table, edges, leads_to, stay, tell
from .model import ProbeKind, Spec
from .states import (
    EVENTS,
    Component,
    Desired,
    Effect,
    Probed,
    RestartWanted,
    State,
    Unwanted,
    Wanted,
)


def deciding(spec: Spec) -> ProbeKind:
    """The probe that decides whether it runs."""
    return ProbeKind.LIVENESS if spec.liveness is not None else ProbeKind.READINESS


def probes_wanted(component: Component) -> tuple[ProbeKind, ...]:
    """Its probes run as long as somebody wants to know."""
    if component.state not in (State.WAITING, State.RUNNING):
        return ()
    return tuple(kind for kind in component.spec.probes() if kind is not ProbeKind.STARTUP)


def windows(spec: Spec, running: bool = False) -> dict[ProbeKind, health.Window]:
    """All of them begin as a readiness probe's does: false until shown otherwise, and never on hold."""
    fresh = replace(health.initial(ProbeKind.READINESS), verdict=running)
    return {kind: fresh for kind in spec.probes() if kind is not ProbeKind.STARTUP}


@leads_to(State.WAITING)
def _begin_to_watch(component: Component, _event: Wanted | RestartWanted, _now: float) -> Step:
    return (
        replace(
            component,
            state=State.WAITING,
            desired=Desired.RUNNING,
            ready=False,
            halt=None,
            deadline=None,
            next_run=None,
            again=False,
            windows=windows(component.spec),
            reason=f"its {deciding(component.spec)} probe has not passed yet",
        ),
        (),
    )


@leads_to()
def _go_on(component: Component, _event: Wanted | RestartWanted, _now: float) -> Step:
    return replace(component, desired=Desired.RUNNING), ()


@leads_to(State.STOPPED)
def _look_away(component: Component, event: Unwanted, _now: float) -> Step:
    """Nobody asks any more; it goes on as it likes."""
    away = replace(
        component,
        state=State.STOPPED,
        desired=Desired.STOPPED,
        ready=False,
        deadline=None,
        windows={},
        reason=f"not watched: {event.reason}",
    )
    return away, ()


@leads_to()
def _rest(component: Component, _event: Unwanted, _now: float) -> Step:
    return replace(component, desired=Desired.STOPPED), ()


@leads_to(State.WAITING, State.RUNNING)
def _judge(component: Component, event: Probed, _now: float) -> Step:
    """The state follows the deciding probe, `ready` the readiness probe where there is one."""
    spec = component.spec
    probe = spec.probes().get(event.kind)
    if probe is None:
        return component, ()
    before = component.windows.get(event.kind) or health.initial(ProbeKind.READINESS)
    seen = replace(
        component, windows={**component.windows, event.kind: health.fold(before, event.result, probe)}
    )
    kind = deciding(spec)
    if not _passes(seen, kind):
        return _note(component, replace(seen, state=State.WAITING, ready=False, reason=_reason(seen, kind)))
    ready = spec.readiness is None or _passes(seen, ProbeKind.READINESS)
    reason = "running" if ready else f"not ready: {_reason(seen, ProbeKind.READINESS)}"
    return _note(component, replace(seen, state=State.RUNNING, ready=ready, reason=reason))


def _passes(component: Component, kind: ProbeKind) -> bool:
    window = component.windows.get(kind)
    return window is not None and window.verdict is True


def _reason(component: Component, kind: ProbeKind) -> str:
    window = component.windows.get(kind)
    if window is None or window.last is None:
        return f"{kind} probe has not passed yet"
    return f"{kind} probe failed: {window.last.message}"


def _note(before: Component, after: Component) -> Step:
    told: tuple[Effect, ...] = ()
    if after.ready != before.ready:
        kind, text = ("ready", "ready") if after.ready else ("unready", after.reason)
        told = (tell(after, kind, text),)
    return after, told


_AT_REST = (State.STOPPED, State.BACKOFF, State.FAILED, State.COMPLETED)

TABLE: Table = {
    **{(state, event): stay for state in State for event in EVENTS},
    **{(state, Wanted): _begin_to_watch for state in _AT_REST},
    **{(state, RestartWanted): _begin_to_watch for state in _AT_REST},
    **{(state, Unwanted): _look_away for state in (*_AT_REST, State.WAITING, State.RUNNING)},
    (State.STOPPED, Unwanted): _rest,
    (State.WAITING, Wanted): _go_on,
    (State.WAITING, RestartWanted): _go_on,
    (State.WAITING, Probed): _judge,
    (State.RUNNING, Wanted): _go_on,
    (State.RUNNING, RestartWanted): _go_on,
    (State.RUNNING, Probed): _judge,
}

EDGES = edges(TABLE)
"""Every transition of an external component."""
