"""One look of one probe: from a handler to a `Result`, within its time-out, whatever happens."""

from __future__ import annotations

import asyncio
from typing import assert_never

from roost.core.health import Result
from roost.core.model import (
    ContainerProbe,
    ExecProbe,
    GrpcProbe,
    Handler,
    HttpProbe,
    LogProbe,
    NotifyProbe,
    TcpProbe,
)
from roost.core.words import duration
from roost.edges.clock import Clock

from . import command, tcp
from .answer import Answer, Context, Watch
from .connect import Connector


class Checker:
    """Looks; holds what the looks share: names being looked up, turns of commands."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._connector = Connector()
        self._turns = command.Turns()

    async def check(
        self, handler: Handler, context: Context, timeout: float, watch: Watch | None = None
    ) -> Result:
        """Look once; a look that takes longer than `timeout` seconds has failed.  Never raises.

        A `log`, `notify` or `container` handler needs the `watch` of this run, which remembers what it has seen.
        """
        give_back = await self._turns.take() if isinstance(handler, ExecProbe) else None
        began, at = self._clock.now(), self._clock.wall()
        try:
            answer = await self._within(handler, context, timeout, watch)
        finally:
            if give_back is not None:
                give_back()
        return Result(ok=answer.ok, message=answer.message, latency_s=self._clock.now() - began, at=at)

    async def _within(
        self, handler: Handler, context: Context, timeout: float, watch: Watch | None
    ) -> Answer:
        try:
            async with asyncio.timeout(timeout):
                return await self._look(handler, context, timeout, watch)
        except TimeoutError:
            return Answer(False, f"timed out after {duration(timeout)}: {_subject(handler)}")
        except Exception as error:  # noqa: BLE001 - a surprise in one look is that look's failure, told (S16)
            return Answer(False, f"the probe itself failed: {type(error).__name__}: {error}")

    async def _look(self, handler: Handler, context: Context, timeout: float, watch: Watch | None) -> Answer:
        match handler:
            case TcpProbe():
                return await tcp.look(handler, self._connector)
            case HttpProbe():
                from . import http  # with urllib.parse: only a project that asks for it pays

                return await http.look(handler, self._connector, timeout)
            case ExecProbe() if context.inside is not None:
                return await context.inside(handler.command, timeout)
            case ExecProbe():
                return await command.look(handler, context)
            case GrpcProbe():
                from . import grpc  # its library is loaded when it asks, in its thread

                return await grpc.look(handler, timeout)
            case LogProbe() | NotifyProbe() | ContainerProbe():
                if watch is None:
                    raise AssertionError(
                        f"a {type(handler).__name__} is looked at without the watch of its run"
                    )
                return watch.answer()
        assert_never(handler)


def _subject(handler: Handler) -> str:
    """What a look was doing when its time was over."""
    match handler:
        case TcpProbe():
            return tcp.subject(handler)
        case HttpProbe():
            from . import http

            return http.subject(handler)
        case GrpcProbe():
            from . import grpc

            return grpc.subject(handler)
        case ExecProbe():
            return command.subject(handler)
    return "no answer"
