"""The door to containers: what lies behind it is imported when the first component needs it, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from ..api import errors
from ..api.types import ExecParams, ExecResult
from ..core.checkup import Checkup
from ..core.model import Kind
from ..core.states import Component
from ..edges.facts import Usage
from ..edges.probes.answer import Answer
from ..edges.rpc_server import Session

if TYPE_CHECKING:
    from .containers.whole import Containers
    from .terminals import OpenTerminals, Typed

_GLANCE = 0.25
"""Seconds that an answer waits for the engine; a slow one delays nobody (P12)."""


def concerns(component: Component) -> bool:
    """Whether an engine has the say: it is a container, or what is left of its last run is one."""
    return component.container is not None or (
        component.spec.kind is Kind.CONTAINER and component.pid is None
    )


class Contained:
    """What the rest of the daemon asks about containers."""

    def __init__(self, open: Callable[[], Containers]) -> None:
        self._open = open
        self._opened: Containers | None = None

    @property
    def all(self) -> Containers:
        """Behind the door."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def is_busy(self, name: str) -> bool:
        """Whether something is under way for the component."""
        return self._opened is not None and self._opened.hands.jobs.busy(name)

    def inside(self, component: Component) -> Callable[[tuple[str, ...], float], Awaitable[Answer]] | None:
        """What runs commands in the component's container; None if it is none."""
        return partial(self.all.execute, component) if component.container is not None else None

    def checkup(self, name: str) -> Checkup:
        """What the engine's own check says of a component."""
        return self._opened.checkup(name) if self._opened is not None else Checkup()

    def image(self, name: str) -> str | None:
        """The image of a component that runs, with its digest."""
        figure = self._opened.figure(name) if self._opened is not None else None
        return figure.image if figure is not None else None

    def usage(self, name: str) -> Usage | None:
        """What a component's container uses, as last heard."""
        used = self._opened.usage(name) if self._opened is not None else None
        return Usage(used.cpu_percent, used.rss_bytes) if used is not None else None

    async def signal(self, component: Component, signal: str) -> None:
        """Send a signal to a container's first process.  Raises RpcError."""
        from ..edges.engine.api import EngineError

        try:
            await self.all.signal(component, signal)
        except EngineError as error:
            raise errors.failed(f"{component.name} could not be signalled: {error}") from error

    async def run_command(
        self, component: Component, params: ExecParams, session: Session, names: OpenTerminals
    ) -> ExecResult:
        """Run a command in a container for a client, and pass on its output.  Raises RpcError."""
        from .containers.executing import run_inside

        return await run_inside(self.all, component, params, session, names)

    async def terminal(self, component: Component) -> Typed:
        """The terminal of a container's first process.  Raises RpcError."""
        from .containers.executing import open_terminal

        return await open_terminal(self.all, component)

    async def clear_log(self, component: Component | None) -> bool:
        """Empty the log of a component; False if no container writes into it.  Raises RpcError."""
        if component is None or component.container is None:
            return False
        try:
            await self.all.clear_log(component)
        except OSError as error:
            raise errors.failed(
                f"the log of {component.name} could not be cleared: {error.strerror}"
            ) from error
        return True

    async def look(self) -> bool:
        """Compare what is recorded with what is (S80); False if there is no answer to that question."""
        return await self._opened.watch_over() if self._opened is not None else True

    async def glance(self) -> bool:
        """The same for somebody who is waiting: whether it was done in a moment."""
        if self._opened is None or self._opened.obstacle is not None:
            return False
        looking = asyncio.ensure_future(self._opened.look())
        await asyncio.wait([looking], timeout=_GLANCE)
        return looking.done() and looking.result()

    async def meet(self) -> None:
        """For a new daemon: what it believes of containers holds once the engine has been asked, or it waits."""
        if self._opened is not None:
            await self._opened.meet()

    async def leave(self) -> list[str]:
        """Leave nothing behind; what could not be ended, in sentences."""
        return await self._opened.leave() if self._opened is not None else []
