"""Windows: a completion port, which is to overlapped I/O what epoll is to descriptors.

One thread waits on it for any number of pipes and processes.  `_overlapped` is the extension module that
asyncio is made of: it keeps the buffers of what is in flight and puts process ends on the port.
"""

from __future__ import annotations

import _overlapped  # type: ignore[import-not-found]
import math
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Overlapped(Protocol):
        """One operation in flight (the part of `_overlapped.Overlapped` that is used)."""

        address: int
        pending: bool

        def cancel(self) -> None: ...
        def getresult(self, wait: bool = False) -> bytes: ...
        def ReadFile(self, handle: int, size: int) -> None: ...
        def WriteFile(self, handle: int, data: bytes) -> None: ...
        def ConnectNamedPipe(self, handle: int) -> bool: ...


assert sys.platform == "win32"

from .kernel32_windows import INFINITE

_NONE = 0
_WAKE = 1  # the address of no operation; `_overlapped` takes 0 for a failure


class Port:
    """Where the ends of operations arrive.  All methods but `wake` are for one thread."""

    __slots__ = ("_expected", "_port")

    def __init__(self) -> None:
        self._port = _overlapped.CreateIoCompletionPort(_overlapped.INVALID_HANDLE_VALUE, _NONE, 0, 1)
        # By address; an operation must not be freed before its end has been taken from the port.
        self._expected: dict[int, tuple[Overlapped, Callable[[], None]]] = {}

    def attach(self, handle: int) -> None:
        """From now on the ends of operations on this pipe arrive here; once for each handle."""
        _overlapped.CreateIoCompletionPort(handle, self._port, 0, 0)

    def expect(self, function: Callable[[], None]) -> Overlapped:
        """A new operation; start it at once.  At its end `function` is called, by `wait`."""
        operation: Overlapped = _overlapped.Overlapped(_NONE)
        self._expected[operation.address] = operation, function
        return operation

    def unexpect(self, operation: Overlapped) -> None:
        """It could not be started, so that its end will never arrive."""
        self._expected.pop(operation.address, None)

    def watch_process(self, handle: int, function: Callable[[], None]) -> int:
        """Call `function` once the process has ended; what it gives is for `unwatch`, afterwards."""
        operation = self.expect(function)
        return int(_overlapped.RegisterWaitWithQueue(handle, self._port, operation.address, INFINITE))

    @staticmethod
    def unwatch(waiting: int) -> None:
        """Free what `watch_process` took; before the process's handle is closed."""
        try:
            _overlapped.UnregisterWait(waiting)
        except OSError:
            pass  # its callback runs at this moment: the system frees it behind it

    def wake(self) -> None:
        """From any thread: let `wait` return."""
        _overlapped.PostQueuedCompletionStatus(self._port, 0, 0, _WAKE)

    def wait(self, timeout: float | None) -> None:
        """Wait for ends (or `wake`) at most so many seconds, None: for ever; call the functions of all."""
        limit = INFINITE if timeout is None else min(math.ceil(timeout * 1000), INFINITE - 1)
        while (status := _overlapped.GetQueuedCompletionStatus(self._port, limit)) is not None:
            limit = 0
            _, function = self._expected.pop(status[3], (None, None))
            if function is not None:
                function()
