"""What a new daemon believes, from what the last one saved and what the keeper says.  Pure.

The keeper is right about processes, the saved state about wishes and history.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from . import external, health
from .model import ProbeKind
from .states import Component, Desired, Event, Exit, Exited, Found, Halt, Spawned, State, Unwanted


class Live(Struct, frozen=True, kw_only=True):
    """A run as the keeper knows it.  `ended`: its end is on record and will be replayed."""

    run: int
    pid: int | None = None
    container: str | None = None
    started: float
    wall: float
    ended: bool = False
    stopping: bool = False


def forget_boot(component: Component) -> Component:
    """After a reboot nothing of the last boot runs, and its monotonic times mean nothing.

    What was wanted is wanted again; a task that had completed runs again, as after `down`.
    """
    wanted = component.desired is Desired.RUNNING
    return replace(
        component,
        state=_before(component, wanted),
        reason="starting again after a reboot" if wanted else component.reason,
        pid=None,
        container=None,
        ready=False,
        windows={},
        halt=None,
        started=None,
        deadline=None,
        history=(),
    )


def _before(component: Component, wanted: bool) -> State:
    """Where a life begins again: a scheduled task waits for its time, which may have passed meanwhile."""
    return State.WAITING if wanted and component.spec.schedule is None else State.STOPPED


def want_again(component: Component, wish: Desired, reason: str) -> Component:
    """What is put on record during an end by a signal: what was wanted, is started again by the next daemon.

    What still runs then is taken up by it as it is; so a daemon that is killed meanwhile loses no wish.
    """
    if wish is Desired.STOPPED:
        return replace(component, desired=wish)
    if component.alive:
        halt = Halt.RESTART if component.halt is Halt.STOP else component.halt
        return replace(component, desired=wish, halt=halt)
    state = _before(component, wanted=True)
    return replace(component, desired=wish, state=state, reason=reason, halt=None, deadline=None)


def adopt(
    component: Component, live: Live | None, now: float, wall: float
) -> tuple[Component, tuple[Event, ...]]:
    """The component as it is, and what it has to be told first, for nobody else will tell it.

    `component` is as it was saved last, `live` the keeper's latest run of it.  Ends that the keeper has on
    record are not among the events: it tells them itself.
    """
    if live is not None and live.run >= component.run:
        return _with_run(component, live)
    if component.watched_only:
        running = component.state is State.RUNNING
        return replace(component, windows=external.windows(component.spec, running)), ()
    if component.alive and component.wall_started is None:
        return _never_begun(component), ()
    if component.alive:
        return component, (Exited(_unattended(component, now, wall)),)
    return component, ()


def _with_run(component: Component, live: Live) -> tuple[Component, tuple[Event, ...]]:
    if live.run == component.run and not component.alive and live.ended:
        return component, ()  # its end is saved; what the keeper did not hear is that it is
    known = live.run == component.run and component.alive
    if live.stopping and not (known and component.state is State.STOPPING):
        return _ending(component, live), ()
    if known and component.wall_started is not None:
        return _going_on(component, live)
    starting = component if known else _begun(component, live)
    told = Spawned(run=live.run, pid=live.pid, container=live.container, wall=live.wall, at=live.started)
    return replace(starting, windows=_windows(starting)), (told,)


def _going_on(component: Component, live: Live) -> tuple[Component, tuple[Event, ...]]:
    """It was there before and is now.  What a shutdown had not come to when it was cut short ends now."""
    here = replace(
        component,
        pid=live.pid,
        container=live.container,
        started=live.started,
        wall_started=live.wall,
    )
    found: tuple[Event, ...] = ()
    if here.state is State.WAITING:
        found = (Found(run=live.run),)
    else:
        here = replace(here, windows=_windows(here))
    if here.desired is Desired.STOPPED and here.state is not State.STOPPING:
        return here, (*found, Unwanted(reason="it is not wanted any more"))
    return here, found


def _ending(component: Component, live: Live) -> Component:
    """The keeper was asked to stop it, and the daemon ended before that was saved."""
    return replace(
        component,
        state=State.STOPPING,
        halt=Halt.STOP if component.desired is Desired.STOPPED else Halt.RESTART,
        run=live.run,
        pid=live.pid,
        container=live.container,
        started=live.started,
        wall_started=live.wall,
        ready=False,
        deadline=None,
        reason="it was being stopped",
    )


def _begun(component: Component, live: Live) -> Component:
    """It was started, and the daemon ended before that was saved; only what is wanted is ever started."""
    again = component.again or component.state is State.BACKOFF
    return replace(
        component,
        desired=Desired.RUNNING,
        state=State.STARTING,
        run=live.run,
        pid=None,
        container=None,
        ready=False,
        halt=None,
        deadline=None,
        again=again,
        restarts=component.restarts + again,
        met={},  # what it follows counts from now; what was noted is an earlier run's
    )


def _never_begun(component: Component) -> Component:
    """The daemon ended before the keeper heard of this run: as if it had not been asked for yet."""
    wanted = component.desired is Desired.RUNNING
    return replace(
        component,
        state=State.WAITING if wanted else State.STOPPED,
        run=component.run - 1,
        restarts=component.restarts - component.again,
        halt=None,
        started=None,
    )


def _windows(component: Component) -> dict[ProbeKind, health.Window]:
    """Fresh windows that agree with what was known: a ready component stays so until a probe says otherwise."""
    windows = {kind: health.initial(kind) for kind in component.spec.probes()}
    if component.ready and ProbeKind.READINESS in windows:
        windows[ProbeKind.READINESS] = replace(windows[ProbeKind.READINESS], verdict=True)
    return windows


def _unattended(component: Component, now: float, wall: float) -> Exit:
    lived = max(0.0, now - component.started) if component.started is not None else 0.0
    return Exit(run=component.run, code=None, signal=None, known=False, at=now, wall=wall, uptime=lived)
