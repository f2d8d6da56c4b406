"""Waiting for components: a call of a client that returns in the instant in which its goal is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..core.outcome import Goal, Outcome, believed_at, outcome
from ..core.states import Component
from ..edges.clock import Clock
from .loop import Supervisor

Progress = Callable[[str], None]
"""Told the name of each component that changed while one waits."""


class Wait:
    """A wait for some components; `failed` holds those that will not get there, as they were then.

    (A moment later a restart may be under way, which says nothing of what was wrong.)
    """

    def __init__(
        self,
        supervisor: Supervisor,
        clock: Clock,
        names: Iterable[str],
        goal: Goal,
        lives: Callable[[Component], bool] = lambda _: True,
    ) -> None:
        """`lives`: asked before one believes in what is alive for long enough, since its end may be on its way."""
        self._lives = lives
        self._supervisor = supervisor
        self._clock = clock
        self._goal = goal
        self._names = frozenset(names)
        self._open = set(self._names)
        self.failed: dict[str, Component] = {}
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timers: set[asyncio.TimerHandle] = set()
        self._progress: Progress | None = None

    @property
    def open(self) -> list[str]:
        """What is still waited for."""
        return sorted(self._open)

    async def finish(self, timeout: float | None, progress: Progress | None = None) -> bool:
        """Wait until all are there or one has failed; False if `timeout` seconds were not enough."""
        self._progress = progress
        self._supervisor.watch(self._changed)
        try:
            self._judge(self._names)
            await asyncio.wait_for(asyncio.shield(self._done), timeout)
        except TimeoutError:
            return False
        finally:
            self._supervisor.unwatch(self._changed)
            for timer in self._timers:
                timer.cancel()
        return True

    def _changed(self, names: frozenset[str]) -> None:
        touched = names & self._names
        if self._progress is not None:
            for name in sorted(touched):
                self._progress(name)
        self._judge(touched)

    def _judge(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._open:
                self._judge_one(name)
        if (self.failed or not self._open) and not self._done.done():
            self._done.set_result(None)

    def _judge_one(self, name: str) -> None:
        component = self._supervisor.components.get(name)
        if component is None:
            self._open.discard(name)
            return
        match outcome(component, self._goal, self._clock.now()):
            case Outcome.REACHED:
                if believed_at(component) is None or not component.alive or self._lives(component):
                    self._open.discard(name)  # else its end is on its way to us
            case Outcome.FAILED:
                self.failed[name] = component
                self._open.discard(name)
            case Outcome.PENDING:
                self._look_again(name, believed_at(component))

    def _look_again(self, name: str, at: float | None) -> None:
        """Being alive for a while is reached by time alone."""
        if at is not None and self._goal is Goal.UP:
            wait = max(0.0, at - self._clock.now())
            self._timers.add(asyncio.get_running_loop().call_later(wait, self._judge, (name,)))
