"""Containers that are of no use any more: whose end we have asked for, what must stay a while, what could not go."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from ...edges.engine.api import EngineError, ErrorKind
from .jobs import Jobs
from .needs import Needs

AWAY = (ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT)
"""The engine's fault, not the component's."""
PATIENCE = 5.0
"""Seconds that an engine has to end a container at once, and beyond the container's own time-out."""
_DRAIN = 10.0
"""Seconds that the last of its output may take; longer only delays the news of its end."""


class Clearing:
    """Removes containers, the last of their output first."""

    def __init__(self, needs: Needs, jobs: Jobs) -> None:
        self._needs = needs
        self._engine = needs.engine
        self._jobs = jobs
        self._removing: set[str] = set()
        self.ours: set[str] = set()
        """Containers that we end or remove ourselves, so that nobody else is blamed for it."""
        self.unsaved: set[str] = set()
        """Containers whose end is not on record yet: a daemon that comes next must be able to ask them."""
        self.left: dict[str, str] = {}
        """Containers that may run although nobody wants them, and what is said of each."""

    def remove(self, name: str, run: int, container: str, is_up: bool = False) -> None:
        """Have it removed by and by; what the engine does not do now, the next look finds."""
        self.ours.add(container)
        if container not in self._removing:
            self._jobs.aside(self.clear_away(name, run, container, is_up))

    async def clear_away(self, name: str, run: int, container: str, is_up: bool) -> None:
        """Remove it, and end it before if it `is_up`.  Raises EngineError."""
        self.ours.add(container)
        self._removing.add(container)
        try:
            if is_up:
                await self._kill(container)
            await self.drained(name, run)
            await self._engine.remove(container)
            self.left.pop(container, None)
        finally:
            self._removing.discard(container)

    async def _kill(self, container: str) -> None:
        try:
            await self._engine.kill(container, limit=PATIENCE)
        except EngineError as error:
            if error.kind in AWAY:
                raise  # else it has ended by itself

    async def drained(self, name: str, run: int) -> None:
        """Return when all that the run wrote is in its log, or could not be had in time."""
        try:
            await asyncio.wait_for(self._needs.capture.drained(name, run), _DRAIN)
        except TimeoutError:
            self._needs.complain(f"{name}: the last of its output is late")

    def doubt(self, name: str, container: str, why: str) -> None:
        """The engine was asked to start it and has not answered: it still may."""
        self.left[container] = f"{name}: its container may have been started: {why}"

    def removed(self, container: str) -> None:
        """The engine has it no more."""
        self.ours.discard(container)
        self.left.pop(container, None)

    def saw_all(self, containers: Collection[str]) -> None:
        """The engine has these and no others."""
        for container in self.left.keys() - containers:
            del self.left[container]
