"""`limits.memory`: looks slowly at the trees of the components that have a limit, and at nothing without one."""

from __future__ import annotations

import asyncio

from ..core import memory
from ..core.states import Component, Overgrown
from ..edges.clock import Clock
from ..edges.facts import ProcessFacts
from .loop import Supervisor

PERIOD = 3.0
"""Seconds between two looks."""


class MemoryGuard:
    """Applies Overgrown to what stays over its limit."""

    def __init__(self, supervisor: Supervisor, clock: Clock, facts: ProcessFacts) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._facts = facts
        self._over: dict[tuple[str, int], int] = {}
        """Looks in a row over the limit, by component and run."""
        self._watching: asyncio.Task[None] | None = None
        supervisor.watch(self._changed)
        self._changed(frozenset(supervisor.components))

    def close(self) -> None:
        """Look no more."""
        self._supervisor.unwatch(self._changed)
        if self._watching is not None:
            self._watching.cancel()

    def _changed(self, names: frozenset[str]) -> None:
        components = (self._supervisor.components.get(name) for name in names)
        idle = self._watching is None or self._watching.done()
        if idle and any(one is not None and _limited(one) for one in components):
            self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        """Look once a period for as long as there is something to look at."""
        while True:
            await self._clock.sleep_until(self._clock.now() + PERIOD)
            if not self._limited():
                self._over.clear()
                return
            await asyncio.get_running_loop().run_in_executor(None, self._facts.refresh)
            self.judge(self._limited())  # as they are now: a reload may have raised a limit meanwhile

    def _limited(self) -> list[Component]:
        return [one for one in self._supervisor.components.values() if _limited(one)]

    def judge(self, components: list[Component]) -> None:
        """Compare the last figures of these components with their limits."""
        over: dict[tuple[str, int], int] = {}
        for one in components:
            limit, rss = one.spec.memory_limit or 0, self._facts.usage((one.pid or 0,)).rss_bytes
            key = (one.name, one.run)
            over[key] = memory.looks_over(self._over.get(key, 0), rss, limit)
            if rss is not None and over[key] >= memory.SUSTAINED:
                message = memory.sentence(rss, limit)
                self._supervisor.apply(one.name, Overgrown(run=one.run, message=message))
        self._over = over


def _limited(component: Component) -> bool:
    return component.spec.memory_limit is not None and component.pid is not None
