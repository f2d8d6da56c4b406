"""What this package needs of the daemon that it works for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ...core.model import Project, Spec
from ...core.restore import Live
from ...core.states import Component, Event
from ...edges.clock import Clock
from ...edges.engine.api import Capture, Engine
from .naming import Place


class Owner(Protocol):
    """The supervisor, as far as it is needed here."""

    @property
    def components(self) -> Mapping[str, Component]: ...

    def apply(self, name: str, event: Event) -> None: ...

    def meet(self, name: str, live: Live | None) -> None: ...

    def look_again(self) -> None: ...


class Tell(Protocol):
    """Puts an event on record (`Chronicle.tell`)."""

    def __call__(
        self,
        kind: str,
        message: str,
        *,
        component: str | None = None,
        run: int | None = None,
        data: dict[str, object] | None = None,
    ) -> object: ...


class Needs:
    """Everything that is handed in."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        place: Place,
        owner: Owner,
        tell: Tell,
        capture: Capture,
        project: Callable[[], Project],
        resolved: Callable[[Spec], Spec],
        instance: Callable[[], str],
        saved: Callable[[Callable[[], None]], None],
        is_keepers: Callable[[Component], bool],
        hasten: Callable[[str], None],
        complain: Callable[[str], None],
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.place = place
        self.owner = owner
        self.tell = tell
        self.capture = capture
        self.project = project
        self.resolved = resolved
        """The specification with its ports filled in.  Raises OSError."""
        self.instance = instance
        self.saved = saved
        """Calls back once all that is so now is on the disk."""
        self.is_keepers = is_keepers
        """Whether its present run is one that the keeper is about to start: it was no container before a reload."""
        self.hasten = hasten
        """The component's health has changed: what probes it should look."""
        self.complain = complain

    def take_output(self, component: Component, container: str) -> None:
        """Have what the container writes go into the component's log."""
        log = component.spec.log
        self.capture.start(component.name, component.run, container, log.max_size, log.max_files)
