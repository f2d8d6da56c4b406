"""Things to do later, on the thread that owns them.  Reads no clock: the caller says what time it is."""

from __future__ import annotations

import heapq
import itertools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """One thing to do at one time; `cancel` at any time."""

    __slots__ = ("_order", "function", "when")

    def __init__(self, when: float, order: int, function: Callable[[], None]) -> None:
        self.when = when
        self._order = order
        self.function: Callable[[], None] | None = function

    def cancel(self) -> None:
        """Not any more; nothing happens if it was done already."""
        self.function = None

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self._order) < (other.when, other._order)


class Timers:
    """A heap of timers."""

    __slots__ = ("_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._order = itertools.count()

    def at(self, when: float, function: Callable[[], None]) -> Timer:
        """Call `function` once it is `when`, on the clock that `run_due` is given."""
        timer = Timer(when, next(self._order), function)
        heapq.heappush(self._heap, timer)
        return timer

    def run_due(self, now: float) -> None:
        """Do what is due now, but nothing that is set meanwhile: who re-arms himself starves nobody (D12)."""
        due = []
        while self._heap and self._heap[0].when <= now:
            due.append(heapq.heappop(self._heap))
        for timer in due:
            function, timer.function = timer.function, None
            if function is not None:
                function()

    def delay(self, now: float) -> float | None:
        """Seconds until the next is due; None if there is none."""
        while self._heap and self._heap[0].function is None:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0].when - now) if self._heap else None
