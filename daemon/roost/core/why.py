"""The reason of a component at this moment: as it was put down, with what only the time of asking can tell.  Pure."""

from __future__ import annotations

from .states import Component, State
from .words import duration

_MOST_LIVES = 10


def explain(component: Component, now: float) -> str:
    """`exit code 1; restart 3 of 10 in 4 s; 2.5 s left`; `gave up after …; the runs before it lived 9 ms, 8 ms`."""
    if component.state is State.BACKOFF and component.deadline is not None:
        return f"{component.reason}; {duration(max(0.0, component.deadline - now))} left"
    if component.state is State.FAILED and component.history:
        lives = ", ".join(duration(ended.uptime) for ended in component.history[-_MOST_LIVES:])
        return f"{component.reason}; the runs before it lived {lives}"
    return component.reason
