"""Restarts that are set off by something beside the policy (files, chains): debounced, limited, told.

A trigger fires when nothing has pulled it for its debounce time, and at most so often as `core.storm` allows;
what comes more often is put off, and that is an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..core import storm
from ..core.words import duration
from ..edges.clock import Clock

Fire = Callable[[str, str], None]
"""Called with the component's name and the reason."""

TellLimit = Callable[[str, str], None]
"""Called with the component's name and a sentence when a trigger is put off."""


class Triggers:
    """One trigger for each name; `noun` says what sets it off (`changed files`)."""

    def __init__(self, clock: Clock, fire: Fire, tell: TellLimit, noun: str) -> None:
        self._clock = clock
        self._fire = fire
        self._tell = tell
        self._noun = noun
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._fired: dict[str, tuple[float, ...]] = {}
        self._told: set[str] = set()

    def pull(self, name: str, reason: str, debounce: float) -> None:
        """Fire for `name` once it has been quiet for `debounce` seconds."""
        self.cancel(name)
        self._timers[name] = self._loop.call_later(debounce, self._ring, name, reason)

    def pulled(self, name: str) -> bool:
        """Whether it is about to fire."""
        return name in self._timers

    def cancel(self, name: str) -> None:
        """It shall not fire after all."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def forget(self, name: str) -> None:
        """It is gone: nothing is remembered of it."""
        self.cancel(name)
        self._fired.pop(name, None)
        self._told.discard(name)

    def _ring(self, name: str, reason: str) -> None:
        self._timers.pop(name, None)
        now, times = self._clock.now(), self._fired.get(name, ())
        wait = storm.wait(times, now)
        if wait > 0:
            self._put_off(name, reason, wait)
            return
        self._told.discard(name)
        self._fired[name] = storm.remember(times, now)
        self._fire(name, reason)

    def _put_off(self, name: str, reason: str, wait: float) -> None:
        self._timers[name] = self._loop.call_later(wait, self._ring, name, reason)
        if name not in self._told:
            self._told.add(name)
            limit = storm.STORM
            self._tell(
                name,
                f"{limit.max} runs because of {self._noun} within {duration(limit.within)}; "
                f"the next is put off for {duration(wait)} ({reason})",
            )
