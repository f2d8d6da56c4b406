"""Time: the only place in the daemon that reads a clock (DESIGN.md §5).

`now` is for every decision: it never jumps and goes on across processes of one boot.  `wall` is for people:
it may jump when somebody sets the clock, so nothing is ever computed from it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the daemon asks about time; tests put a virtual one in its place."""

    def now(self) -> float:
        """Monotonic seconds, of unknown origin."""

    def wall(self) -> float:
        """Seconds since 1970 in UTC."""

    async def sleep_until(self, when: float) -> None:
        """Return at `when` on the scale of `now`; at once, after one turn of the loop, if that has passed."""


class RealClock:
    """The machine's own clocks."""

    __slots__ = ()

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    async def sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - self.now()))
