"""Streams that outlive the daemon: when it is replaced or comes back, one goes on where one was.

Knows when it will not come back: nobody answers, and nobody holds the keeper's lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..platform import locks
from ..platform.paths import ProjectPaths
from . import exits, session
from .faults import Fault
from .session import Message

_AGAIN = 0.1  # seconds between two looks for a daemon that was there a moment ago
_GRACE = 2.0  # seconds that the keeper's lock may be free while a new keeper takes over


def follow(
    paths: ProjectPaths, method: str, parameters: Callable[[], object], deadline: float | None = None
) -> Iterator[tuple[str, Message]]:
    """Every notification of a stream; asked for anew, with the parameters of that moment, after each loss.

    Raises Fault (3) when no daemon runs and none will come by itself, TimeoutError at the deadline.
    """
    met = False
    while True:
        try:
            with session.connect(paths) as daemon:
                met = True
                yield from daemon.stream(method, parameters(), deadline)
        except Fault as fault:
            if fault.code != exits.NOT_RUNNING or not met:
                raise
        await_return(paths, deadline)


def await_return(paths: ProjectPaths, deadline: float | None = None) -> None:
    """Return when the daemon answers again.  Raises as `follow` does."""
    last_sign = time.monotonic()
    while not session.answers(paths):
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            raise TimeoutError
        if locks.is_held(paths.keeper_lock):
            last_sign = now
        elif now - last_sign > _GRACE:
            raise Fault("the daemon has ended", "start it with: roost up", exits.NOT_RUNNING)
        time.sleep(_AGAIN)
