"""The sockets on which components say how they are (sd_notify), and who said it.

A Unix datagram socket that only its owner may write to.  Linux tells the sender's pid with each datagram;
macOS does not, so that there the folder's mode is all the protection; Windows has no such sockets.
"""

from __future__ import annotations

import os
import socket
import sys

from . import identity

_MOST = 4096
_MOST_FDS = 16
_GENERATIONS = 64
"""No tree of processes is deeper."""

if sys.platform == "win32":
    SUPPORTED = False

    def open_socket(path: str) -> socket.socket:
        """Never called: `SUPPORTED` says so."""
        raise OSError(f"there are no datagram sockets in the file system here: {path}")

    def receive(listener: socket.socket) -> tuple[bytes, int | None, list[int]]:
        """Never called: there is no socket to receive from."""
        raise OSError("there are no datagram sockets in the file system here")

else:
    SUPPORTED = True

    def open_socket(path: str) -> socket.socket:
        """A socket that does not block, at `path` (0600); what was there before is replaced.  Raises OSError."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            listener.bind(path)
            os.chmod(path, 0o600)
            listener.setblocking(False)
            if sys.platform == "linux":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        except BaseException:
            listener.close()
            raise
        return listener

    def receive(listener: socket.socket) -> tuple[bytes, int | None, list[int]]:
        """One datagram, the pid of its sender where the system tells, and the descriptors that came with it.

        The caller closes these when it has dealt with the datagram: for the sender that is the sign that it
        may go (sd_notify_barrier).  Raises BlockingIOError when there is none.
        """
        room = socket.CMSG_SPACE(12) + socket.CMSG_SPACE(4 * _MOST_FDS)
        data, attached, _flags, _address = listener.recvmsg(_MOST, room)
        sender: int | None = None
        fds: list[int] = []
        for level, kind, value in attached:
            if level != socket.SOL_SOCKET:
                continue
            if kind == socket.SCM_RIGHTS:
                whole = len(value) - len(value) % 4
                fds += memoryview(value[:whole]).cast("i").tolist()
            elif sys.platform == "linux" and kind == socket.SCM_CREDENTIALS:
                sender = int.from_bytes(value[:4], sys.byteorder, signed=True)
        return data, sender, fds


def belongs(pid: int, leader: int, marks: dict[str, str]) -> bool:
    """Whether a process belongs to the run of `leader`: by session, by its line of parents, or by its mark.

    `marks` are variables of which all must be in the environment that the process was started with.
    """
    here = pid
    for _ in range(_GENERATIONS):
        facts = identity.facts(here)
        if here == leader or (facts is not None and facts.session == leader):
            return True
        if facts is None or facts.parent <= 1:
            break
        here = facts.parent
    return bool(marks) and identity.environment_values(pid, tuple(marks)) == marks
