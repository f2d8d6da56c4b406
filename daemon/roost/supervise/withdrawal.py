"""Stopping some components in good order: dependents first, nobody restarted, whoever is wanted again left out.

What `shutdown` is for all of them; here life goes on beside it, and a new wish wins over the withdrawal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ..core import graph
from ..core.states import Desired, State, Unwanted
from .loop import Supervisor


class Withdrawal:
    """One withdrawal of some components."""

    def __init__(self, supervisor: Supervisor, names: Iterable[str], reason: str) -> None:
        self._supervisor = supervisor
        self._names = [name for name in names if name in supervisor.components]
        self._reason = reason
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> list[str]:
        """Stop them; the names of those that ran and were stopped."""
        supervisor = self._supervisor
        ran = self._left()
        for name in self._names:
            supervisor.apply(name, Unwanted(reason=self._reason, later=True))
        supervisor.watch(self._changed)
        try:
            self._advance()
            await self._done
        finally:
            supervisor.unwatch(self._changed)
        return [name for name in ran if not self._wanted(name)]

    def _changed(self, _names: frozenset[str]) -> None:
        self._advance()

    def _advance(self) -> None:
        """Stop whatever none of the others that still run depends on."""
        supervisor = self._supervisor
        left = [name for name in self._left() if not self._wanted(name)]
        needed = graph.needed_by(supervisor.edges, left)
        for name in left:
            if name not in needed and supervisor.components[name].state is not State.STOPPING:
                supervisor.apply(name, Unwanted(reason=self._reason))
        if not left and not self._done.done():
            self._done.set_result(None)

    def _left(self) -> list[str]:
        known = self._supervisor.components
        return [name for name in self._names if name in known and known[name].alive]

    def _wanted(self, name: str) -> bool:
        component = self._supervisor.components.get(name)
        return component is not None and component.desired is Desired.RUNNING
