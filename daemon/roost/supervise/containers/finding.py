"""What a look at the engine means for a component: does what is believed still hold, and if not, what does?  Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ...core.restore import Live
from ...core.states import Component, Desired, Exit
from ...core.words import SHORT_ID
from ...edges.engine.api import ContainerSeen, Status
from ..contained import concerns
from . import naming

_RESTARTED = 0.5
"""Seconds by which a container must have begun later than was noted, to have been started again."""


class Verdict(enum.StrEnum):
    """What was found of a component."""

    AS_BELIEVED = "as believed"
    HERE = "here"
    """It runs, which was not known, or not for sure."""
    RESTARTED = "restarted"
    """Somebody else has let it end and begin again."""
    ENDED = "ended"
    GONE = "gone"
    """There is no container of the run that is believed in."""


class Finding(Struct, frozen=True, kw_only=True):
    """`seen`: the container of the present run; `strays`: others of the component, which nobody has use for."""

    verdict: Verdict
    seen: ContainerSeen | None = None
    strays: tuple[ContainerSeen, ...] = ()

    @property
    def is_paused(self) -> bool:
        """Whether it is to go on, and somebody has paused it."""
        goes_on = self.verdict in (Verdict.AS_BELIEVED, Verdict.HERE)
        return goes_on and self.seen is not None and self.seen.status is Status.PAUSED


def by_component(containers: Iterable[ContainerSeen]) -> dict[str, list[ContainerSeen]]:
    """Our containers by the name of their component."""
    found: dict[str, list[ContainerSeen]] = {}
    for seen in containers:
        found.setdefault(seen.labels.get(naming.COMPONENT, ""), []).append(seen)
    return found


def judge(component: Component, containers: Sequence[ContainerSeen]) -> Finding:
    """What the component's containers say of it; to one that runs as a process they are all strays."""
    ours = concerns(component)
    seen = _present(component, containers) if ours else None
    strays = tuple(one for one in containers if one is not seen)
    if seen is None:
        verdict = Verdict.GONE if ours and component.alive else Verdict.AS_BELIEVED
    else:
        verdict = _verdict(component, seen)
    return Finding(verdict=verdict, seen=seen, strays=strays)


def _present(component: Component, containers: Sequence[ContainerSeen]) -> ContainerSeen | None:
    """The container of the run that is, or that was begun and not heard of."""
    for one in containers:
        if component.container is not None and one.id == component.container:
            return one
    if component.desired is Desired.STOPPED and not component.alive:
        return None
    newest = max(containers, key=lambda one: naming.run_of(one.labels), default=None)
    if newest is None or newest.status is Status.CREATED:
        return None
    run = naming.run_of(newest.labels)
    unheard = run == component.run and component.wall_started is None
    if component.alive:
        return newest if run > component.run or (unheard and component.container is None) else None
    return newest if newest.is_up and (run > component.run or unheard) else None


def _verdict(component: Component, seen: ContainerSeen) -> Verdict:
    if not seen.is_up:
        return Verdict.ENDED
    if seen.id != component.container or not _holds(component):
        return Verdict.HERE
    began, noted = seen.started_at, component.wall_started
    if began is not None and noted is not None and began > noted + _RESTARTED:
        return Verdict.RESTARTED
    return Verdict.AS_BELIEVED


def _holds(component: Component) -> bool:
    """Whether the state says what being there means: one that was lost sight of waits."""
    return component.state.value in ("starting", "running", "stopping")


def live(seen: ContainerSeen, now: float, wall: float) -> Live:
    """The same in the words of a keeper."""
    began = seen.started_at if seen.started_at is not None else wall
    return Live(
        run=naming.run_of(seen.labels),
        container=seen.id,
        started=now - max(0.0, wall - began),
        wall=began,
        ended=not seen.is_up,
    )


def exit_of(
    component: Component, seen: ContainerSeen | None, code: int | None, now: float, wall: float
) -> Exit:
    """How its run ended.  `code`: as an event said it, where the container is no longer there to ask."""
    ended = seen.finished_at if seen is not None and seen.finished_at is not None else wall
    known = code if code is not None else seen.exit_code if seen is not None else None
    began = seen.started_at if seen is not None and seen.started_at is not None else component.wall_started
    return Exit(
        run=component.run,
        code=known,
        signal=None,
        known=known is not None,
        at=now - max(0.0, wall - ended),
        wall=ended,
        uptime=max(0.0, ended - began) if began is not None else 0.0,
        cause=_cause(component, seen),
    )


def _cause(component: Component, seen: ContainerSeen | None) -> str | None:
    if seen is None:
        return None
    if seen.oom_killed:
        from ...core.memory import size

        limit = component.spec.memory_limit
        return (
            f"it ran out of memory (its limit is {size(limit)})" if limit else "the machine ran out of memory"
        )
    return seen.error or None


def short(identity: str) -> str:
    """An id as people know it."""
    return identity[:SHORT_ID]


def labelled_run(labels: Mapping[str, str]) -> str:
    """`run 3`, for a sentence."""
    return f"run {naming.run_of(labels)}"
