"""One datagram socket for each component that speaks sd_notify; hands on what comes, decides nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

from ..platform import notices

_AT_ONCE = 32
"""Datagrams that are taken in one turn of the loop, so that a flood delays nobody else (P12)."""

Keep = Callable[[str, int | None], None]
"""Have somebody hold a component's socket for who listens after us; None: no longer."""

Heard = Callable[[str, bytes, int | None], None]
"""Called with the component's name, the datagram and the sender's pid (None where the system does not tell)."""


class NoticeSockets:
    """Opens, watches and closes the sockets."""

    def __init__(
        self, path: Callable[[str], str], heard: Heard, keep: Keep = lambda _name, _fd: None
    ) -> None:
        self._path = path
        self._heard = heard
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, socket.socket] = {}

    @property
    def descriptors(self) -> dict[str, int]:
        """Those of all sockets, by component."""
        return {name: listener.fileno() for name, listener in self._open.items()}

    def open(self, name: str) -> str:
        """Have the component's socket open; its path.  Raises OSError."""
        path = self._path(name)
        if name in self._open and os.path.exists(path):
            return path
        self.close(name)
        self._listen(name, notices.open_socket(path))
        return path

    def inherit(self, name: str, fd: int) -> None:
        """Take over the socket on which who was here before us has listened, and hear what nobody has."""
        listener = socket.socket(fileno=fd)
        listener.setblocking(False)
        if name not in self._open:
            self._listen(name, listener)
            return
        while self._read(name, listener):
            pass  # what was said there before ours was opened; nothing more comes, for it has lost its name
        listener.close()

    def lost(self) -> list[str]:
        """The components whose socket somebody has deleted."""
        return [name for name in self._open if not os.path.exists(self._path(name))]

    def close(self, name: str) -> None:
        """Listen to this component no more; unknown is fine."""
        listener = self._open.pop(name, None)
        if listener is None:
            return
        self._loop.remove_reader(listener.fileno())
        listener.close()
        self._keep(name, None)
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            return

    def close_all(self) -> None:
        """Listen to nobody any more."""
        for name in list(self._open):
            self.close(name)

    def _listen(self, name: str, listener: socket.socket) -> None:
        self._open[name] = listener
        self._loop.add_reader(listener.fileno(), self._read, name, listener)
        self._keep(name, listener.fileno())

    def _read(self, name: str, listener: socket.socket) -> bool:
        """Hear what has come; whether there may be more."""
        for _ in range(_AT_ONCE):
            try:
                data, sender, fds = notices.receive(listener)
            except BlockingIOError:
                return False
            try:
                self._heard(name, data, sender)
            finally:
                for fd in fds:
                    os.close(fd)
        return True
