"""Reads the lines of one component forwards from a place, block by block, over rotations.

Never reads further than the files were long when the history was last refreshed.  What was told and what not
is in `told`, whatever was read beyond it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .history import Generation, History, Place, Position
from .index import Source
from .lines import Line, Lines, Marks
from .opened import opened_at

FIRST_BLOCK = 16 * 1024
LARGEST_BLOCK = 256 * 1024


class Wanted(NamedTuple):
    """Which lines are to be told; None is no condition.

    `stream` and `run` are numbers as in the index, times nanoseconds since 1970.  `needle`: bytes that a line
    must hold; `matches`: what its text must fulfil.
    """

    stream: int | None = None
    run: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    needle: bytes | None = None
    matches: Callable[[str], object] | None = None

    def source(self, source: Source) -> bool:
        """Whether lines of this source are wanted at all."""
        return self.run in (None, source.run) and self.stream in (None, source.stream)

    def line(self, line: Line) -> bool:
        """Whether this line is."""
        if not self.source(line.source):
            return False
        if self.since_ns is not None and line.time_ns < self.since_ns:
            return False
        if self.until_ns is not None and line.time_ns > self.until_ns:
            return False
        if self.needle is not None and self.needle not in line.raw:
            return False
        return self.matches is None or bool(self.matches(decoded(line.raw)))


class Told(NamedTuple):
    """All before `position` was told or is not wanted, except what is open there; see `lines.Marks`.

    `lost`: where one had come to instead, when the files from there to `position` had gone; not yet said.
    """

    position: Position
    marks: Marks
    lost: Place | None = None

    def place(self) -> Place:
        """For a cursor: where to go on."""
        return self.lost or self.position.place()


class Removed(NamedTuple):
    """So many bytes were removed before they were read (None: nobody knows); what came next came at `at_ns`."""

    bytes: int | None
    at_ns: int


class Tail:
    """Lines of one component from `told` on, up to `stop` if given."""

    __slots__ = (
        "_block",
        "_lines",
        "_lost",
        "_removed",
        "_resumed",
        "_wanted",
        "history",
        "position",
        "ready",
        "stop",
        "told",
    )

    def __init__(
        self,
        history: History,
        told: Told,
        wanted: Wanted,
        stop: Position | None = None,
        first_block: int | None = None,
    ) -> None:
        self.history = history
        self.told = told
        self.position = told.position
        self.stop = stop
        self.ready: deque[Line] = deque()
        self._wanted = wanted
        self._lines: Lines | None = None
        self._block = first_block or FIRST_BLOCK
        self._lost = told.lost  # where the reading had come to when the file went, until that is counted
        self._resumed = told.position.generation  # where it went on
        self._removed: list[Removed] = []
        self._count_lost()

    # -- reading -------------------------------------------------------------------------------------

    def next_time_ns(self) -> int | None:
        """When the first byte arrived that was not looked at; None if there is none now."""
        found = self._next()
        if found is None:
            return None
        generation, start, _ = found
        return next(iter(generation.index.pieces(start, start + 1))).time_ns

    def fill(self) -> int:
        """Read one block on; how many bytes that was, 0 if there is nothing more now, or if the file has gone."""
        found = self._next()
        if found is None:
            return 0
        lines = self._started()
        generation, start, end = found
        if self._lost is not None and generation is not self._resumed and not self._resumed.size:
            self._resumed = (
                generation  # the one between was empty, and may have gone before it said its origin
            )
            self._count_lost()
        end = min(end, start + self._block)
        self._block = min(self._block * 2, LARGEST_BLOCK)
        pieces = list(generation.index.pieces(start, end))
        wanted = [piece for piece in pieces if self._wanted.source(piece.source) and not piece.gap]
        first, last = (wanted[0].start, wanted[-1].end) if wanted else (end, end)
        data = generation.read(first, last)
        if pieces[0].number < 0 < generation.index.count and not generation.exists():
            data = None
        if data is None and self.stop is None:
            self.refresh(anew=True)
            return 0
        data = data or b""
        for piece in pieces:
            lines.pass_by(generation, piece)
            if piece.end > first and self._wanted.source(piece.source) and not piece.gap:
                lines.feed(generation, piece, data[piece.start - first : piece.end - first])
        self.position = Position(generation, end)
        self._collect(lines)
        return end - start

    def flush(self, source: Source | None = None) -> None:
        """Tell unfinished lines (all, or that of `source`) as they are: what comes later is a new line."""
        lines = self._started()
        lines.flush(self.position, source)
        self._collect(lines)

    def unfinished(self) -> dict[Source, int]:
        """How long each line is that is open where the reading has come to, in bytes."""
        return {source: opened.length for source, opened in self._started().opened.items()}

    def take(self) -> Line:
        """The first line that is ready; it is told with that."""
        line = self.ready.popleft()
        self.told = Told(line.position, line.marks, self._lost_before(line.position))
        self._settle()
        return line

    def refresh(self, anew: bool = False) -> None:
        """See what came since.  If our file has gone unread, go on with what came after it."""
        place = self.position.place()
        self.history.refresh(anew)
        if self.history.number(self.position.generation) < 0:
            found = self.history.find(place) or self.history.end()
            if found is None:
                return
            if self._lines is not None:
                self._lines.flush(found, truncated=True)
                self._collect(self._lines)
            self._lost, self._resumed = self._lost or place, found.generation
            self.position = found
            if self._lines is None:
                self.told = Told(found, self.told.marks, self._lost)
            self._settle()
        self._count_lost()

    def removed(self) -> Removed | None:
        """What went unread since this was last asked; None if nothing did, or it cannot be told yet."""
        parts, self._removed = self._removed, []
        if not parts:
            return None
        known = [part.bytes for part in parts if part.bytes is not None]
        return Removed(sum(known) if len(known) == len(parts) else None, parts[-1].at_ns)

    # -- inside --------------------------------------------------------------------------------------

    def _started(self) -> Lines:
        if self._lines is None:
            opened = opened_at(self.history, self.position, self.told.marks)
            wanted = {source: line for source, line in opened.lines.items() if self._wanted.source(source)}
            self._lines = Lines(self.history, wanted, opened.run, self.told.marks, self._wanted.needle)
        return self._lines

    def _count_lost(self) -> None:
        """How much has gone is told by the file after it."""
        _ = self.position.place()  # known from now on, even if the file should go
        reached = self._resumed
        if self._lost is None or (reached.origin is None and (self.history.in_doubt or not reached.exists())):
            return  # or once we have come to one that has not gone, too
        count = self.history.between(self._lost, reached)
        self._lost = None
        self.told = self.told._replace(lost=None)
        if count != 0:
            self._removed.append(Removed(count, reached.born or reached.index.fallback_ns))

    def _lost_before(self, position: Position) -> Place | None:
        return self._lost if position.generation is self._resumed else None

    def _next(self) -> tuple[Generation, int, int] | None:
        """Where to read on: a file, from, to."""
        generation, offset = self.position
        if self.history.number(generation) < 0:
            return None  # all has gone, and nothing came yet
        while True:
            last = self.stop is not None and generation is self.stop.generation
            end = (
                min(self.stop.offset, generation.size) if self.stop is not None and last else generation.size
            )
            if offset < end:
                return generation, offset, end
            after = None if last else self.history.after(generation)
            if after is None:
                return None
            generation, offset = after, 0

    def _collect(self, lines: Lines) -> None:
        self.ready.extend(line for line in lines.ready if self._wanted.line(line))
        lines.ready.clear()
        self._settle()

    def _settle(self) -> None:
        """With nothing ready, all that was read is told."""
        if not self.ready and self._lines is not None:
            self.told = Told(self.position, self._lines.marks, self._lost)


def decoded(raw: bytes) -> str:
    """Text that every JSON encoder takes: what is no UTF-8 is shown as `\\\\xff`."""
    return raw.decode("utf-8", "backslashreplace")
