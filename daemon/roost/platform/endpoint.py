"""Where our programs meet: a Unix socket (`unix:PATH`), on Windows a named pipe (`pipe:NAME`).

Blocking and small, because `roost status` imports it: nothing but sockets here.  Nothing here decides whether
a socket file that nobody answers on may be removed.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

if sys.platform == "win32":
    from .endpoint_windows import PipeConnection as Connection
    from .endpoint_windows import PipeListener as Listener
    from .endpoint_windows import (
        connect,
        is_there,
        listen,
        peer_has_left,
        peer_is_owner,
        peer_pid,
        remove,
        send_with,
    )
else:
    import select
    import socket
    import struct

    Connection = socket.socket
    Listener = socket.socket

    def listen(endpoint: str) -> Listener:
        """A listening socket that only its owner may connect to (0600); replaces a file that is in the way.

        The caller holds the lock that says that the old file is nobody's.  Raises OSError.
        """
        path = _path(endpoint)
        temporary = os.path.join(os.path.dirname(path), f".{os.getpid()}")  # no longer than the real name
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove(temporary)
            listener.bind(temporary)
            os.chmod(temporary, 0o600)
            listener.listen(128)
            os.rename(temporary, path)  # whoever finds the name finds somebody who listens
        except BaseException:
            listener.close()
            _remove(temporary)
            raise
        return listener

    def connect(endpoint: str, timeout: float) -> Connection:
        """A connection within `timeout` seconds, which is then also its time-out for sending and receiving.

        Raises FileNotFoundError or ConnectionRefusedError if nobody listens, TimeoutError, other OSErrors.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(_path(endpoint))
        except BlockingIOError as error:  # Linux: the queue of the listener is full for the whole time-out
            connection.close()
            raise TimeoutError(f"no answer on {endpoint}") from error
        except BaseException:
            connection.close()
            raise
        return connection

    def peer_is_owner(connection: Connection) -> bool:
        """Whether the process at the other end runs as our user; also with asyncio's transport sockets."""
        return peer_uid(connection) == os.getuid()

    def peer_uid(connection: Connection) -> int:
        """The user number of the process that connected (or that listened)."""
        if sys.platform == "darwin":
            credentials = connection.getsockopt(0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred
            return int(struct.unpack_from("=I", credentials, 4)[0])
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("=iII", credentials)[1])

    def peer_pid(connection: Connection) -> int | None:
        """The process that connected; None where the system does not tell (it is in another container, say)."""
        if sys.platform == "darwin":
            pid = connection.getsockopt(0, 2)  # SOL_LOCAL, LOCAL_PEERPID
        else:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            pid = int(struct.unpack("=iII", credentials)[0])
        return pid or None

    def peer_has_left(connection: Connection) -> bool:
        """Whether the process at the other end will read nothing more; one that only sends nothing more has not."""
        try:
            if sys.platform == "darwin":
                connection.getpeername()
                return False
            looking = select.poll()
            looking.register(
                connection.fileno(), 0
            )  # what cannot be masked is told: errors, and both ends closed
            return bool(looking.poll(0))
        except OSError:
            return True

    def send_with(connection: Connection, data: bytes, fds: Sequence[int]) -> None:
        """Send all of `data`, and with its beginning copies of these descriptors.  Raises OSError."""
        sent = socket.send_fds(connection, [data], list(fds)) if fds else 0
        connection.sendall(data[sent:])

    def remove(endpoint: str) -> None:
        """Take away the name of a socket that nobody serves any more; nothing happens if there is none."""
        _remove(_path(endpoint))

    def is_there(endpoint: str) -> bool:
        """Whether there is a name to connect to; that somebody listens behind it only connecting tells."""
        return os.path.exists(_path(endpoint))

    def _path(endpoint: str) -> str:
        kind, _, path = endpoint.partition(":")
        if kind != "unix" or not path:
            raise ValueError(f"not an endpoint of this system: {endpoint!r}")
        return path

    def _remove(path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


__all__ = [
    "Connection",
    "Listener",
    "connect",
    "is_there",
    "listen",
    "peer_has_left",
    "peer_is_owner",
    "peer_pid",
    "remove",
    "send_with",
]
