"""One file on the disk that a rotation may rename at any moment: known by its inode, not by its name.

Nothing is kept open between two readings, so a thousand components need no thousand descriptors and nobody's
rename is in the way.  Nothing here knows what is in the file, and nothing writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..platform import logindex
from ..platform.sharing import open_shared

_HOLES = 2  # numbers in a row under which there is no file, so that there is none further on, either
_WALKS = 8  # past all numbers, each of which fell into rotations, after which it must have gone


class StoredFile:
    """`base` is its name when it is the live one; `number` how often it had been rotated when last seen.

    `written_ns`: when the last byte came, of one that was rotated when it was seen; None of the live one.  It
    never changes again, so it tells the file from a later one with the same inode.
    """

    __slots__ = ("base", "inode", "number", "size", "written_ns")

    def __init__(self, base: str, number: int, found: os.stat_result) -> None:
        self.base = base
        self.number = number
        self.inode = found.st_ino
        self.size = found.st_size
        self.written_ns = found.st_mtime_ns if number else None

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

        def look(path: str) -> bool | None:
            found = stat_of(path)
            return found and self._is(found)

        return self._walk(look)

    def may_be(self, seen: StoredFile) -> bool:
        """Whether it is the file that was seen later."""
        return seen.inode == self.inode and self.written_ns in (None, seen.written_ns)

    def _open(self) -> int | None:
        opened: list[int] = []

        def look(path: str) -> bool | None:
            try:
                fd = open_shared(path)
            except OSError:
                return None
            if self._is(os.fstat(fd)):
                opened.append(fd)
                return True
            os.close(fd)
            return False

        return opened[0] if self._walk(look) else None

    def _is(self, found: os.stat_result) -> bool:
        return found.st_ino == self.inode and self.written_ns in (None, found.st_mtime_ns)

    def _walk(self, look: Callable[[str], bool | None]) -> bool:
        """Look for it where it was and further up: a rotation never gives a lower number.

        `look` says whether it is the file of that name (None: there is none).  A rotation under way leaves a
        name free for a moment; so not to have found it counts only if meanwhile none was completed.
        """
        for _ in range(_WALKS):
            live = _inode(self.base)
            number, missing = self.number, 0
            while missing < _HOLES:
                found = look(logindex.rotated(self.base, number))
                if found:
                    self.number = number
                    return True
                missing = missing + 1 if found is None else 0
                number += 1
            if live == _inode(self.base):
                break
        return False


def stat_of(path: str) -> os.stat_result | None:
    """What is known of the file of that name; None if there is none, or nobody may know."""
    try:
        return os.stat(path)
    except OSError:
        return None


def _inode(path: str) -> int | None:
    found = stat_of(path)
    return found and found.st_ino


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
