"""The end in good order: dependents first, each within its own time, nobody restarted, laggards named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from ..core import graph
from ..core.states import Component, State, Unwanted
from .loop import Supervisor

Progress = Callable[[list[str]], None]
"""Told the names that are waited for, whenever they change."""


class Ended(Struct, frozen=True):
    """Names by how they ended; `left`: what could not be ended, and why."""

    stopped: list[str]
    killed: list[str]
    left: list[str] = []


class Shutdown:
    """One shutdown of all components; more than one may wait for it, and each may set it a limit."""

    def __init__(self, supervisor: Supervisor, kill: Callable[[Component], None], reason: str) -> None:
        self._supervisor = supervisor
        self._kill = kill
        self._reason = reason
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waited: list[str] = []
        self._killed: list[str] = []
        self._listeners: list[Progress] = []
        self._limits: list[asyncio.TimerHandle] = []

    def listen(self, progress: Progress) -> None:
        """Tell `progress` whom we wait for: now, and whenever that changes."""
        self._listeners.append(progress)
        if self._waited:
            progress(self._waited)

    def limit(self, timeout: float) -> None:
        """What still runs after `timeout` seconds is killed, and named."""
        self._limits.append(asyncio.get_running_loop().call_later(timeout, self._kill_rest))

    async def run(self) -> Ended:
        """Stop everything."""
        supervisor = self._supervisor
        alive = self._alive()
        for name in list(supervisor.components):
            supervisor.apply(name, Unwanted(reason=self._reason, later=True))
        supervisor.watch(self._changed)
        try:
            self._advance()
            await self._done
        finally:
            supervisor.unwatch(self._changed)
            for limit in self._limits:
                limit.cancel()
        return Ended([name for name in alive if name not in self._killed], self._killed)

    def _kill_rest(self) -> None:
        for name in self._alive():
            self._killed.append(name)
            self._supervisor.apply(name, Unwanted(reason=self._reason))
            self._kill(self._supervisor.components[name])

    def _alive(self) -> list[str]:
        return [name for name, one in self._supervisor.components.items() if one.alive]

    def _changed(self, _names: frozenset[str]) -> None:
        self._advance()

    def _advance(self) -> None:
        """Stop whatever nobody alive depends on any more."""
        supervisor = self._supervisor
        alive = self._alive()
        needed = graph.needed_by(supervisor.edges, alive)
        for name in alive:
            if name not in needed and supervisor.components[name].state is not State.STOPPING:
                supervisor.apply(name, Unwanted(reason=self._reason))
        waited = sorted(name for name in alive if supervisor.components[name].state is State.STOPPING)
        if waited != self._waited:
            self._waited = waited
            for progress in self._listeners:
                progress(waited)
        if not alive and not self._done.done():
            self._done.set_result(None)
