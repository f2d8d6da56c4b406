"""`roost logs --raw`: the bytes of components' logs as they were written, nothing added or taken away."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..records.history import History, Position
from . import output
from .logview import gap_text

_BLOCK = 256 * 1024
_PAUSE = 0.05  # seconds between two looks while following


def show(folder: str, names: Sequence[str], lines: int, follow: bool) -> None:
    """Write the last `lines` lines of each component, one component after the other, to standard output.

    An unfinished line at the end counts as one.  With `follow`, go on with what comes, as it comes.
    """
    places: list[_Reader] = []
    for name in names:
        history = History(folder, name)
        reader = _Reader(history, _start(history, lines))
        reader.copy()
        places.append(reader)
    while follow:
        output.flush()
        time.sleep(_PAUSE)
        for reader in places:
            reader.copy()


class _Reader:
    """Where in a component's logs one has come to."""

    def __init__(self, history: History, position: Position | None) -> None:
        self._history = history
        self._position = position
        self._place = position.place() if position else None
        self._gone = False  # a file was not there any more when we came to it

    def copy(self) -> None:
        """Write everything from here to the end, over rotations; say what was removed before we came to it."""
        self._history.refresh(self._gone)
        self._gone = False
        while self._find() and self._copy_one():
            pass

    def _copy_one(self) -> bool:
        """The rest of one file; whether there may be more.  One that has gone meanwhile is left for another time."""
        assert self._position is not None
        generation, offset = self._position
        while offset == generation.size and (later := self._history.after(generation)) is not None:
            generation, offset = later, 0
        while offset < generation.size:
            data = generation.read(offset, min(generation.size, offset + _BLOCK))
            if not data:
                self._gone = data is None
                return False
            output.data_bytes(data)
            offset += len(data)
            self._place = Position(generation, offset).place()
        return self._history.after(generation) is not None

    def _find(self) -> bool:
        """Where our place is now; False if there is nothing to be read yet."""
        history, place = self._history, self._place
        self._position = history.begin() if place is None else history.find(place)
        if place is None or self._position is None or self._position.generation.is_at(place):
            return self._position is not None
        reached = self._position.generation
        missed = history.between(place, reached)
        if missed is None and (history.in_doubt or not reached.exists()):
            self._gone = True
            return False
        if missed != 0:
            output.note(gap_text({"name": history.name, "missed_bytes": missed}) or "")
        self._place = self._position.place()
        return True


def _start(history: History, lines: int) -> Position | None:
    """Where the last `lines` lines begin, found from the end backwards."""
    end = history.end()
    if lines == 0:
        return end
    missing = lines
    at_end = True
    for generation in reversed(history.generations):
        offset = generation.size
        while offset > 0:
            low = max(0, offset - _BLOCK)
            data = generation.log.read(low, offset)
            search = len(data)
            if at_end and data.endswith(b"\n"):
                search -= 1  # the newline that ends the last line begins none
            at_end = False
            while (found := data.rfind(b"\n", 0, search)) >= 0:
                missing -= 1
                if missing == 0:
                    return Position(generation, low + found + 1)
                search = found
            offset = low
    return history.begin()
