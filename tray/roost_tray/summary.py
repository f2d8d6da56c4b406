"""How things are, in a state and in words: of a component, of a project, of all of them.  Pure.

The colors are those of INTERFACES.md §4; the tray only divides yellow in two: `working` is on its way by
itself, `degraded` has had a fault (it crashed and comes back, or it stopped being ready).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from roost.client.shapes import Color, ComponentStatus, Desired, Health, component_color, duration
from roost.client.shapes import State as Life

from .labels import plain
from .model import State
from .world import Presence, ProjectView, World

GLYPHS = {
    State.WELL: "●",
    State.WORKING: "◐",
    State.DEGRADED: "▲",
    State.FAILED: "✖",
    State.STOPPED: "○",
    State.UNREACHABLE: "⊘",
}
"""The icon's silhouettes as characters."""

_SEVERITY = {
    state: rank
    for rank, state in enumerate(
        (State.STOPPED, State.WELL, State.WORKING, State.DEGRADED, State.UNREACHABLE, State.FAILED)
    )
}
_TROUBLE = 3
"""Failed readiness probes in a row from which on it is no longer a start (Kubernetes' default threshold)."""
_NAMED = 2
"""So many components that are not well are named in a line."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is read.  `live`: the text is made anew every second, so that it may count down."""

    wall: float
    live: bool = True
    local: Callable[[float], time.struct_time] = time.localtime

    def until(self, when: str | None) -> str:
        """`in 4 s`; or, where the text will stand a while, `at 14:03:07`; "" where the time is not known."""
        try:
            at = datetime.fromisoformat(when or "").timestamp()
        except ValueError:
            return ""
        if self.live:
            left = math.ceil(at - self.wall - 0.001)
            return f"in {duration(left)}" if left > 0 else "now"
        return "at " + time.strftime("%H:%M:%S", self.local(at))


# -- states --------------------------------------------------------------------------------------------


def severity(state: State) -> int:
    """The larger, the sooner a person wants to know."""
    return _SEVERITY[state]


def worst(states: Iterable[State]) -> State:
    """The one that counts; `stopped` for none."""
    return max(states, key=severity, default=State.STOPPED)


def component_state(component: ComponentStatus) -> State:
    """The state of one component of a project whose daemon answers."""
    match component_color(component):
        case Color.GRAY:
            return State.STOPPED
        case Color.GREEN:
            return State.WELL
        case Color.RED:
            return State.FAILED
        case _:
            return State.DEGRADED if _is_in_trouble(component) else State.WORKING


def _is_in_trouble(component: ComponentStatus) -> bool:
    readiness = component.probes.get("readiness")
    unready = component.state is Life.RUNNING and readiness is not None and readiness.failures >= _TROUBLE
    missing = component.kind == "external" and component.state is Life.WAITING
    return component.state is Life.BACKOFF or unready or missing


def shown_state(project: ProjectView, component: ComponentStatus) -> State:
    """The same where the daemon may be silent: then nobody knows."""
    return component_state(component) if project.presence is Presence.RUNNING else State.UNREACHABLE


def project_state(project: ProjectView) -> State:
    """The state of a whole project."""
    if project.presence is Presence.STOPPED:
        return State.STOPPED
    if project.presence is Presence.UNREACHABLE or project.status is None:
        return State.UNREACHABLE
    states = [component_state(one) for one in project.status.components]
    if project.status.daemon.phase in ("initializing", "shutting_down"):
        states.append(State.WORKING)
    if project.status.daemon.problems:
        states.append(State.DEGRADED)
    return worst(states)


def world_state(world: World) -> State:
    """What the icon says."""
    return worst(project_state(project) for project in world.projects)


# -- words ---------------------------------------------------------------------------------------------


def readiness(components: Sequence[ComponentStatus]) -> str:
    """`5 of 6 ready`, as `roost projects` says it: of the components that somebody wants."""
    wanted = [one for one in components if one.desired is Desired.RUNNING]
    if not wanted:
        return f"{len(components)} component{'' if len(components) == 1 else 's'}"
    ready = sum(1 for one in wanted if one.ready or one.state is Life.COMPLETED or one.next_run_at)
    return f"{ready} of {len(wanted)} ready"


def component_words(component: ComponentStatus, moment: Moment) -> str:
    """State and reason of a component: `restarting in 4 s (exit code 1)`, `failed: exit code 2`."""
    reason = plain(component.reason)
    if component.state is Life.BACKOFF:
        cause = reason.partition("; restart ")[0]
        words = f"restarting {moment.until(component.next_restart_at)}".rstrip()
        return f"{words} ({cause})" if cause else words
    if component.health is Health.UNHEALTHY and component.state is Life.RUNNING:
        return f"unhealthy: {reason}"
    if component.state is Life.RUNNING and reason.startswith("not ready"):
        return reason
    state = component.state.value
    return reason if reason.startswith(state) else f"{state}: {reason}" if reason else state


def trouble(component: ComponentStatus, moment: Moment) -> str:
    """The same in a few words, with the name: `api restarting in 4 s`."""
    if component.state is Life.BACKOFF:
        return f"{component.name} restarting {moment.until(component.next_restart_at)}".rstrip()
    if component.state is Life.FAILED:
        return f"{component.name} failed"
    if component.health is Health.UNHEALTHY:
        return f"{component.name} unhealthy"
    unready = component.state is Life.RUNNING and not component.ready
    return f"{component.name} {'not ready' if unready else component.state.value}"


def unwell(project: ProjectView) -> list[ComponentStatus]:
    """The wanted components that are not well, the worst first, else as configured."""
    components = project.status.components if project.status is not None else []
    ranks = {one.name: severity(shown_state(project, one)) for one in components}
    found = [one for one in components if ranks[one.name] > severity(State.WELL)]
    return sorted(found, key=lambda one: -ranks[one.name])


def worst_project(world: World) -> ProjectView:
    """The project that a person wants to know of first.  Raises ValueError where there is none."""
    return max(world.projects, key=lambda project: severity(project_state(project)))


def project_words(project: ProjectView, moment: Moment) -> str:
    """`5 of 6 ready, api restarting in 4 s`."""
    parts = []
    if project.presence is Presence.STOPPED:
        parts.append("not running")
    elif project.presence is Presence.UNREACHABLE or project.status is None:
        parts.append("the daemon does not answer")
    else:
        parts += _running_words(project, moment)
    if project.doing:
        parts.append(project.doing)
    return ", ".join(parts)


def _running_words(project: ProjectView, moment: Moment) -> list[str]:
    assert project.status is not None
    bad = unwell(project)
    parts = [readiness(project.status.components), *(trouble(one, moment) for one in bad[:_NAMED])]
    if len(bad) > _NAMED:
        parts.append(f"{len(bad) - _NAMED} more")
    if all(one.desired is Desired.STOPPED for one in project.status.components):
        parts.append("stopped")
    if not bad:
        parts += [plain(problem) for problem in project.status.daemon.problems[:1]]
    return parts


def status_line(world: World, moment: Moment) -> str:
    """`shop: 5 of 6 ready, api restarting in 4 s`; of several projects the worst, and how many others."""
    if not world.projects:
        return "no project yet: roost demo makes one, roost up brings one here"
    first = worst_project(world)
    line = f"{plain(first.name)}: {project_words(first, moment)}"
    others = len(world.projects) - 1
    return f"{line} (and {others} more project{'' if others == 1 else 's'})" if others else line


def counts_down(world: World) -> bool:
    """Whether the words say how long something still takes."""
    return any(
        component.state is Life.BACKOFF and component.next_restart_at is not None
        for project in world.projects
        if project.status is not None and project.presence is Presence.RUNNING
        for component in project.status.components
    )


def status_text(project: ProjectView, moment: Moment) -> str:
    """What `Copy status` copies: a line for the project and one for each component."""
    components = project.status.components if project.status is not None else []
    width = max((len(one.name) for one in components), default=0)
    lines = [f"{plain(project.name)} ({project.root}): {project_words(project, moment)}"]
    for one in components:
        glyph = GLYPHS[shown_state(project, one)]
        lines.append(f"{glyph} {one.name:<{width}}  {component_words(one, moment)}")
    return "\n".join(lines) + "\n"
