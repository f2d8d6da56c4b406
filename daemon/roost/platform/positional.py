"""Reading and writing at a place in a file; the file's own position is of no account.

POSIX has calls for it.  Windows has none that Python knows, so there the position is moved: a descriptor
that is used in this way must be one thread's alone.
"""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":

    def read_at(fd: int, count: int, offset: int) -> bytes:
        """Up to `count` bytes from `offset` on."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, count)

    def write_at(fd: int, data: bytes, offset: int) -> int:
        """Write at `offset`; how many bytes, which may be fewer than there are."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)
else:
    read_at = os.pread
    write_at = os.pwrite


__all__ = ["read_at", "write_at"]
