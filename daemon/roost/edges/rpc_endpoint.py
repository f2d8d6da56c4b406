"""Listening on the daemon's endpoint, and noticing when somebody took its name away.

A socket file that nobody answers on is replaced; one that somebody answers on never is (S52).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..platform import endpoint as platform_endpoint
from ..platform.files import make_private
from ..platform.loop_server import serve

if TYPE_CHECKING:
    from ..platform.loop_server import Server

PROBE_TIMEOUT = 1.0
"""Seconds after which somebody who accepts nothing, but whose socket is there, counts as alive."""

Factory = Callable[[], asyncio.BaseProtocol]


class EndpointInUse(Exception):
    """Somebody else answers there."""


class Door:
    """The listening side of one endpoint; connections, once made, do not depend on it."""

    def __init__(self, endpoint: str, factory: Factory) -> None:
        self.endpoint = endpoint
        self._factory = factory
        self._server: Server | None = None
        self._identity: tuple[int, int] | None = None

    async def open(self) -> None:
        """Listen.  Raises EndpointInUse if somebody answers there already, OSError if it cannot be done."""
        if somebody_answers(self.endpoint):
            raise EndpointInUse(f"another process answers on {self.endpoint}")
        kind, _, name = self.endpoint.partition(":")
        if kind == "unix":
            make_private(os.path.dirname(name))
        self._server = await serve(asyncio.get_running_loop(), self._factory, self.endpoint)
        self._identity = _identity(name) if kind == "unix" else None

    def in_place(self) -> bool:
        """Whether the name still leads here; a pipe's name cannot be taken away while it is served."""
        if self._identity is None:
            return self._server is not None
        return _identity(self.endpoint.partition(":")[2]) == self._identity

    def close(self) -> None:
        """Listen no longer, and remove the socket file if it is still ours."""
        if self._identity is not None and self.in_place():
            os.unlink(self.endpoint.partition(":")[2])
        if self._server is not None:
            self._server.close()
        self._server = None
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
