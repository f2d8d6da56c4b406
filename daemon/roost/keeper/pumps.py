"""All output on its way into the logs: a few threads (pump.py), and what they share.

Each component's log belongs to one thread for good, so that the order in it needs no lock, and so does its
run's record; what belongs to no component (the journal, the bound on all) is the first one's, in order.  Two
threads move nearly twice as much as one, because what a byte costs is the kernel's (docs/decisions/0020); more
would gain little.
"""

from __future__ import annotations

import time

from .logbound import LogBound
from .pump import Pump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from . import pump

    class Observer(pump.Observer, Protocol):
        """Who is told, on his own thread."""

        def logs_removed(self, files: dict[str, int], size: int, limit: int) -> None:
            """So many old files of each component, of `size` bytes, went to keep all logs within `limit`."""


THREADS = 2
REMOVED_EVERY = 30.0  # seconds


class Pumps:
    """The pump threads.  All public methods are for the control thread and, but for `stop`, return at once."""

    def __init__(
        self,
        tell: Callable[[Callable[[], None]], None],
        observer: Observer,
        folder: str,
        paths: Callable[[str], tuple[str, str]],
    ) -> None:
        self._tell = tell
        self._observer = observer
        self._bound = LogBound(folder, lambda files, size: self.do(lambda: self._removed(files, size)))
        self._pumps = [Pump(tell, observer, self._bound, paths) for _ in range(THREADS)]
        self._of: dict[str, Pump] = {}
        self._untold: tuple[dict[str, int], int] = ({}, 0)
        self._tell_removed_later = False

    def start(self) -> None:
        """Begin."""
        for each in self._pumps:
            each.start()

    def stop(self, patience: float) -> None:
        """Do what was asked for so far, take what the pipes hold, then end; wait `patience` seconds at most."""
        deadline = time.monotonic() + patience
        for each in self._pumps:
            each.stop()
        for each in self._pumps:
            each.join(max(0.0, deadline - time.monotonic()))

    def of(self, name: str) -> Pump:
        """The thread that has the component's log; new ones take turns."""
        if name not in self._of:
            self._of[name] = self._pumps[len(self._of) % len(self._pumps)]
        return self._of[name]

    def do(self, function: Callable[[], None]) -> None:
        """Let a thread do something that may have to wait for the disk, in the order in which it was said."""
        self._pumps[0].do(function)

    def bound(self, limit: int) -> None:
        """How many bytes all logs may have together, from now on."""
        self.do(lambda: self._bound.set(limit))

    def watch(self, names: Iterable[str]) -> None:
        """Of which components the observer hears `grew`; at most every 20 ms for each."""
        watched = frozenset(names)
        for each in self._pumps:
            each.watch(watched)

    def look_after(self) -> None:
        """Notice that log files have been removed or replaced, and make them anew (P3b)."""
        for each in self._pumps:
            each.look_after()

    # -- on the first thread -------------------------------------------------------------------------------

    def _removed(self, files: dict[str, int], size: int) -> None:
        """Tell what the bound has cost: at once, then what more there is every 30 s."""
        counts, before = self._untold
        for name, count in files.items():
            counts[name] = counts.get(name, 0) + count
        self._untold = counts, before + size
        if not self._tell_removed_later:
            self._tell_removed(time.monotonic())

    def _tell_removed(self, now: float) -> None:
        (files, size), self._untold = self._untold, ({}, 0)
        self._tell_removed_later = bool(files)
        if files:
            limit = self._bound.limit or 0
            self._tell(lambda: self._observer.logs_removed(files, size, limit))
            self._pumps[0].call_at(now + REMOVED_EVERY, self._tell_removed)
