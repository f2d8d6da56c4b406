"""The few system calls that Python's os module does not have (POSIX)."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_libc = ctypes.CDLL(None, use_errno=True)

if sys.platform == "linux":
    _PR_SET_CHILD_SUBREAPER = 36
    _SPLICE_F_NONBLOCK = 2
    _FALLOC_FL_KEEP_SIZE = 1
    _PIDFD_GETFD = 438  # the same on every architecture but Alpha

    def become_subreaper() -> bool:
        """Descendants whose parent has ended become our children from now on; False if the system refuses."""
        return bool(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)

    def tee(source: int, target: int, count: int) -> int:
        """Copy up to `count` bytes from one pipe to another, leaving them in the first; 0 at its end.

        Raises BlockingIOError if there is nothing to copy now.
        """
        while True:
            copied = _libc.tee(source, target, ctypes.c_size_t(count), _SPLICE_F_NONBLOCK)
            if copied >= 0:
                return int(copied)
            number = ctypes.get_errno()
            if number != errno.EINTR:
                raise OSError(number, os.strerror(number))

    def reserve(fd: int, offset: int, count: int) -> None:
        """Have the disk set room aside for `count` bytes from `offset` on; the file's size stays.

        Raises OSError, where the file system cannot do it, too.
        """
        if _libc.fallocate(fd, _FALLOC_FL_KEEP_SIZE, ctypes.c_long(offset), ctypes.c_long(count)) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def pidfd_getfd(pidfd: int, descriptor: int) -> int:
        """A copy, close-on-exec, of a descriptor of the process that `pidfd` stands for.

        Raises OSError: EPERM if we may not look into that process, ENOSYS before Linux 5.6.
        """
        found = int(_libc.syscall(_PIDFD_GETFD, pidfd, descriptor, 0))
        if found < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return found
else:

    def reserve(fd: int, offset: int, count: int) -> None:
        """No: only Linux has it.  Raises OSError (ENOSYS)."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def become_subreaper() -> bool:
        """No: only Linux has it; who leaves the session there, escapes."""
        return False

    def tee(source: int, target: int, count: int) -> int:
        """No: only Linux has it.  Raises OSError (ENOSYS)."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def pidfd_getfd(pidfd: int, descriptor: int) -> int:
        """No: only Linux has it.  Raises OSError (ENOSYS)."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
