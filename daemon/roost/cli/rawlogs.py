"""`roost logs --raw`: the bytes of components' logs as they were written, nothing added or taken away."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ..records.history import History, Position

_BLOCK = 256 * 1024
_PAUSE = 0.05  # seconds between two looks while following


def show(folder: str, names: Sequence[str], lines: int, follow: bool) -> None:
    """Write the last `lines` lines of each component, one component after the other, to standard output.

    An unfinished line at the end counts as one.  With `follow`, go on with what comes, as it comes.
    """
    out = sys.stdout.buffer
    places: list[_Reader] = []
    for name in names:
        history = History(folder, name)
        reader = _Reader(history, _start(history, lines))
        reader.copy(out)
        places.append(reader)
    while follow:
        out.flush()
        time.sleep(_PAUSE)
        for reader in places:
            reader.copy(out)


class _Reader:
    """Where in a component's logs one has come to."""

    def __init__(self, history: History, position: Position | None) -> None:
        self._history = history
        self._position = position

    def copy(self, out: BinaryIO) -> None:
        """Write everything from here to the end, over rotations."""
        self._history.refresh()
        if self._position is None:
            self._position = self._history.begin()
        else:
            self._position = self._history.find(self._position.place())
        while self._position is not None:
            generation, offset = self._position
            for data in _blocks(self._position):
                out.write(data)
                offset += len(data)
            later = self._history.after(generation)
            self._position = Position(later, 0) if later is not None else Position(generation, offset)
            if later is None:
                return


def _blocks(position: Position) -> Iterator[bytes]:
    generation, offset = position
    while offset < generation.size:
        data = generation.log.read(offset, min(generation.size, offset + _BLOCK))
        if not data:
            return
        yield data
        offset += len(data)


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
