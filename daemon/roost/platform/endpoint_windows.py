"""Windows: named pipes that only our user may open.  Used by endpoint.py and inbox_windows.py.

A name is there as long as somebody serves it, so nothing is ever left behind to be removed.
"""

from __future__ import annotations

import _winapi
import ctypes
import sys
import time
from ctypes import wintypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Protocol

    class HasHandle(Protocol):
        """Our own connection, or the pipe of an asyncio transport."""

        def fileno(self) -> int: ...


assert sys.platform == "win32"

from .kernel32_windows import INFINITE, pipe_client, pipe_server
from .security_windows import our_user, ours_alone, user_of

_DUPLEX = 0x3
_OVERLAPPED = 0x40000000
_FIRST_INSTANCE = 0x00080000
_BYTES_LOCAL_ONLY = 0x8  # PIPE_TYPE_BYTE, PIPE_REJECT_REMOTE_CLIENTS
_ANY_NUMBER = 255
_BUFFER = 65536
_IDENTIFY_ONLY = 0x00100000 | 0x00010000  # who serves the pipe may see who we are, but not act as us
_PIPE_BUSY = 231
_ABORTED = 995
_TIMED_OUT = 0x102


class PipeConnection:
    """One end of a pipe, with the few methods of a socket that our programs use.  Blocking."""

    __slots__ = ("_handle", "_is_server", "_timeout")

    def __init__(self, handle: int, is_server: bool, timeout: float | None = None) -> None:
        self._handle = handle
        self._is_server = is_server
        self._timeout = timeout

    def __enter__(self) -> PipeConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """The handle; -1 once it is closed."""
        return self._handle

    def detach(self) -> int:
        """The handle, which is the caller's from now on."""
        handle, self._handle = self._handle, -1
        return handle

    def settimeout(self, timeout: float | None) -> None:
        """Seconds for each `recv` and each piece of a `sendall`; None: for ever."""
        self._timeout = timeout

    def recv(self, count: int) -> bytes:
        """At least one and up to `count` bytes; none if the other side is gone.  Raises TimeoutError."""
        try:
            operation, _ = _winapi.ReadFile(self._handle, count, overlapped=True)
            self._finish(operation)
        except BrokenPipeError:
            return b""
        return operation.getbuffer() or b""

    def sendall(self, data: bytes) -> None:
        """Send everything; raises TimeoutError, BrokenPipeError."""
        view = memoryview(data)
        while view:
            view = view[self.send(view) :]

    def send(self, data: bytes | memoryview) -> int:
        """Send the beginning of `data`; how many bytes.  Raises TimeoutError, BrokenPipeError."""
        operation, _ = _winapi.WriteFile(self._handle, memoryview(data)[:_BUFFER], overlapped=True)
        return self._finish(operation)

    def close(self) -> None:
        """Hang up; what was sent can still be read by the other side."""
        if self._handle >= 0:
            _winapi.CloseHandle(self.detach())

    def peer(self) -> int:
        """The process at the other end."""
        pid = wintypes.DWORD()
        (pipe_client if self._is_server else pipe_server)(self._handle, ctypes.byref(pid))
        return pid.value

    def _finish(self, operation: _winapi.Overlapped) -> int:
        """Wait for the end of an operation; how many bytes it moved."""
        limit = INFINITE if self._timeout is None else int(self._timeout * 1000)
        if _winapi.WaitForSingleObject(operation.event, limit) == _TIMED_OUT:
            operation.cancel()
        moved, error = operation.GetOverlappedResult(True)
        if error == _ABORTED:
            raise TimeoutError(f"nothing within {self._timeout} s")
        return moved


class PipeListener:
    """The serving side of a name; always has one instance of the pipe that waits for somebody."""

    __slots__ = ("_name", "_waiting", "endpoint")

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._name = pipe_name(endpoint)
        self._waiting = make_instance(self._name, first=True)

    def accept(self, timeout: float | None = None) -> PipeConnection:
        """Wait for somebody to connect.  Raises TimeoutError after so many seconds."""
        connection = PipeConnection(self._waiting, is_server=True, timeout=timeout)
        connection._finish(_winapi.ConnectNamedPipe(self._waiting, overlapped=True))
        self._waiting = make_instance(self._name, first=False)
        connection.settimeout(None)
        return connection

    def close(self) -> None:
        """Serve no longer; those who are connected stay so."""
        if self._waiting >= 0:
            _winapi.CloseHandle(self._waiting)
            self._waiting = -1


def listen(endpoint: str) -> PipeListener:
    """Serve a name that only our user may open.  Raises PermissionError if somebody serves it already."""
    return PipeListener(endpoint)


def connect(endpoint: str, timeout: float) -> PipeConnection:
    """A connection within `timeout` seconds, which is then also its time-out for sending and receiving.

    Raises FileNotFoundError if nobody listens, TimeoutError, other OSErrors.
    """
    name = pipe_name(endpoint)
    deadline = time.monotonic() + timeout
    while True:
        try:
            handle = _winapi.CreateFile(
                name,
                _winapi.GENERIC_READ | _winapi.GENERIC_WRITE,
                0,
                0,
                _winapi.OPEN_EXISTING,
                _OVERLAPPED | _IDENTIFY_ONLY,
                0,
            )
        except OSError as error:
            if error.winerror != _PIPE_BUSY:
                raise
        else:
            return PipeConnection(handle, is_server=False, timeout=timeout)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer on {endpoint}")
        try:
            _winapi.WaitNamedPipe(name, max(int(left * 1000), 1))
        except OSError:
            pass  # still busy, or gone: the next attempt tells


def peer_is_owner(connection: PipeConnection | HasHandle) -> bool:
    """Whether the process at the other end runs as our user; also with the pipes of asyncio's transports.

    These are always the serving end.
    """
    pid = connection.peer() if isinstance(connection, PipeConnection) else peer_pid(connection)
    return pid is not None and user_of(pid) == our_user()


def peer_pid(connection: HasHandle) -> int | None:
    """The process that connected to the serving end `connection`; None where the system does not tell."""
    pid = wintypes.DWORD()
    pipe_client(connection.fileno(), ctypes.byref(pid))
    return pid.value or None


def peer_has_left(connection: HasHandle) -> bool:
    """Whether the process at the other end will read nothing more: a pipe has no half that ends alone."""
    return True


def send_with(connection: PipeConnection, data: bytes, fds: Sequence[int]) -> None:
    """Send all of `data`; descriptors do not come over a pipe, and nobody has any to send."""
    connection.sendall(data)


def remove(endpoint: str) -> None:
    """Nothing to do: a pipe's name goes with the process that served it."""


def is_there(endpoint: str) -> bool:
    """Always: nobody can take a pipe's name away from the process that serves it."""
    return True


def pipe_name(endpoint: str) -> str:
    """The NAME of `pipe:NAME`; raises ValueError for another kind of endpoint."""
    kind, _, name = endpoint.partition(":")
    if kind != "pipe" or not name:
        raise ValueError(f"not an endpoint of this system: {endpoint!r}")
    return name


def make_instance(name: str, first: bool) -> int:
    """One instance of a pipe, to which one client may connect; `first`: the name must not be in use yet."""
    return _winapi.CreateNamedPipe(
        name,
        _DUPLEX | _OVERLAPPED | (_FIRST_INSTANCE if first else 0),
        _BYTES_LOCAL_ONLY,
        _ANY_NUMBER,
        _BUFFER,
        _BUFFER,
        0,
        ours_alone(),
    )
