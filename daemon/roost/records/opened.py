"""Which lines are open at a place in the middle: found by walking back from there, never from the beginning.

Follows the rules of `lines`; costs at most `AGE` index records where nothing is open, and otherwise what the
open lines are long.
"""

from __future__ import annotations

from collections.abc import Callable

from .history import Generation, History, Position
from .index import Piece, Source
from .lines import AGE, LONGEST, Marks, OpenLine

_PIECES = 16_384  # of one unfinished line that are looked for
_BLOCK = 4096


class Opened:
    """The open lines at a place, and the run of the piece before it."""

    __slots__ = ("lines", "run")

    def __init__(self, lines: dict[Source, OpenLine], run: int) -> None:
        self.lines = lines
        self.run = run


def opened_at(history: History, position: Position, marks: Marks) -> Opened:
    """What is open at `position` when everything before it was read and `marks` was told."""
    walk = _Walk(history, position, marks)
    for generation, piece in history.pieces_back(position):
        if not walk.take(generation, piece):
            break
    return Opened(
        {source: tail.line() for source, tail in walk.tails.items() if tail.parts}, max(walk.nearest, 0)
    )


class _Tail:
    """The last bytes of one source, collected backwards until its last newline."""

    __slots__ = ("done", "generation", "length", "ordinal", "parts", "piece", "pieces")

    def __init__(self, generation: Generation, piece: Piece) -> None:
        self.generation = generation
        self.piece = piece
        self.ordinal = 0
        self.pieces = 0
        self.parts: list[bytes] = []
        self.length = 0
        self.done = False

    def line(self) -> OpenLine:
        opened = OpenLine()
        opened.add(self.generation, self.piece, b"".join(reversed(self.parts)))
        return opened


class _Walk:
    """The state of the walk back: what was found, and what can no longer be open."""

    def __init__(self, history: History, position: Position, marks: Marks) -> None:
        self._history = history
        self._marks = marks
        self._reader = _BackReader()
        self._generation: Generation | None = None
        self._base = 0  # ordinal of the first record of that generation
        self._first: int | None = None
        self._gaps: set[int] = set()
        self._highest = -1
        self.nearest = -1  # the run of the first piece that was met
        self.tails: dict[Source, _Tail] = {}

    def take(self, generation: Generation, piece: Piece) -> bool:
        """Look at one more piece; False when nothing older can matter."""
        ordinal = self._ordinal(generation, piece)
        if self._first is None:
            self._first = ordinal
        for tail in self.tails.values():
            tail.done = tail.done or tail.ordinal - ordinal > AGE or tail.pieces >= _PIECES
        if self._first - ordinal > AGE and all(tail.done for tail in self.tails.values()):
            return False
        if piece.gap:
            self._gaps.add(piece.stream)
            self._finish(lambda source: source.stream == piece.stream)
            return True
        if piece.run > self._highest:
            self._finish(lambda source: source.run < piece.run)
            self._highest = piece.run
            if self.nearest < 0:
                self.nearest = piece.run
        if piece.run == self._highest and piece.stream not in self._gaps:
            self._collect(generation, piece, ordinal)
        return True

    def _ordinal(self, generation: Generation, piece: Piece) -> int:
        if generation is not self._generation:
            self._generation, self._base = generation, self._history.ordinal(generation, 0)
        return self._base + piece.number

    def _finish(self, concerned: Callable[[Source], bool]) -> None:
        for source, tail in self.tails.items():
            tail.done = tail.done or concerned(source)

    def _collect(self, generation: Generation, piece: Piece, ordinal: int) -> None:
        tail = self.tails.get(piece.source)
        if tail is None:
            tail = self.tails[piece.source] = _Tail(generation, piece)
        if tail.done:
            return
        tail.ordinal = ordinal
        tail.pieces += 1
        low = self._told(generation, piece)
        tail.done = low > piece.start or self._take_bytes(tail, generation, low, piece.end)

    def _told(self, generation: Generation, piece: Piece) -> int:
        """Up to where the bytes of this piece were told already; its start if they were not."""
        mark = self._marks.get(piece.source)
        if mark is None:
            return piece.start
        if mark.generation is generation:
            return min(max(piece.start, mark.offset), piece.end)
        newer = self._history.number(mark.generation) > self._history.number(generation)
        return piece.end if newer else piece.start

    def _take_bytes(self, tail: _Tail, generation: Generation, low: int, high: int) -> bool:
        """Collect down to the last newline; whether the line is complete with that."""
        while high > low:
            start, data = self._reader.before(generation, low, high)
            end = data.rfind(b"\n") + 1
            if data[end:]:
                tail.parts.append(data[end:])
            tail.length += len(data) - end
            if end or tail.length >= LONGEST:
                return True
            high = start
        return False


class _BackReader:
    """Reads backwards in blocks that grow."""

    def __init__(self) -> None:
        self._generation: Generation | None = None
        self._start = 0
        self._data = b""
        self._size = _BLOCK

    def before(self, generation: Generation, low: int, high: int) -> tuple[int, bytes]:
        """Bytes that end at `high`, not from before `low`, at least one; and where they begin."""
        if generation is not self._generation or not self._start < high <= self._start + len(self._data):
            self._start = max(0, high - self._size)
            self._data = generation.log.read(self._start, high).ljust(high - self._start, b"\n")
            self._generation = generation
            self._size = min(2 * self._size, 16 * _BLOCK)
        start = max(low, self._start)
        return start, self._data[start - self._start : high - self._start]
