"""Restart policy as functions of the history of exits; no counters, so a restart of the daemon changes nothing.

The history holds one entry for each restart that was decided (Erlang's restart intensity): when the run
before it ended, how long it had lived, and (for people alone) how it ended.
"""

from __future__ import annotations

from .model import Backoff, Limit, Restart
from .states import Ended

_KEEP_FOR_BACKOFF = 64


def attempt(history: tuple[Ended, ...], min_uptime: float) -> int:
    """Which restart in a row the last entry is, from 1: a life of `min_uptime` seconds begins a new row (S17)."""
    nth = 0
    for ended in reversed(history):
        nth += 1
        if ended.uptime >= min_uptime:
            break
    return max(nth, 1)


def delay(backoff: Backoff, nth: int) -> float:
    """Seconds to wait before the nth restart in a row, counted from 1: 1, 2, 4 … 60, 60 (S22)."""
    if backoff.initial <= 0 or backoff.factor <= 0:
        return min(max(backoff.initial, 0.0), backoff.max)
    wait = backoff.initial
    for _ in range(nth - 1):
        if wait >= backoff.max or backoff.factor == 1:
            break
        wait *= backoff.factor
    return min(wait, backoff.max)


def counted(history: tuple[Ended, ...], limit: Limit, now: float) -> tuple[Ended, ...]:
    """The lives after which a restart was decided in the window that ends now."""
    return tuple(ended for ended in history if now - ended.at < limit.within)


def within(history: tuple[Ended, ...], limit: Limit, now: float) -> int:
    """How many restarts were decided in the window that ends now."""
    return len(counted(history, limit, now))


def exhausted(history: tuple[Ended, ...], limit: Limit, now: float) -> bool:
    """Whether one more restart would be more than `limit.max` within `limit.within` seconds (S23)."""
    return within(history, limit, now) >= limit.max


def remember(history: tuple[Ended, ...], ended: Ended, policy: Restart) -> tuple[Ended, ...]:
    """The history with one more entry, as long as any decision can need it."""
    return (*history, ended)[-max(policy.limit.max, _KEEP_FOR_BACKOFF) :]
