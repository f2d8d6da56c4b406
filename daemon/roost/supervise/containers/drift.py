"""What somebody else does to a container of ours: put on record as drift, and set right."""

from __future__ import annotations

from ...core.states import Component
from ...core.words import signal_name
from ...edges.engine.api import ContainerSeen, Happened
from .jobs import Jobs, Work
from .needs import Needs

_BLAME = 30.0
"""Seconds after a signal within which an end is its doing; one that only had a program read its files is not."""


class Drift:
    """Who has done what; nothing here waits for the engine."""

    def __init__(self, needs: Needs, jobs: Jobs) -> None:
        self._needs = needs
        self._jobs = jobs
        self._expected: dict[str, int] = {}
        """Signals that we have sent to a container and have not heard of yet."""
        self._signalled: dict[str, tuple[str, float]] = {}
        """The last signal that somebody else has sent to it, and when."""
        self._mending: set[str] = set()

    def tell(self, component: Component, message: str) -> None:
        """Put it on record."""
        data: dict[str, object] = {"container": component.container}
        self._needs.tell("drift", message, component=component.name, run=component.run, data=data)

    def expect_signal(self, container: str) -> None:
        """We are about to send one."""
        self._expected[container] = self._expected.get(container, 0) + 1

    def expect_none(self, container: str) -> None:
        """It could not be sent."""
        self._expected[container] = max(0, self._expected.get(container, 0) - 1)

    def note_signal(self, event: Happened) -> None:
        """One was sent."""
        ours = self._expected.get(event.container, 0)
        if ours:
            self._expected[event.container] = ours - 1
        elif event.signal is None or event.signal.isdigit():
            signal = (
                signal_name(int(event.signal)) if event.signal else "a signal"
            )  # Podman does not say which
            self._signalled[event.container] = signal, self._needs.clock.now()

    def ended(self, component: Component, container: str) -> None:
        """It has ended without us: by a signal of somebody else's?"""
        signal, at = self._signalled.pop(container, ("", 0.0))
        if signal and self._needs.clock.now() - at <= _BLAME:
            self.tell(component, f"its container was ended by somebody, with {signal}")

    def removed(self, container: str) -> None:
        """Nothing further will be heard of it."""
        self._expected.pop(container, None)
        self._signalled.pop(container, None)

    def go_on(self, component: Component, seen: ContainerSeen) -> None:
        """Somebody has paused it."""
        if seen.id in self._mending:
            return
        self.tell(component, "its container was paused by somebody; it goes on")
        self._mend(seen.id, self._needs.engine.unpause(seen.id))

    def name_again(self, component: Component, event: Happened) -> None:
        """Somebody has renamed it, unless it was us."""
        wanted = self._needs.place.container(component.name)
        if event.name == wanted:
            return
        self.tell(component, f"its container was renamed to {event.name} by somebody; it gets its name back")
        self._jobs.aside(self._needs.engine.rename(event.container, wanted))

    def _mend(self, container: str, work: Work) -> None:
        self._mending.add(container)

        async def mended() -> None:
            try:
                await work
            finally:
                self._mending.discard(container)

        self._jobs.aside(mended())
