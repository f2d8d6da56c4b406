"""The bytes of one component's log as they were written, from a place on: what a terminal is drawn with.

Works on the files alone, over rotations, and never waits: asked again when the log has grown.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import cursor as cursors
from .cursor import Mark
from .history import History, Position
from .screen import Modes, without_questions

_PIECE = 48 * 1024  # bytes that are given at a time
_REPLAYED = 32 * 1024  # bytes of the past that a late comer sees
_LOOKED_AT = 1024 * 1024  # … and those of which he only gets the modes that they have left


class ByteFollower:
    """What follows a cursor, or what a late comer to a run should see and then what comes.

    Raises cursor.BadCursor.
    """

    def __init__(self, folder: str, name: str, run: int, cursor: str | None) -> None:
        self._name = name
        self._history = History(folder, name)
        self._past: list[bytes] = []
        self._position: Position | None
        if cursor is not None:
            mark = cursors.decode(cursor).get(name)
            self._position = self._history.find(mark.place) if mark else self._history.begin()
        else:
            self._position = self._history.end()
            self._past = [piece for piece in [self._recent(run)] if piece]

    def poll(self) -> bytes:
        """Some of what has come, in order; empty if nothing has."""
        if self._past:
            return self._past.pop()
        self._history.refresh()
        if self._position is None:
            self._position = self._history.begin()
        else:
            self._position = self._history.find(self._position.place())
        while self._position is not None:
            generation, offset = self._position
            data = generation.read(offset, min(generation.size, offset + _PIECE))
            if data is None:
                self._history.refresh(anew=True)
                self._position = self._history.find(self._position.place())
                continue
            if data:
                self._position = Position(generation, offset + len(data))
                return data
            later = self._history.after(generation)
            if later is None:
                return b""
            self._position = Position(later, 0)
        return b""

    def cursor(self) -> str:
        """Behind what `poll` has given."""
        mark = Mark(self._position.place(), {}) if self._position else None
        return cursors.encode({self._name: mark})

    def _recent(self, run: int) -> bytes:
        """The last that the run has written, from the beginning of a line if it is much, questions left out."""
        begin = self._history.at_run(run)
        pieces, size = [], 0
        for data in self._back(begin):
            pieces.append(data)
            size += len(data)
            if size >= _LOOKED_AT:
                break
        past = b"".join(reversed(pieces))
        before, shown = past[:-_REPLAYED], past[-_REPLAYED:]
        if not before:
            return without_questions(shown)
        start = shown.find(b"\n") + 1
        modes = Modes()
        modes.feed(before + shown[:start])
        return modes.redo() + without_questions(shown[start:])

    def _back(self, begin: Position | None) -> Iterator[bytes]:
        """Pieces from the end backwards, not from before `begin`."""
        position = self._position
        while position is not None and begin is not None:
            generation, offset = position
            lowest = begin.offset if generation is begin.generation else 0
            while offset > lowest:
                start = max(lowest, offset - _PIECE)
                yield generation.log.read(start, offset)
                offset = start
            older = None if generation is begin.generation else self._history.before(generation)
            position = Position(older, older.size) if older is not None else None
