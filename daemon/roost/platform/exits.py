"""How a process ended that is not our child: its code, where the system still gives it (D6).

Linux: from /proc while it is a zombie, or from its pidfd once it was reaped (PIDFD_GET_INFO, 6.15 and later;
the pidfd must have been opened while it lived).  Elsewhere it cannot be known.
"""

from __future__ import annotations

import os
import sys

if sys.platform == "linux":
    import fcntl
    import struct

    _PIDFD_GET_INFO = 0xC040FF0B
    _PIDFD_INFO_EXIT = 1 << 3
    _INFO_SIZE = 64
    _STATUS_AT = 60

    def exit_code(pid: int, start_time: int, pidfd: int) -> tuple[int, str] | None:
        """Its code (negative for a signal) and how it is known, "zombie" or "pidfd"; None if it is not (yet).

        `pidfd` may be -1.
        """
        status = _zombie_status(pid, start_time)
        if status is not None:
            return os.waitstatus_to_exitcode(status), "zombie"
        code = code_of_reaped(pidfd)
        return None if code is None else (code, "pidfd")

    def code_of_reaped(pidfd: int) -> int | None:
        """What a pidfd knows of its process's end; None before it was reaped, or on an older kernel."""
        if pidfd < 0:
            return None
        try:
            answer = fcntl.ioctl(
                pidfd, _PIDFD_GET_INFO, struct.pack("<Q", _PIDFD_INFO_EXIT).ljust(_INFO_SIZE, b"\0")
            )
        except OSError:
            return None
        if not struct.unpack_from("<Q", answer)[0] & _PIDFD_INFO_EXIT:
            return None
        return os.waitstatus_to_exitcode(struct.unpack_from("<i", answer, _STATUS_AT)[0])

    def _zombie_status(pid: int, start_time: int) -> int | None:
        """Field 52 of its stat, which means something only while it is a zombie."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                field = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return int(field[49]) if field[0] == b"Z" and int(field[19]) == start_time else None
else:

    def exit_code(pid: int, start_time: int, pidfd: int) -> tuple[int, str] | None:
        """Never: only its parent learns it."""
        return None

    def code_of_reaped(pidfd: int) -> int | None:
        """Never: there are no pidfds."""
        return None
