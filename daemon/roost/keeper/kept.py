"""What a daemon has given us for its successor: descriptors by name, of which the keeper knows nothing else.

A socket that is held open here goes on taking what is sent to it while there is no daemon.  Not for ever: whoever
writes to it would have to wait once it is full, so without a daemon all is let go after `PATIENCE` seconds.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .timers import Timer, Timers

PATIENCE = 10.0


class Kept:
    """Descriptors by name; `has_daemon` says whether anybody is there who looks after them himself."""

    def __init__(self, timers: Timers, has_daemon: Callable[[], bool]) -> None:
        self._timers = timers
        self._has_daemon = has_daemon
        self._kept: dict[str, list[int]] = {}
        self._timer: Timer | None = None

    def keep(self, name: str, fds: list[int]) -> None:
        """These from now on, which become ours, instead of what there was by that name; none: nothing."""
        for fd in self._kept.pop(name, ()):
            os.close(fd)
        if fds:
            self._kept[name] = fds

    def everything(self) -> list[tuple[str, list[int]]]:
        """All that is kept; it stays ours."""
        return list(self._kept.items())

    def daemon_lost(self) -> None:
        """Nobody reads any more; let go of everything if that lasts."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timers.at(time.monotonic() + PATIENCE, self._let_go)

    def _let_go(self) -> None:
        if not self._has_daemon():
            for name in list(self._kept):
                self.keep(name, [])
