"""A call that waits shows its client that it still does: nobody gives up on it for silence (S41)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ...edges.rpc_server import Session

PERIOD = 10.0
"""Seconds; a client may give up after 30 of silence."""


@contextmanager
def pulse(session: Session) -> Iterator[None]:
    """Send an empty `progress` once a period while the body runs."""
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def beat() -> None:
        session.progress({})
        timers[:] = [loop.call_later(PERIOD, beat)]

    timers.append(loop.call_later(PERIOD, beat))
    try:
        yield
    finally:
        timers[0].cancel()
