"""The `notify` probe: what the component has said of itself by sd_notify.

For startup and readiness that is READY=1 (and not RELOADING=1 or STOPPING=1 since); for liveness, whether it
has said WATCHDOG=1 since the look before.
"""

from __future__ import annotations

from collections.abc import Callable

from roost.core import notify
from roost.core.model import ProbeKind
from roost.core.notify import Standing

from .answer import Answer


class NotifyWatch:
    """One notify probe in one run; remembers how often it had heard the watchdog's word."""

    __slots__ = ("_beats", "_kind", "_standing")

    def __init__(self, kind: ProbeKind, standing: Callable[[], Standing]) -> None:
        self._kind = kind
        self._standing = standing
        self._beats: int | None = None

    def answer(self) -> Answer:
        """Look, and say what was found."""
        standing = self._standing()
        if self._kind is not ProbeKind.LIVENESS:
            return Answer(*notify.readiness(standing))
        before, self._beats = self._beats, standing.beats
        if standing.stopping:
            return Answer(True, "it says that it is stopping (STOPPING=1)")
        if before is None:
            return Answer(True, "listening for WATCHDOG=1 from now on")
        if standing.beats > before:
            return Answer(True, "it has sent WATCHDOG=1")
        return Answer(False, "no WATCHDOG=1 since the last look")
