"""What stands beside the supervisor and sets things off that no exit and no probe does.

Chains, schedules, watched files, memory limits, hooks: each is a module of its own that only applies events,
and one that no component asks for costs nothing.
"""

from __future__ import annotations

from ..edges.clock import Clock
from ..edges.facts import ProcessFacts
from .chronicle import Chronicle
from .hooks import Hooks
from .loop import Supervisor
from .memory import MemoryGuard
from .reruns import Reruns
from .schedules import Schedules
from .watching import Watching
from .world import World


class Companions:
    """All of them, for one supervisor.  Hooks hear what happens from the first event on."""

    def __init__(self, chronicle: Chronicle, world: World) -> None:
        self._chronicle = chronicle
        self.hooks = Hooks(world.resolved, world.environment, self._tell_hook)
        world.on_turn = self.hooks.turn

    def begin(self, supervisor: Supervisor, clock: Clock, facts: ProcessFacts, state: str) -> None:
        """Once it is known what runs."""
        self.reruns = Reruns(supervisor, clock, self._tell_limit)
        self.schedules = Schedules(supervisor, clock)
        self.watching = Watching(supervisor, clock, self._tell_limit, self._tell_trouble, state)
        self.memory = MemoryGuard(supervisor, clock, facts)

    async def close(self) -> None:
        """Set off nothing more; returns when no hook runs any more."""
        self.schedules.close()
        self.watching.close()
        self.memory.close()
        await self.hooks.close()

    def _tell_limit(self, name: str, message: str) -> None:
        self._chronicle.tell("limited", message, component=name)

    def _tell_trouble(self, name: str, message: str) -> None:
        self._chronicle.tell("watch_trouble", message, component=name)

    def _tell_hook(self, name: str, run: int, message: str, facts: dict[str, object]) -> None:
        self._chronicle.tell("hook_failed", message, component=name, run=run or None, data=facts)
