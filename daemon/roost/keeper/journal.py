"""keeper.log: one line for each thing of weight that the keeper did; for people.

Names, pids, codes: never an environment or a command line.  A disk that refuses costs lines, no more.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_SIZE = 256 * 1024


class Journal:
    """A small log with one older file beside it."""

    __slots__ = ("_do", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._do: Callable[[Callable[[], None]], None] = lambda function: function()

    def write_by(self, do: Callable[[Callable[[], None]], None]) -> None:
        """Let `do` call what writes: a thread that may wait for the disk."""
        self._do = do

    def say(self, text: str) -> None:
        """Add a line with the time in front."""
        line = f"{_timestamp(time.time())} {' '.join(text.split())}\n"
        self._do(lambda: self._write(line))

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "replace")
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(fd, data)
                full = os.fstat(fd).st_size > _MAX_SIZE
            finally:
                os.close(fd)
            if full:  # closed first: Windows renames no open file
                os.replace(self._path, self._path + ".1")
        except OSError:
            pass  # there is nobody else to tell


def _timestamp(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
