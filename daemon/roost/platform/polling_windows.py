"""Windows: waiting for output pipes, by a completion port.  Used by polling.py.

It waits for what `pipes_windows` has made readers of, and for nothing else.
"""

from __future__ import annotations

import sys

assert sys.platform == "win32"

from .completion_windows import Port
from .pipes_windows import reader_at


class Poller:
    """A set of output pipes to wait for."""

    __slots__ = ("_announced", "_port", "_watched")

    def __init__(self) -> None:
        self._port = Port()
        self._watched: set[int] = set()
        self._announced: dict[int, None] = {}  # in the order of their coming

    def watch(self, fd: int, write: bool = False) -> None:
        """Wake up when `fd` can be read; pipes of components are never written by us."""
        self._watched.add(fd)
        reader_at(fd).attach(self._port, self._announce)

    def forget(self, fd: int) -> None:
        """No longer; nothing happens if it was not watched.  To be called before `fd` is closed."""
        self._watched.discard(fd)
        self._announced.pop(fd, None)

    def wake(self) -> None:
        """From any thread: let `wait` return now."""
        self._port.wake()

    def wait(self, timeout: float | None) -> list[int]:
        """The descriptors that are ready, after at most `timeout` seconds (None: for ever)."""
        self._port.wait(0 if self._announced else timeout)
        ready, self._announced = list(self._announced), {}
        return ready

    def _announce(self, fd: int) -> None:
        if fd in self._watched:
            self._announced[fd] = None
