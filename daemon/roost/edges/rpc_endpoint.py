"""Listening on the daemon's endpoint, and noticing when somebody took its name away.

A socket file that nobody answers on is replaced; one that somebody answers on never is (S52).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Protocol, cast

from ..platform import endpoint as platform_endpoint
from ..platform.files import make_private

PROBE_TIMEOUT = 1.0
"""Seconds after which somebody who accepts nothing, but whose socket is there, counts as alive."""

Factory = Callable[[], asyncio.BaseProtocol]


class EndpointInUse(Exception):
    """Somebody else answers there."""


class _Server(Protocol):
    def close(self) -> None: ...


class _Loop(Protocol):
    """The two calls of which each system's loop has one."""

    async def create_unix_server(self, factory: Factory, *, sock: Any, backlog: int) -> _Server: ...

    async def start_serving_pipe(self, factory: Factory, address: str) -> list[_Server]: ...


class Door:
    """The listening side of one endpoint; connections, once made, do not depend on it."""

    def __init__(self, endpoint: str, factory: Factory) -> None:
        self.endpoint = endpoint
        self._factory = factory
        self._servers: list[_Server] = []
        self._identity: tuple[int, int] | None = None

    async def open(self) -> None:
        """Listen.  Raises EndpointInUse if somebody answers there already, OSError if it cannot be done."""
        if somebody_answers(self.endpoint):
            raise EndpointInUse(f"another process answers on {self.endpoint}")
        loop = cast(_Loop, asyncio.get_running_loop())
        kind, _, name = self.endpoint.partition(":")
        if kind == "pipe":
            self._servers = await loop.start_serving_pipe(self._factory, name)
            return
        make_private(os.path.dirname(name))
        listener = platform_endpoint.listen(self.endpoint)
        self._identity = _identity(name)
        self._servers = [await loop.create_unix_server(self._factory, sock=listener, backlog=256)]

    def in_place(self) -> bool:
        """Whether the name still leads here; a pipe's name cannot be taken away while it is served."""
        if self._identity is None:
            return bool(self._servers)
        return _identity(self.endpoint.partition(":")[2]) == self._identity

    def close(self) -> None:
        """Listen no longer, and remove the socket file if it is still ours."""
        if self._identity is not None and self.in_place():
            os.unlink(self.endpoint.partition(":")[2])
        for server in self._servers:
            server.close()
        self._servers = []
        self._identity = None


def somebody_answers(endpoint: str) -> bool:
    """Whether a process listens there; takes at most PROBE_TIMEOUT seconds.

    One that is there but too busy to accept (TimeoutError) is alive.  Raises other OSErrors: what cannot be
    known must not be removed.
    """
    try:
        platform_endpoint.connect(endpoint, PROBE_TIMEOUT).close()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False
    except TimeoutError:
        return True
    return True


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
