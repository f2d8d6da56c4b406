"""Waiting until one of many descriptors has something to say: epoll, kqueue.

Level-triggered, and the answer is only descriptors: whoever is told tries to read and to write.
On Windows a completion port does it, for the pipes of components alone (polling_windows).
"""

from __future__ import annotations

import os
import select
import signal
import sys


def block_signals() -> None:
    """Let the calling thread hear no signal, so that the main thread does.  Windows sends none to threads."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


if sys.platform == "win32":
    from .polling_windows import Poller
else:

    class _Bell:
        """A pipe by which another thread ends a wait."""

        __slots__ = ("reading", "writing")

        def __init__(self) -> None:
            self.reading, self.writing = os.pipe()
            os.set_blocking(self.reading, False)
            os.set_blocking(self.writing, False)

        def ring(self) -> None:
            """Let the wait end."""
            try:
                os.write(self.writing, b"\0")
            except BlockingIOError:
                pass  # it has reasons enough to end

        def silence(self) -> None:
            """The wait has ended."""
            try:
                os.read(self.reading, 65536)
            except BlockingIOError:
                pass


if sys.platform == "linux":

    class Poller:
        """A set of descriptors to wait for."""

        __slots__ = ("_bell", "_epoll", "_watched")

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._watched: set[int] = set()
            self._bell = _Bell()
            self._epoll.register(self._bell.reading, select.EPOLLIN)

        def watch(self, fd: int, write: bool = False) -> None:
            """Wake up when `fd` can be read (with `write`: or written); again: change that."""
            events = select.EPOLLIN | (select.EPOLLOUT if write else 0)
            if fd in self._watched:
                self._epoll.modify(fd, events)
            else:
                self._epoll.register(fd, events)
                self._watched.add(fd)

        def forget(self, fd: int) -> None:
            """No longer; nothing happens if it was not watched.  To be called before `fd` is closed."""
            if fd in self._watched:
                self._watched.remove(fd)
                self._epoll.unregister(fd)

        def wait(self, timeout: float | None) -> list[int]:
            """The descriptors that are ready, after at most `timeout` seconds (None: for ever)."""
            ready = [fd for fd, _ in self._epoll.poll(timeout)]
            if self._bell.reading in ready:
                self._bell.silence()
                ready.remove(self._bell.reading)
            return ready

        def wake(self) -> None:
            """From any thread: let `wait` return now, perhaps with nothing."""
            self._bell.ring()

elif sys.platform == "darwin":

    class Poller:
        """A set of descriptors to wait for."""

        __slots__ = ("_bell", "_queue", "_watched")

        def __init__(self) -> None:
            self._queue = select.kqueue()
            self._watched: dict[int, bool] = {}
            self._bell = _Bell()
            self._change(self._bell.reading, select.KQ_FILTER_READ, select.KQ_EV_ADD)

        def watch(self, fd: int, write: bool = False) -> None:
            """Wake up when `fd` can be read (with `write`: or written); again: change that."""
            if fd not in self._watched:
                self._change(fd, select.KQ_FILTER_READ, select.KQ_EV_ADD)
            if write and not self._watched.get(fd):
                self._change(fd, select.KQ_FILTER_WRITE, select.KQ_EV_ADD)
            elif not write and self._watched.get(fd):
                self._change(fd, select.KQ_FILTER_WRITE, select.KQ_EV_DELETE)
            self._watched[fd] = write

        def forget(self, fd: int) -> None:
            """No longer; nothing happens if it was not watched.  To be called before `fd` is closed."""
            write = self._watched.pop(fd, None)
            if write is None:
                return
            self._change(fd, select.KQ_FILTER_READ, select.KQ_EV_DELETE)
            if write:
                self._change(fd, select.KQ_FILTER_WRITE, select.KQ_EV_DELETE)

        def wait(self, timeout: float | None) -> list[int]:
            """The descriptors that are ready, after at most `timeout` seconds (None: for ever)."""
            ready = list(dict.fromkeys(event.ident for event in self._queue.control(None, 256, timeout)))
            if self._bell.reading in ready:
                self._bell.silence()
                ready.remove(self._bell.reading)
            return ready

        def wake(self) -> None:
            """From any thread: let `wait` return now, perhaps with nothing."""
            self._bell.ring()

        def _change(self, fd: int, kind: int, flags: int) -> None:
            self._queue.control([select.kevent(fd, kind, flags)], 0, 0)


__all__ = ["Poller", "block_signals"]
