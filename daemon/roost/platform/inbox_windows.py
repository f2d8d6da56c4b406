"""Windows: everything that the keeper's control thread waits for, on one completion port.  Used by inbox.py.

Clients are named pipes with a read always in flight; the ends of children and posts of other threads arrive
on the same port.  What takes the place of TERM and INT are the console's events, which come on a thread of
the system's and are posted.
"""

from __future__ import annotations

import _winapi
import collections
import sys

assert sys.platform == "win32"

from . import children_windows, endpoint_windows
from .completion_windows import Port
from .console_windows import on_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .completion_windows import Overlapped
    from .inbox import Receiver

CARRIES_DESCRIPTORS = False

_READ_SIZE = 65536
_WRITE_SIZE = 65536
_MAX_PENDING = 64 * 1024 * 1024
_SYNCHRONIZE = 0x00100000


class Link:
    """One connection.  What cannot be sent at once waits, in order, until the other side reads."""

    __slots__ = ("_handle", "_inbox", "_pending", "_reading", "_writing", "given", "pending_bytes")

    def __init__(self, inbox: Inbox, handle: int) -> None:
        self._inbox = inbox
        self._handle = handle
        self._pending: collections.deque[bytes] = collections.deque()
        self._reading: Overlapped | None = None
        self._writing: Overlapped | None = None
        self.given: list[int] = []  # for ever empty: no descriptors come over a pipe
        self.pending_bytes = 0

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send `data`; never blocks, never raises.  A reader that lets 64 MiB pile up is cut off.

        Descriptors cannot be sent here: see CARRIES_DESCRIPTORS.
        """
        if self._handle < 0:
            return
        self._pending.append(data)
        self.pending_bytes += len(data)
        self._write()
        if self.pending_bytes > _MAX_PENDING:
            self.close()

    def close(self) -> None:
        """Cut the connection; the receiver is not told."""
        if self._handle < 0:
            return
        self._inbox._links.discard(self)
        for operation in (self._reading, self._writing):
            if operation is not None and operation.pending:
                operation.cancel()
        self._pending.clear()
        _winapi.CloseHandle(self._handle)
        self._handle = -1

    def _read(self) -> None:
        operation = self._inbox._port.expect(self._arrived)
        try:
            operation.ReadFile(self._handle, _READ_SIZE)
        except OSError:
            self._inbox._port.unexpect(operation)
            self._gone()
        else:
            self._reading = operation

    def _arrived(self) -> None:
        if self._handle < 0 or self._reading is None:
            return
        try:
            data = self._reading.getresult()
        except OSError:
            data = b""
        self._reading = None
        if not data:
            self._gone()
            return
        self._inbox._receiver.received(self, data)
        if self._handle >= 0:
            self._read()

    def _gone(self) -> None:
        self.close()
        self._inbox._receiver.closed(self)

    def _write(self) -> None:
        if self._writing is not None or not self._pending:
            return
        data = self._pending.popleft()
        if len(data) > _WRITE_SIZE:
            self._pending.appendleft(data[_WRITE_SIZE:])
            data = data[:_WRITE_SIZE]
        operation = self._inbox._port.expect(lambda: self._written(len(data)))
        try:
            operation.WriteFile(self._handle, data)
        except OSError:  # it is broken: reading will tell the same, in its turn
            self._inbox._port.unexpect(operation)
            self._pending.clear()
        else:
            self._writing = operation

    def _written(self, count: int) -> None:
        self._writing = None
        self.pending_bytes -= count
        if self._handle >= 0:
            self._write()


class Inbox:
    """The control thread's ear."""

    def __init__(self, receiver: Receiver, signals: Sequence[int]) -> None:
        self._receiver = receiver
        self._port = Port()
        self._links: set[Link] = set()
        self._posts: collections.deque[Callable[[], None]] = collections.deque()
        self._name = ""
        self._waiting = -1  # the instance of our pipe that nobody has connected to yet
        self._connecting: Overlapped | None = None
        self._ended = False  # a child has ended that the receiver has not been told of
        children_windows.listen(self._port, self._child_ended)
        if signals:  # which of them it was cannot be said: each event counts as the first
            self.console_handler = on_event(lambda: self.post(lambda: receiver.signalled(signals[0])))

    # -- for the owner -----------------------------------------------------------------------------------

    def listen(self, endpoint: str) -> None:
        """Accept connections there, and no longer where we did before.  Raises OSError."""
        name = endpoint_windows.pipe_name(endpoint)
        waiting = endpoint_windows.make_instance(name, first=name != self._name)
        self._stop_listening()
        self._name = name
        self._offer(waiting)

    def is_reachable(self) -> bool:
        """Whether the endpoint leads to us: nobody can take away a name that is served."""
        return self._waiting >= 0

    def watch_process(self, pid: int, pidfd: int) -> None:
        """Tell when a process that is not our child ends; there are no pidfds here."""
        try:
            handle = _winapi.OpenProcess(_SYNCHRONIZE, False, pid)
        except OSError:  # it is gone already
            self.post(lambda: self._receiver.process_ended(pid))
            return

        def ended() -> None:
            self._port.unwatch(waiting)
            _winapi.CloseHandle(handle)
            self._receiver.process_ended(pid)

        waiting = self._port.watch_process(handle, ended)

    def post(self, function: Callable[[], None]) -> None:
        """From any thread: let the control thread call `function`."""
        self._posts.append(function)
        self._port.wake()

    def turn(self, timeout: float | None) -> None:
        """Wait at most so many seconds (None: for ever) and pass on what there is."""
        self._port.wait(timeout)
        if self._ended:
            self._ended = False
            self._receiver.children_ended()
        for _ in range(len(self._posts)):
            self._posts.popleft()()

    def close(self) -> None:
        """Stop listening, which takes the name away, and cut all links."""
        self._stop_listening()
        for link in list(self._links):
            link.close()

    # -- inside ------------------------------------------------------------------------------------------

    def _offer(self, waiting: int) -> None:
        """Let the next client connect to this instance."""
        self._port.attach(waiting)
        self._waiting = waiting
        operation = self._port.expect(lambda: self._connected(operation))
        self._connecting = operation
        if operation.ConnectNamedPipe(waiting):  # somebody was quicker than we: nothing will arrive
            self._port.unexpect(operation)
            self._connected(operation)

    def _connected(self, operation: Overlapped) -> None:
        if operation is not self._connecting or self._waiting < 0:
            return
        handle = self._waiting
        self._connecting, self._waiting = None, -1
        try:
            self._offer(endpoint_windows.make_instance(self._name, first=False))
        except OSError:
            pass  # not reachable until the owner has noticed and listens anew
        try:
            operation.getresult()
            visitor = endpoint_windows.PipeConnection(handle, is_server=True)
            welcome = endpoint_windows.peer_is_owner(visitor)
        except OSError:  # it went away again
            welcome = False
        if not welcome:
            _winapi.CloseHandle(handle)
            return
        link = Link(self, handle)
        self._links.add(link)
        self._receiver.connected(link)
        link._read()

    def _stop_listening(self) -> None:
        if self._waiting >= 0:
            if self._connecting is not None and self._connecting.pending:
                self._connecting.cancel()
            self._connecting = None
            _winapi.CloseHandle(self._waiting)
            self._waiting = -1

    def _child_ended(self) -> None:
        self._ended = True
