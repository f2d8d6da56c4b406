"""Lines of many components by time: forwards from where each was left, backwards from the ends.

Both read only what they need: a component whose turn has not come costs one look at its index.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .entries import weight
from .history import History, Position
from .lines import Line
from .tail import FIRST_BLOCK, Tail, Told, Wanted

_LARGEST_WINDOW = 1024 * 1024


class Merge:
    """Takes lines from the tails in the order of their times; those of one component stay in their order."""

    def __init__(self, tails: Sequence[Tail]) -> None:
        self._tails = tails
        self._order = [0] * len(tails)
        self._heap: list[tuple[int, int]] = []
        self._put_off = False  # a file has gone while it was read: another time
        self.scanned = 0
        for number in range(len(tails)):
            self._push(number)

    def next(self, room: int | None = None, scan_limit: int | None = None) -> tuple[int, Line] | None:
        """The next line and the number of its tail, told with that.

        None if there is none now; and, with `waiting` still true, if it weighs more than `room`, or if more
        than `scan_limit` bytes were read so far.
        """
        while self._heap:
            number = self._heap[0][1]
            tail = self._tails[number]
            if tail.ready:
                if room is not None and weight(tail.ready[0]) > room:
                    return None
                line = tail.take()
                self._renew(number)
                return number, line
            if scan_limit is not None and self.scanned > scan_limit:
                return None
            read = tail.fill()
            self.scanned += read
            if read or tail.ready:
                self._renew(number)
            else:
                heapq.heappop(self._heap)
                self._put_off = True
        return None

    @property
    def waiting(self) -> bool:
        """Whether there is more to take or to read."""
        return self._put_off or bool(self._heap)

    def _renew(self, number: int) -> None:
        heapq.heappop(self._heap)
        self._push(number)

    def _push(self, number: int) -> None:
        tail = self._tails[number]
        time_ns = tail.ready[0].time_ns if tail.ready else tail.next_time_ns()
        if time_ns is not None:
            self._order[number] = max(self._order[number], time_ns)
            heapq.heappush(self._heap, (self._order[number], number))


class Candidate(NamedTuple):
    """A line on the way back.  `begin`: where to read on from to have it first.  Without a line: a bound."""

    order_ns: int
    number: int
    line: Line | None
    begin: Told


def newest_first(
    number: int, history: History, wanted: Wanted, start: Position, end: Position, flush: bool
) -> Iterator[Candidate]:
    """The lines that end between `start` and `end`, the last first; with `flush` unfinished ones as well.

    Before each window that is read comes a bound, so that a merge asks only those whose turn it is.
    """
    position: Position | None = end
    window = FIRST_BLOCK
    while position is not None:
        generation, high = position
        low = max(start.offset if generation is start.generation else 0, high - window)
        yield Candidate(generation.index.last_time_ns(high), number, None, Told(position, {}))
        tail = Tail(history, Told(Position(generation, low), {}), wanted, position)
        while tail.fill():
            pass
        if flush:
            tail.flush()
            flush = False
        order = generation.index.last_time_ns(low) if low else 0
        begin = tail.told if not tail.ready else Told(Position(generation, low), {})
        yield from reversed(_candidates(number, tail, order, begin))
        position = _further_back(history, start, Position(generation, low))
        window = min(window * 2, _LARGEST_WINDOW)


def _candidates(number: int, tail: Tail, order: int, begin: Told) -> list[Candidate]:
    found: list[Candidate] = []
    for line in tail.ready:
        order = max(order, line.time_ns)
        found.append(Candidate(order, number, line, begin))
        begin = Told(line.position, line.marks)
    return found


def _further_back(history: History, start: Position, reached: Position) -> Position | None:
    """Where the next window ends, None at the start."""
    if reached.generation is start.generation and reached.offset <= start.offset:
        return None
    if reached.offset > 0:
        return reached
    older = history.before(reached.generation)
    return _further_back(history, start, Position(older, older.size)) if older else None


def merged_newest_first(sources: Sequence[Iterator[Candidate]]) -> Iterator[Candidate]:
    """All candidates by time, the newest first; of two at the same time, the one of the later component."""
    return heapq.merge(*reversed(sources), key=lambda candidate: candidate.order_ns, reverse=True)
