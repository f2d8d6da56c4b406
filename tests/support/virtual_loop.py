"""An asyncio loop on which time passes only when nothing else can happen: ten minutes in a millisecond.

When no callback is ready and no descriptor has news, the clock jumps to the next timer.  So a test is as
fast as its work and its times are exact.  Not for tests with real input and output or threads: time would
run away while they are on their way.  A test in which nothing can ever happen again fails at once instead
of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")

EPOCH = 1_800_000_000.0
"""What `VirtualClock.wall` says at virtual time 0."""


class Deadlock(AssertionError):
    """No callback, no timer, no descriptor: the test would wait for ever."""


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Never waits: where asyncio would wait, virtual time passes."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        self.elapsed += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop whose `time()` is virtual and begins at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class VirtualClock:
    """A `Clock` that reads the virtual loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return EPOCH + self._loop.time()

    async def sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - self.now()))


def run_virtual(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run `work` to its end in virtual time, then cancel what it left running; returns what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
