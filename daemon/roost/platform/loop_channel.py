"""A connection of ours on an asyncio loop, over which descriptors may come and go, too.

asyncio's own transports cannot carry descriptors; a pipe's are the business of another system's loop.
What is sent never blocks; what came, and the end, are told on the loop.
"""

from __future__ import annotations

import sys

from . import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

if sys.platform == "win32":
    from .loop_channel_windows import Channel
else:
    import collections
    import os
    import socket

    _READ = 256 * 1024
    _MOST_FDS = 32

    class Channel:
        """A non-blocking Unix socket on the loop that also carries descriptors, which asyncio's own cannot."""

        def __init__(
            self,
            loop: asyncio.AbstractEventLoop,
            connection: socket.socket,
            received: Callable[[bytes, list[int]], None],
            closed: Callable[[], None],
        ) -> None:
            self._loop = loop
            self._socket = connection
            self._received = received
            self._closed = closed
            self._unsent: collections.deque[tuple[bytes, list[int]]] = collections.deque()
            self._fds: list[int] = []
            connection.setblocking(False)
            loop.add_reader(connection.fileno(), self._readable)

        def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
            """Send it, some time soon, with copies of these descriptors.  Raises OSError if none can be made."""
            self._unsent.append((data, [os.dup(fd) for fd in fds]))
            if len(self._unsent) > 1:
                return
            try:
                self._flush()
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._writable)
            except OSError:
                self._loop.call_soon(self._closed)

        def close(self) -> None:
            if self._socket.fileno() < 0:
                return
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
            for fd in (*self._fds, *(fd for _, fds in self._unsent for fd in fds)):
                os.close(fd)
            self._fds.clear()
            self._unsent.clear()

        def _readable(self) -> None:
            try:
                data, fds, _flags, _address = socket.recv_fds(self._socket, _READ, _MOST_FDS)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data, fds = b"", []
            for fd in fds:
                os.set_inheritable(fd, False)
            self._fds += fds
            if data:
                self._received(data, self._fds)
            else:
                self._closed()

        def _writable(self) -> None:
            try:
                self._flush()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._closed()
                return
            self._loop.remove_writer(self._socket.fileno())

        def _flush(self) -> None:
            """Send until all is sent.  Raises BlockingIOError, with the rest kept, if the other side is slow."""
            while self._unsent:
                data, fds = self._unsent[0]
                sent = socket.send_fds(self._socket, [data], fds) if fds else self._socket.send(data)
                self._unsent[0] = (data[sent:], [])
                for fd in fds:
                    os.close(fd)
                if sent == len(data):
                    self._unsent.popleft()


def open_channel(
    loop: asyncio.AbstractEventLoop,
    where: str,
    timeout: float,
    received: Callable[[bytes, list[int]], None],
    closed: Callable[[], None],
) -> Channel:
    """A channel to an endpoint, within `timeout` seconds.  Raises OSError.

    `received` is called with bytes and with a list of descriptors, from which it takes those that are its;
    `closed`, when the other side is gone: then `close` is to be called.
    """
    connection = endpoint.connect(where, timeout)
    if not endpoint.peer_is_owner(connection):
        connection.close()
        raise PermissionError(f"what answers on {where} is another user's process")
    return Channel(loop, connection, received, closed)


__all__ = ["Channel", "open_channel"]
