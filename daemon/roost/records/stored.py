"""One file on the disk that a rotation may rename at any moment: known by its inode, not by its name.

Nothing is kept open between two readings, so a thousand components need no thousand descriptors and nobody's
rename is in the way.  Nothing here knows what is in the file, and nothing writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..platform import logindex
from ..platform.sharing import open_shared

_HOLES = 2  # numbers in a row under which there is no file, so that there is none further on, either


class StoredFile:
    """`base` is its name when it is the live one; `number` how often it had been rotated when last seen."""

    __slots__ = ("base", "inode", "number", "size")

    def __init__(self, base: str, number: int, inode: int, size: int) -> None:
        self.base = base
        self.number = number
        self.inode = inode
        self.size = size

    @contextmanager
    def opened(self) -> Iterator[int | None]:
        """A descriptor while the block lasts; None if the file is gone or may not be read."""
        fd = self._open()
        try:
            yield fd
        finally:
            if fd is not None:
                os.close(fd)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`; fewer, perhaps none, if the file has gone or shrunk meanwhile."""
        with self.opened() as fd:
            return b"" if fd is None else read_range(fd, start, end - start)

    def exists(self) -> bool:
        """Whether it is still there under any of its names, readable or not."""
        number, missing = self.number, 0
        while missing < _HOLES:
            try:
                if os.stat(logindex.rotated(self.base, number)).st_ino == self.inode:
                    return True
                missing = 0
            except OSError:
                missing += 1
            number += 1
        return False

    def _open(self) -> int | None:
        """Look for it where it was and further up: a rotation never gives a lower number."""
        number, missing = self.number, 0
        while missing < _HOLES:
            try:
                fd = open_shared(logindex.rotated(self.base, number))
            except OSError:
                missing += 1
            else:
                if os.fstat(fd).st_ino == self.inode:
                    self.number = number
                    return fd
                os.close(fd)
                missing = 0
            number += 1
        return None


def read_range(fd: int, start: int, size: int) -> bytes:
    """`size` bytes from `start`, fewer only at the end of the file or where the disk cannot read."""
    parts: list[bytes] = []
    try:
        os.lseek(fd, start, os.SEEK_SET)
        while size > 0:
            data = os.read(fd, size)
            if not data:
                break
            parts.append(data)
            size -= len(data)
    except OSError:
        pass  # a bad sector: what could be read is shown
    return parts[0] if len(parts) == 1 else b"".join(parts)
