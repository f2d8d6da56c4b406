"""The reason of a component at this moment: as it was put down, with what only the time of asking can tell.  Pure."""

from __future__ import annotations

from collections.abc import Callable

from .model import Policy, Restart
from .snapshot import PastExit
from .states import Component, Ended, State
from .times import rfc3339_or_none
from .words import duration, life_text

_MOST_EXITS = 64
"""So many are told, the last ones; who allows a thousand restarts wants no thousand lines."""


def explain(component: Component, now: float) -> str:
    """`exit code 1; restart 3 of 10 in 4 s; 2.5 s left`."""
    if component.state is State.BACKOFF and component.deadline is not None:
        return f"{component.reason}; {duration(max(0.0, component.deadline - now))} left"
    return component.reason


def exits(
    state: str, history: tuple[Ended, ...], restart: Restart, mask: Callable[[str], str] = str
) -> list[PastExit]:
    """The ends that used up the limit of what was given up, the oldest first; none of anything else.

    The end after which it was given up is not among them: the reason tells of that one.
    """
    most = min(restart.limit.max, _MOST_EXITS)
    if state != State.FAILED or restart.policy is Policy.NEVER or most == 0:
        return []
    return [_told(life, mask) for life in history[-most:]]


def _told(life: Ended, mask: Callable[[str], str]) -> PastExit:
    return PastExit(
        run=life.run,
        at=rfc3339_or_none(life.wall),
        code=life.code,
        signal=life.signal,
        cause=mask(life.cause) if life.cause else None,
        uptime_s=round(life.uptime, 3),
        text=f"after {duration(life.uptime)}: {mask(life_text(life))}",
    )
