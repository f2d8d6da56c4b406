"""What a new daemon begins with, out of what was saved and what its keeper says.  Reads no clock, tells nobody.

The deciding is `core.restore`'s; here the keeper's words and the saved ones are brought together by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ..core.model import Kind, Spec
from ..core.restore import Live, adopt, forget_boot
from ..core.states import Component, Event, State
from ..edges import store
from ..edges.keeper_link import Frame
from .contained import concerns


class Beginning(Struct, frozen=True, kw_only=True):
    """`untold`: what the components have to be told first, by name.  `unplaced`: what has no component here."""

    components: dict[str, Component]
    untold: list[tuple[str, Event]]
    unplaced: dict[str, store.Saved]


def begin_with(
    specs: Mapping[str, Spec],
    kept: store.SavedState,
    runs: Iterable[Frame],
    *,
    boot_id: str,
    ending: bool,
    now: float,
    wall: float,
) -> Beginning:
    """The components of these specifications, and those that run without one (a name is all we know of them).

    `ending`: everything is about to be stopped, so that nothing that is at rest is to begin.
    """
    live = {str(run["name"]): _live(run) for run in runs}
    unknown = {name: Spec(name=name) for name, run in live.items() if name not in specs and not run.ended}
    unknown |= {name: stranded(name) for name in containers(kept) if name not in specs}
    components: dict[str, Component] = {}
    untold: list[tuple[str, Event]] = []
    for name, spec in {**specs, **unknown}.items():
        saved = kept.components.get(name)
        component = store.restored(spec, saved) if saved else Component(spec=spec)
        if saved and kept.boot_id != boot_id:
            component = forget_boot(component)
        events: tuple[Event, ...] = ()
        if name in live or not concerns(component):  # what runs in a container is met when its engine answers
            component, events = adopt(component, live.get(name), now, wall)
        if ending and component.state in (State.WAITING, State.BACKOFF) and not component.there:
            component = replace(component, state=State.STOPPED, deadline=None)
        components[name] = component
        untold += [(name, event) for event in events]
    unplaced = {name: saved for name, saved in kept.components.items() if name not in components}
    return Beginning(components=components, untold=untold, unplaced=unplaced)


def containers(kept: store.SavedState) -> list[str]:
    """The components that ran in a container when they were last saved."""
    return [name for name, saved in kept.components.items() if saved.container is not None]


def stranded(name: str) -> Spec:
    """A component of whose configuration nothing is known but that its last run is a container."""
    return Spec(name=name, kind=Kind.CONTAINER)


def chosen_ports(kept: store.SavedState, runs: Iterable[Frame]) -> dict[str, dict[str, int]]:
    """The ports that were chosen for `auto`: as saved, and of what runs, those on which it does listen."""
    chosen = {name: dict(ports) for name, ports in kept.ports.items()}
    for run in runs:
        note = run.get("note")
        ports = note.get("ports") if isinstance(note, dict) else None
        if isinstance(ports, dict) and not run["ended"]:
            chosen.setdefault(str(run["name"]), {}).update(ports)
    return chosen


def _live(run: Frame) -> Live:
    return Live(
        run=int(run["run"]),
        pid=int(run["pid"]),
        started=float(run["mono"]),
        wall=float(run["started_at"]),
        ended=bool(run.get("ended")),
        stopping=bool(run.get("stopping")),
    )
