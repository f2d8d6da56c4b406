"""Opening a file for reading so that its owner may rename or delete it meanwhile.

A plain `open` on Windows forbids both, and a mere reader would stop the rotation of a log.  On POSIX every
`open` is like that.  Nothing here writes.
"""

from __future__ import annotations

import os
import sys


def open_shared(path: str) -> int:
    """A descriptor for reading bytes; raises OSError as `os.open` does."""
    if sys.platform == "win32":
        import _winapi
        import msvcrt

        share_all = 0x1 | 0x2 | 0x4  # read, write, delete (and so rename)
        open_existing = 3
        handle = _winapi.CreateFile(path, _winapi.GENERIC_READ, share_all, 0, open_existing, 0x80, 0)
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
