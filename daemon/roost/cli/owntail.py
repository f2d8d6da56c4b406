"""Shows our own logs (daemon.log): the last lines of a file that rotates, and what is added to it."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import BinaryIO

from . import output
from .text import harmless

_PAUSE = 0.2  # seconds between two looks at the file
_ROTATED = 3


def show(path: str, lines: int, follow: bool) -> None:
    """Print the last `lines` lines of `path` and of what it was rotated to; go on with `follow`."""
    kept: deque[str] = deque(maxlen=lines)
    place = _Place(path)
    for number in range(_ROTATED, 0, -1):
        kept.extend(_lines(f"{path}.{number}"))
    kept.extend(place.fresh())
    for line in kept:
        output.data(line + "\n")
    if not kept:
        output.note(f"roost: there is nothing in {path}")
    if follow:
        output.leave_with_reader()
    while follow:
        output.flush()
        time.sleep(_PAUSE)
        for line in place.fresh():
            output.data(line + "\n")


class _Place:
    """How far a file has been read; begins anew when another takes its name."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._inode = -1
        self._offset = 0
        self._rest = b""

    def fresh(self) -> list[str]:
        """The whole lines that have come since, those first that were written before a rotation."""
        try:
            with open(self._path, "rb") as file:
                if self._is_in(file):
                    return self._more(file)
                before = self._more_before_rotation()
                self._inode, self._offset, self._rest = os.fstat(file.fileno()).st_ino, 0, b""
                return before + self._more(file)
        except FileNotFoundError:
            return []

    def _more_before_rotation(self) -> list[str]:
        try:
            with open(f"{self._path}.1", "rb") as file:
                return self._more(file) if self._is_in(file) else []
        except FileNotFoundError:
            return []

    def _is_in(self, file: BinaryIO) -> bool:
        found = os.fstat(file.fileno())
        return found.st_ino == self._inode and found.st_size >= self._offset

    def _more(self, file: BinaryIO) -> list[str]:
        file.seek(self._offset)
        data = file.read()
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [_decoded(line) for line in whole]


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return [_decoded(line) for line in file.read().removesuffix(b"\n").split(b"\n")]
    except FileNotFoundError:
        return []


def _decoded(line: bytes) -> str:
    return harmless(line.decode("utf-8", "backslashreplace"))
