"""The daemon's JSON-RPC server: one endpoint, many clients, a table of handlers.

It knows JSON-RPC and limits, and nothing of what the methods do.  Only the owner of the daemon may connect
(P18).  Whatever a handler raises that is no RpcError is reported to `log` and counted; the client learns only
that it happened.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Raw, Struct

from ..api import codec, errors, types
from ..api.methods import METHODS
from .rpc_connection import Connection, Limits
from .rpc_endpoint import Door, EndpointInUse
from .rpc_session import Session, Subscription

Handler = Callable[[Any, Session], object]
"""Takes the parameters of its method and the session; gives the result, or a coroutine that gives it."""

Handlers = Mapping[str, Handler]

_HOUR = 3600.0
_FLUSH = 1.0
"""Seconds that clients have at the end to read what was sent to them."""


class Stats(Struct, frozen=True):
    """What `daemon.health` wants to know of the server."""

    connections: int
    requests: int
    errors_last_hour: int


class _Route(Struct, frozen=True):
    params: type[types.Params]
    handler: Handler


class RpcServer:
    """Serves `handlers` at `endpoint` (`unix:PATH` or `pipe:NAME`).

    `handlers` holds a function for each method of METHODS that is offered; `ping`, `rpc.discover` and
    `unsubscribe` are answered here unless it has them, too.  `now` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        endpoint: str,
        handlers: Handlers,
        *,
        log: Callable[[str], None],
        now: Callable[[], float],
        limits: Limits | None = None,
    ) -> None:
        self.log = log
        self.limits = limits or Limits()
        self.requests = 0
        self._now = now
        self._routes = self._make_routes(handlers)
        self._connections: set[Connection] = set()
        self._errors: deque[float] = deque(maxlen=10_000)
        self._closing = False
        self._door = Door(endpoint, lambda: Connection(self))

    def _make_routes(self, handlers: Handlers) -> dict[str, _Route]:
        offered: dict[str, Handler] = {
            "ping": lambda _params, _session: _PONG,
            "rpc.discover": self._discover,
            "unsubscribe": _unsubscribe,
            **handlers,
        }
        unknown = offered.keys() - METHODS.keys()
        if unknown:
            raise ValueError(f"not in the table of methods: {', '.join(sorted(unknown))}")
        return {name: _Route(METHODS[name].params, offered[name]) for name in METHODS if name in offered}

    def _discover(self, _params: types.Nothing, _session: Session) -> dict[str, Any]:
        from ..api import openrpc  # rarely asked for, and it brings the generator of schemas

        return openrpc.document(self._routes)

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen.  Raises EndpointInUse if another process answers there, OSError if it cannot be done."""
        self.loop = asyncio.get_running_loop()
        await self._door.open()

    async def check_still_there(self) -> bool:
        """For the watchdog: listen anew if the socket file was deleted or replaced (P3b); True if it was.

        Connections that are open stay open.  Raises EndpointInUse if another process answers there now,
        OSError if it cannot be made anew; then a later call tries again.
        """
        if self._closing or self._door.in_place():
            return False
        self._door.close()
        await self._door.open()
        return True

    async def close(self, grace: float = 1.0) -> None:
        """Listen no longer; give calls in flight `grace` seconds, then end them and every connection."""
        self._closing = True
        self._door.close()
        running = {task for connection in self._connections for task in connection.tasks}
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            await asyncio.sleep(0)  # the answers are written by callbacks of the tasks
        for connection in list(self._connections):
            connection.close()
        await self._gone(_FLUSH)
        for connection in list(self._connections):
            connection.abort()
        await self._gone(_FLUSH)

    async def _gone(self, timeout: float) -> None:
        """Wait until no connection is left, or for `timeout` seconds."""
        if not self._connections:
            return
        gone = self.loop.create_future()
        self._all_gone = gone
        await asyncio.wait([gone], timeout=timeout)

    _all_gone: asyncio.Future[None] | None = None

    # -- for connections -------------------------------------------------------------------------------

    def admit(self, connection: Connection) -> errors.RpcError | None:
        """Count a new connection in, or say why not."""
        if self._closing:
            return errors.shutting_down()
        if len(self._connections) >= self.limits.connections:
            return errors.too_many_connections(self.limits.connections)
        self._connections.add(connection)
        return None

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        if not self._connections and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)

    def call(self, method: str, params: Raw | None, session: Session) -> object:
        """Carry out one call: its result, or a coroutine for it.  Raises RpcError, or what a handler does."""
        route = self._routes.get(method)
        if route is None:
            raise errors.no_such_method(method, self._routes)
        if self._closing:
            raise errors.shutting_down()
        return route.handler(codec.decode_params(method, route.params, params), session)

    def report(self, method: str, error: BaseException) -> None:
        """Put a defect of a handler on record."""
        self._errors.append(self._now())
        self.log(f"{method} raised:\n" + "".join(traceback.format_exception(error)).rstrip())

    @property
    def stats(self) -> Stats:
        """Figures of now."""
        since = self._now() - _HOUR
        return Stats(len(self._connections), self.requests, sum(1 for at in self._errors if at > since))


_PONG = types.Pong()


def _unsubscribe(params: types.UnsubscribeParams, session: Session) -> types.Unsubscribed:
    session.unsubscribe(params.subscription)
    return types.Unsubscribed()


__all__ = ["EndpointInUse", "Handlers", "Limits", "RpcServer", "Session", "Stats", "Subscription"]
