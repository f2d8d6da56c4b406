"""Reading and writing at a place in a file, and setting room aside there; the file's own position is of no account.

POSIX has calls for it.  Windows has none that Python knows, so there the position is moved: a descriptor
that is used in this way must be one thread's alone.
"""

from __future__ import annotations

import errno
import os
import sys

_UNREMARKABLE = 65536  # bytes that a file system may well use for a file beyond its size

if sys.platform == "win32":

    def reserve(fd: int, offset: int, count: int) -> None:
        """No: NTFS is quick enough with what it does not know beforehand.  Raises OSError (ENOSYS)."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def read_at(fd: int, count: int, offset: int) -> bytes:
        """Up to `count` bytes from `offset` on."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, count)

    def write_at(fd: int, data: bytes, offset: int) -> int:
        """Write at `offset`; how many bytes, which may be fewer than there are."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)
else:
    from .libc import reserve

    read_at = os.pread
    write_at = os.pwrite


def release(fd: int) -> None:
    """Give back what was reserved behind the end of the file.  Raises OSError."""
    os.ftruncate(fd, os.fstat(fd).st_size)


def has_reserve(found: os.stat_result) -> bool:
    """Whether much more room is set aside for the file than it has bytes (never known on Windows)."""
    return getattr(found, "st_blocks", 0) * 512 > found.st_size + _UNREMARKABLE


__all__ = ["has_reserve", "read_at", "release", "reserve", "write_at"]
