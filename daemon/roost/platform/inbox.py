"""Everything that the keeper's one control thread waits for, in one place: clients, children, signals, posts.

The control thread calls `turn` for ever and is told of each thing by a method of its `Receiver`; nobody else
calls those, so what they touch needs no lock.  POSIX: one poller, and one pipe for signals and posts.
Windows (inbox_windows): a completion port.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class Receiver(Protocol):
        """What the control thread is told."""

        def connected(self, link: Link) -> None:
            """Somebody with our user number connected."""

        def received(self, link: Link, data: bytes) -> None:
            """Bytes came."""

        def closed(self, link: Link) -> None:
            """The other side is gone; the link is closed already."""

        def children_ended(self) -> None:
            """At least one child may be reaped."""

        def signalled(self, number: int) -> None:
            """One of the signals asked for came to us."""

        def process_ended(self, pid: int) -> None:
            """A process watched by `watch_process` has ended; it is watched no more."""


if sys.platform == "win32":
    from .inbox_windows import CARRIES_DESCRIPTORS, Inbox, Link
else:
    import array
    import collections
    import errno
    import os
    import signal
    import socket
    import time

    from . import endpoint as endpoints
    from .polling import Poller

    CARRIES_DESCRIPTORS = True  # whether `Link.send` can attach descriptors

    _READ_SIZE = 262144
    _MAX_PENDING = 64 * 1024 * 1024
    _MOST_GIVEN = 4

    class Link:
        """One connection.  What cannot be sent at once waits, in order, until the other side reads."""

        __slots__ = ("_inbox", "_pending", "_socket", "_stuck", "given", "pending_bytes")

        def __init__(self, inbox: Inbox, connection: socket.socket) -> None:
            self._inbox = inbox
            self._socket = connection
            self._pending: collections.deque[tuple[bytes, list[int]]] = collections.deque()
            self._stuck = False
            self.given: list[int] = []  # descriptors that came with the bytes; the receiver takes them out
            self.pending_bytes = 0

        def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
            """Send `data`, with copies of the descriptors `fds` attached; never blocks, never raises.

            A reader that lets 64 MiB pile up is cut off, and one for whom there is no descriptor left.
            """
            if self._socket.fileno() < 0:
                return
            try:
                copies = [os.dup(fd) for fd in fds]
            except OSError:
                self.close()
                return
            self._pending.append((data, copies))
            self.pending_bytes += len(data)
            self._flush()
            if self.pending_bytes > _MAX_PENDING:
                self.close()

        def close(self) -> None:
            """Cut the connection; the receiver is not told."""
            self._inbox._drop(self)
            for _, fds in self._pending:
                _close_all(fds)
            _close_all(self.given)
            self._pending.clear()
            self._socket.close()

        def _flush(self) -> None:
            try:
                while self._pending:
                    data, fds = self._pending[0]
                    sent = _send(self._socket, data, fds)
                    self.pending_bytes -= sent
                    if sent == len(data):
                        self._pending.popleft()
                    else:
                        self._pending[0] = (data[sent:], [])
            except BlockingIOError:
                pass
            except OSError:
                return  # it is broken: reading will tell the same, in its turn
            if self._stuck != bool(self._pending):
                self._stuck = not self._stuck
                self._inbox._poller.watch(self._socket.fileno(), write=self._stuck)

    class Inbox:
        """The control thread's ear."""

        def __init__(self, receiver: Receiver, signals: Sequence[int]) -> None:
            self._receiver = receiver
            self._poller = Poller()
            self._links: dict[int, Link] = {}
            self._processes: dict[int, int] = {}
            self._posts: collections.deque[Callable[[], None]] = collections.deque()
            self._listener: socket.socket | None = None
            self._listening_at = ("", 0, 0)
            self._wake_reading, self._wake_writing = os.pipe()
            os.set_blocking(self._wake_reading, False)
            os.set_blocking(self._wake_writing, False)
            self._poller.watch(self._wake_reading)
            signal.set_wakeup_fd(self._wake_writing, warn_on_full_buffer=False)
            for number in (signal.SIGCHLD, *signals):
                signal.signal(number, _heard)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is no reason to end (S32)

        # -- for the owner -------------------------------------------------------------------------------

        def listen(self, endpoint: str) -> None:
            """Accept connections there, and no longer where we did before.  Raises OSError."""
            listener = endpoints.listen(endpoint)
            listener.setblocking(False)
            self._stop_listening()
            self._listener = listener
            self._poller.watch(listener.fileno())
            there = os.stat(endpoint.partition(":")[2])
            self._listening_at = (endpoint, there.st_dev, there.st_ino)

        def is_reachable(self) -> bool:
            """Whether the endpoint's name still leads to us."""
            endpoint, device, inode = self._listening_at
            try:
                there = os.stat(endpoint.partition(":")[2])
            except OSError:
                return False
            return (there.st_dev, there.st_ino) == (device, inode)

        def watch_process(self, pid: int, pidfd: int) -> None:
            """Tell, once, when a process that is not our child ends; the descriptor stays the caller's."""
            self._processes[pidfd] = pid
            self._poller.watch(pidfd)

        def post(self, function: Callable[[], None]) -> None:
            """From any thread: let the control thread call `function`."""
            self._posts.append(function)
            try:
                os.write(self._wake_writing, b"\0")
            except BlockingIOError:
                pass  # the pipe is full of reasons to wake up

        def turn(self, timeout: float | None) -> None:
            """Wait at most so many seconds (None: for ever) and pass on what there is."""
            for fd in self._poller.wait(timeout):
                if fd == self._wake_reading:
                    self._woken()
                elif fd in self._links:
                    self._serve(self._links[fd])
                elif fd in self._processes:
                    self._process_ended(fd)
                elif self._listener is not None and fd == self._listener.fileno():
                    self._accept()

        def close(self) -> None:
            """Stop listening, take the name away if it is still ours, cut all links."""
            if self.is_reachable():
                os.unlink(self._listening_at[0].partition(":")[2])
            self._stop_listening()
            for link in list(self._links.values()):
                link.close()

        # -- inside --------------------------------------------------------------------------------------

        def _stop_listening(self) -> None:
            if self._listener is not None:
                self._poller.forget(self._listener.fileno())
                self._listener.close()
                self._listener = None

        def _woken(self) -> None:
            try:
                reasons = os.read(self._wake_reading, 65536)
            except BlockingIOError:
                return
            for number in set(reasons) - {0}:
                if number == signal.SIGCHLD:
                    self._receiver.children_ended()
                else:
                    self._receiver.signalled(number)
            for _ in range(len(self._posts)):
                self._posts.popleft()()

        def _accept(self) -> None:
            if self._listener is None:
                return
            try:
                connection, _ = self._listener.accept()
            except OSError as error:  # it went away again, or there is no descriptor left
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    time.sleep(0.01)  # it stays readable: do not spin
                return
            if not endpoints.peer_is_owner(connection):
                connection.close()
                return
            connection.setblocking(False)
            link = Link(self, connection)
            self._links[connection.fileno()] = link
            self._poller.watch(connection.fileno())
            self._receiver.connected(link)

        def _serve(self, link: Link) -> None:
            if link._pending:
                link._flush()
            try:
                data, fds, _, _ = socket.recv_fds(link._socket, _READ_SIZE, _MOST_GIVEN)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            for fd in fds:
                os.set_inheritable(fd, False)
            link.given += fds
            if data:
                self._receiver.received(link, data)
            else:
                link.close()
                self._receiver.closed(link)

        def _process_ended(self, pidfd: int) -> None:
            pid = self._processes.pop(pidfd)
            self._poller.forget(pidfd)
            self._receiver.process_ended(pid)

        def _drop(self, link: Link) -> None:
            fd = link._socket.fileno()
            if self._links.get(fd) is link:
                del self._links[fd]
                self._poller.forget(fd)

    def _heard(number: int, frame: object) -> None:
        """Nothing: the byte in the wake-up pipe says it all."""

    def _send(connection: socket.socket, data: bytes, fds: list[int]) -> int:
        if not fds:
            return connection.send(data)
        attached = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        sent = connection.sendmsg([data], attached)
        _close_all(fds)
        return sent

    def _close_all(fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        fds.clear()


__all__ = ["CARRIES_DESCRIPTORS", "Inbox", "Link"]
