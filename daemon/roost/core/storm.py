"""How often something may set off a restart before it is taken for a storm.  Pure: times in, times out.

A watched folder into which its own component writes, or two chains that feed each other, would otherwise
restart for ever.  What is over the limit is not dropped: it comes when the window has room again.
"""

from __future__ import annotations

from .model import Limit

STORM = Limit(max=10, within=60.0)
"""A person who saves files is slower; a loop is soon there."""


def wait(times: tuple[float, ...], now: float, limit: Limit = STORM) -> float:
    """Seconds until one more is within the limit; 0.0: it is now."""
    recent = [at for at in times if now - at < limit.within]
    if len(recent) < limit.max:
        return 0.0
    return recent[-limit.max] + limit.within - now


def remember(times: tuple[float, ...], now: float, limit: Limit = STORM) -> tuple[float, ...]:
    """The times with one more, as long as any decision can need them."""
    return (*times, now)[-limit.max :]
