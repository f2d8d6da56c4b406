"""Locks that the system frees when their holder is gone, however it went (S1, S6).

Two kinds: our own (`Lock`, one descriptor in one process) and a run's (`make_run_lock`, inherited by the
component, so that it lives as long as the component or a descendant).  Nothing here waits; a caller that
wants to wait asks again.  The same system call as portalocker's, so the two exclude each other.
"""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, 0, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 0x7FFFFFFF)
        except OSError:
            return False
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 0x7FFFFFFF)
else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Lock:
    """The lock file at `path`, held by this process alone from a `take` that gave True to `release`."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    @property
    def held(self) -> bool:
        return self._fd >= 0

    def take(self) -> bool:
        """Take it now; False if somebody else holds it.  Raises OSError if the file cannot be made."""
        if self._fd >= 0:
            return True
        fd = os.open(self.path, _FLAGS, 0o600)
        try:
            if _try_lock(fd) and _is_file(fd, self.path):
                self._fd, fd = fd, -1
                return True
            return False
        finally:
            if fd >= 0:
                os.close(fd)

    def is_current(self) -> bool:
        """Whether the file at `path` is still the one that is held: it may have been removed or replaced."""
        return self._fd >= 0 and _is_file(self._fd, self.path)

    def retake(self) -> bool:
        """Hold the file that is at `path` now; False (and the old one is kept) if somebody else has it."""
        if self.is_current():
            return True
        other = Lock(self.path)
        if not other.take():
            return False
        self.release()
        self._fd = other._fd
        return True

    def release(self) -> None:
        """Let it go; the file stays.  Nothing happens if it was not held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def make_run_lock(path: str) -> int:
    """A new lock file for a run, locked, at `path`; the descriptor to inherit.

    New each time, so that a leftover of an earlier run keeps the old inode locked and cannot stand in the
    way (D8).  The descriptor is close-on-exec; whoever spawns gives it on.  Raises OSError.
    """
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    fd = os.open(temporary, _FLAGS | os.O_EXCL, 0o600)
    try:
        _try_lock(fd)
        if (
            sys.platform != "win32"
        ):  # Windows neither renames nor inherits an open file: the job holds the run
            os.rename(temporary, path)
    except BaseException:
        os.close(fd)
        os.unlink(temporary)
        raise
    if sys.platform == "win32":
        _unlock(fd)
        os.close(fd)
        os.replace(temporary, path)
        fd = os.open(path, _FLAGS, 0o600)
        _try_lock(fd)
    return fd


def is_held(path: str) -> bool:
    """Whether somebody holds the lock file at `path`; no file, no holder.

    The look takes the lock for an instant: a starter must therefore try for a while before it gives up.
    """
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        if not _try_lock(fd):
            return True
        _unlock(fd)
        return False
    finally:
        os.close(fd)


def _is_file(fd: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except OSError:
        return False
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
