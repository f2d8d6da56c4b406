"""One datagram socket for each component that speaks sd_notify; hands on what comes, decides nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

from ..platform import notices

_AT_ONCE = 32
"""Datagrams that are taken in one turn of the loop, so that a flood delays nobody else (P12)."""

Heard = Callable[[str, bytes, int | None], None]
"""Called with the component's name, the datagram and the sender's pid (None where the system does not tell)."""


class NoticeSockets:
    """Opens, watches and closes the sockets."""

    def __init__(self, path: Callable[[str], str], heard: Heard) -> None:
        self._path = path
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, socket.socket] = {}

    def open(self, name: str) -> str:
        """Have the component's socket open; its path.  Raises OSError."""
        path = self._path(name)
        if name in self._open and os.path.exists(path):
            return path
        self.close(name)
        listener = self._open[name] = notices.open_socket(path)
        self._loop.add_reader(listener.fileno(), self._read, name, listener)
        return path

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
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            return

    def close_all(self) -> None:
        """Listen to nobody any more."""
        for name in list(self._open):
            self.close(name)

    def _read(self, name: str, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, sender, fds = notices.receive(listener)
            except BlockingIOError:
                return
            try:
                self._heard(name, data, sender)
            finally:
                for fd in fds:
                    os.close(fd)
