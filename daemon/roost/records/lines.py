"""Puts the lines of one component together from the pieces of its logs.  Reads nothing, knows no names.

The rules
---------
A line belongs to one stream of one run and ends with its newline; what the other stream wrote in between is
no part of it.  An unfinished line ends without a newline

* where a piece of a later run begins,
* at a gap of its stream, or where what follows was removed unread (it is then marked truncated),
* when `AGE` index records went by without a byte of it (whatever comes then is a line of its own),
* after `LONGEST` bytes (it is then marked truncated),
* when the reader says so (`flush`), because there is no more, or has not been for a while.

Whoever begins to read in the middle (`opened.opened_at`) knows by the same rules which lines are open there.
Lines come in the order of their ends; so their times never go back, but for those of unfinished lines, which
are told when they are known to have ended.  Everything before the end of a line is either told already or
part of a line that is still open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .history import Generation, History, Position
from .index import Piece, Source

KEPT = 64 * 1024  # bytes of a line that are shown (INTERFACES.md §6)
LONGEST = 1024 * 1024
AGE = 2048

Marks = Mapping[Source, Position]
"""Up to where a source's unfinished line was told already; what follows is a line of its own."""


class Line(NamedTuple):
    """A line without its end.  Whoever goes on after it begins at `position` with `marks`."""

    time_ns: int
    source: Source
    raw: bytes
    truncated: bool
    position: Position
    marks: Marks


class OpenLine:
    """The beginning of a line, at most `KEPT` bytes of it, and when and where its last byte came."""

    __slots__ = ("generation", "length", "number", "text", "time_ns")

    def __init__(self) -> None:
        self.text = bytearray()
        self.length = 0
        self.time_ns = 0
        self.generation: Generation | None = None
        self.number = -1

    def add(self, generation: Generation, piece: Piece, data: bytes) -> None:
        """`data`, which has no newline, goes on where the line ended."""
        if len(self.text) <= KEPT:
            self.text += data[: KEPT + 1 - len(self.text)]  # the one byte more tells that it was cut
        self.length += len(data)
        self.time_ns = piece.time_ns
        self.generation = generation
        self.number = piece.number


class Lines:
    """Takes pieces in order, and has the lines that they complete in `ready`.

    `open_lines` and `run` (of the piece before): what was so where the reading begins.  `needle`: complete
    lines without these bytes need not be told.
    """

    __slots__ = ("_history", "_needle", "_run", "marks", "opened", "ready")

    def __init__(
        self,
        history: History,
        opened: dict[Source, OpenLine],
        run: int,
        marks: Marks,
        needle: bytes | None = None,
    ) -> None:
        self._history = history
        self._run = run
        self._needle = needle
        self.opened = opened
        self.marks = marks
        self.ready: list[Line] = []

    def pass_by(self, generation: Generation, piece: Piece) -> None:
        """End what ends where this piece begins; each goes through here, its bytes wanted or not."""
        if piece.gap:
            self._end_at_gap(generation, piece)
            return
        if piece.run != self._run:
            if piece.run > self._run:
                self._end_earlier_runs(generation, piece)
            self._run = piece.run
        if len(self.opened) > (piece.source in self.opened):
            self._end_aged(generation, piece)

    def feed(self, generation: Generation, piece: Piece, data: bytes) -> None:
        """The bytes of a piece, or a part of them."""
        source = piece.source
        end = data.rfind(b"\n") + 1
        if end:
            self._finish(generation, piece, data[: end - 1])
        if end < len(data):
            opened = self.opened.get(source)
            if opened is None:
                opened = self.opened[source] = OpenLine()
            opened.add(generation, piece, data[end:])
            if opened.length >= LONGEST:
                self._end(source, Position(generation, piece.start + len(data)), truncated=True)

    def flush(self, position: Position, source: Source | None = None, truncated: bool = False) -> None:
        """Tell open lines (all, or that of `source`) as they are; `position` is behind all that was fed.

        `truncated`: their ends will never be seen.
        """
        for each in [source] if source else self._by_time(self.opened):
            self._end(each, position, truncated)

    # -- lines with their newline --------------------------------------------------------------------

    def _finish(self, generation: Generation, piece: Piece, body: bytes) -> None:
        source, offset = piece.source, piece.start
        opened = self.opened.pop(source, None)
        if self.marks:
            self._forget_marks(source)
        if self._needle is not None and opened is None and self._needle not in body:
            return
        for raw in body.split(b"\n"):
            offset += len(raw) + 1
            if opened is not None:
                opened.add(generation, piece, raw)
                raw, opened = bytes(opened.text), None
            position = Position(generation, offset)
            self.ready.append(_line(piece.time_ns, source, raw, False, position, self.marks))

    def _forget_marks(self, source: Source) -> None:
        self.marks = {
            other: at for other, at in self.marks.items() if other != source and other.run >= source.run
        }

    # -- lines without -------------------------------------------------------------------------------

    def _end_at_gap(self, generation: Generation, piece: Piece) -> None:
        for source in [source for source in self.opened if source.stream == piece.stream]:
            self._end(source, Position(generation, piece.start), truncated=True)

    def _end_earlier_runs(self, generation: Generation, piece: Piece) -> None:
        for source in self._by_time(source for source in self.opened if source.run < piece.run):
            self._end(source, Position(generation, piece.start))

    def _by_time(self, sources: Iterable[Source]) -> list[Source]:
        return sorted(sources, key=lambda source: (self.opened[source].time_ns, source))

    def _end_aged(self, generation: Generation, piece: Piece) -> None:
        now = self._history.ordinal(generation, piece.number)
        for source, opened in sorted(self.opened.items(), key=lambda item: item[0]):
            if opened.generation is not None and source != piece.source:
                last = self._history.ordinal(opened.generation, opened.number)
                if now - last > AGE:
                    self._end(source, Position(generation, piece.start))

    def _end(self, source: Source, position: Position, truncated: bool = False) -> None:
        opened = self.opened.pop(source, None)
        if opened is None:
            return
        self.marks = {**self.marks, source: position}
        self.ready.append(_line(opened.time_ns, source, bytes(opened.text), truncated, position, self.marks))


def _line(
    time_ns: int, source: Source, raw: bytes, truncated: bool, position: Position, marks: Marks
) -> Line:
    if len(raw) > KEPT:
        return Line(time_ns, source, _whole_characters(raw[:KEPT]), True, position, marks)
    return Line(time_ns, source, raw.removesuffix(b"\r"), truncated, position, marks)


def _whole_characters(raw: bytes) -> bytes:
    """Without the beginning of a UTF-8 character that a cut has left at the end."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return raw if back >= length else raw[:-back]
        if byte < 0x80:
            break
    return raw
