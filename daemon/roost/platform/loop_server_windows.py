"""Windows: a named pipe of ours served on an asyncio loop.  Used by loop_server.py.

asyncio's own `start_serving_pipe` makes pipes that the system's default access list guards, and that other
machines may open; these are the ones of endpoint_windows.  How an instance is waited for and becomes a
transport is the loop's own business, two calls that its documentation does not have.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

assert sys.platform == "win32"

from asyncio.windows_utils import PipeHandle

from .endpoint_windows import make_instance, pipe_name

_AGAIN = 0.1  # seconds, when the system has no instance left to give

Factory = Callable[[], asyncio.BaseProtocol]


class PipeServer:
    """Always has one instance that is waited for and one more, so that nobody ever finds the name gone."""

    def __init__(self, loop: Any, factory: Factory, name: str) -> None:
        self._loop = loop
        self._factory = factory
        self._name = name
        self._spare = PipeHandle(make_instance(name, first=True))
        self._waiting: PipeHandle | None = None
        self._accepting: asyncio.Future[Any] | None = None
        self._closed = False
        self._accept()

    def close(self) -> None:
        """Serve no longer; those who are connected stay so."""
        if self._closed:
            return
        self._closed = True
        if self._accepting is not None:
            self._accepting.cancel()
        for pipe in (self._waiting, self._spare):
            if pipe is not None:
                pipe.close()

    def _accept(self) -> None:
        if self._closed:
            return
        try:
            spare = PipeHandle(make_instance(self._name, first=False))
        except OSError:
            self._loop.call_later(_AGAIN, self._accept)
            return
        self._waiting, self._spare = self._spare, spare
        try:
            self._accepting = self._loop._proactor.accept_pipe(self._waiting)
        except OSError:  # its client has come and gone already
            self._waiting.close()
            self._loop.call_soon(self._accept)
            return
        self._accepting.add_done_callback(self._accepted)

    def _accepted(self, accepting: asyncio.Future[Any]) -> None:
        pipe, self._waiting = self._waiting, None
        if accepting.cancelled() or self._closed or pipe is None:
            return
        if accepting.exception() is None:
            self._loop._make_duplex_pipe_transport(pipe, self._factory(), extra={"addr": self._name})
        else:
            pipe.close()
        self._accept()


async def serve(loop: asyncio.AbstractEventLoop, factory: Factory, endpoint: str) -> PipeServer:
    """Serve a name that only our user may open.  Raises PermissionError if somebody serves it already."""
    return PipeServer(loop, factory, pipe_name(endpoint))
