"""Whether keeper and daemon believe the same of every run.  Pure: a comparison, for the watchdog.

Both sides speak in order over one stream, so when the keeper's list is heard, all that it told before is known
here.  What the daemon has asked for since it asked for the list is not in it; therefore, and because the last
words of a run go before its end, some differences count only when the next look finds them again.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ..core.model import Kind
from ..core.states import Component, State
from ..edges.keeper_link import Frame

_ALIVE = (State.STARTING, State.RUNNING, State.STOPPING)


class Difference(enum.Enum):
    """How the two may differ."""

    LOST = "is not known to the keeper any more"
    UNHEARD = "has started, and the daemon had not heard of it"
    UNSTARTED = "was to be started, and the keeper had not heard of it"
    UNTOLD = "has ended, and the daemon had not heard of it"
    UNSTOPPED = "was to be stopped, and the keeper had not heard of it"
    STRAY = "lives, and the daemon knew nothing of it"

    @property
    def at_once(self) -> bool:
        """Whether one look is enough to be sure."""
        return self in (Difference.LOST, Difference.UNHEARD)


class Finding(Struct, frozen=True):
    """One run of which they do not believe the same; `pid` as the keeper has it, 0 where it has none."""

    difference: Difference
    name: str
    run: int
    pid: int = 0


def compare(components: Mapping[str, Component], runs: Iterable[Frame]) -> list[Finding]:
    """What the keeper lists beside what is believed here."""
    listed = {(str(run["name"]), int(run["run"])): run for run in runs}
    found = [_of_component(one, listed.get((one.name, one.run))) for one in components.values()]
    strays = [
        Finding(Difference.STRAY, name, number, int(run["pid"]))
        for (name, number), run in listed.items()
        if not run["ended"] and not _is_believed(components.get(name), number)
    ]
    return [finding for finding in found if finding is not None] + strays


def _of_component(component: Component, run: Frame | None) -> Finding | None:
    difference = _difference(component, run)
    if difference is None:
        return None
    return Finding(difference, component.name, component.run, int(run["pid"]) if run is not None else 0)


def _difference(component: Component, run: Frame | None) -> Difference | None:
    if component.spec.kind is not Kind.PROCESS or component.state not in _ALIVE:
        return None
    if component.pid is None:
        if run is not None:
            return None if run["ended"] else Difference.UNHEARD
        return Difference.UNSTARTED if component.state is State.STARTING else None
    if run is None:
        return Difference.LOST
    if run["ended"]:
        return Difference.UNTOLD
    unstopped = component.state is State.STOPPING and not run["stopping"]
    return Difference.UNSTOPPED if unstopped else None


def _is_believed(component: Component | None, run: int) -> bool:
    return component is not None and component.run == run and component.state in _ALIVE
