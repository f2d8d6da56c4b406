"""Files that must never be seen half written: replace whole, flush file and folder (S71)."""

from __future__ import annotations

import contextlib
import os
import sys

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def write_atomic(path: str, data: bytes, mode: int = 0o600, durable: bool = True) -> None:
    """Put `data` at `path` so that a reader, or a crash at any moment, sees the old content or the new.

    With `durable` the bytes and the name are on the disk when this returns.  Raises OSError, leaving the
    old file and no temporary one.
    """
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    fd = os.open(temporary, _FLAGS, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(os.path.dirname(path))


def sync_folder(folder: str) -> None:
    """Flush a folder's entries.  Windows has no such call: there the replace is journalled by the system."""
    if sys.platform == "win32":
        return
    fd = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_private(folder: str) -> None:
    """Make a folder that only its owner may enter; one that is there already keeps its content."""
    os.makedirs(folder, mode=0o700, exist_ok=True)


def folder_mark(path: str) -> str:
    """What tells a folder from every copy of it, and stays when it is moved (on its file system).

    Raises OSError.
    """
    found = os.stat(path)
    return f"{found.st_dev}:{found.st_ino}"
