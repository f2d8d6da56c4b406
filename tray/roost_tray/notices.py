"""When a notification is due, and what it says.  Pure: it is told the time.

Of each component, and of each daemon, it is known what its user was last told.  A notification is due when
something else has come true and lasted: never twice for the same, at most one for a component in a minute, none
for what a person did, and none for what was so when the tray came.  While a component starts, stops or waits it
keeps the condition that it had: a crash and its restarts are one story.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from roost.client.shapes import ComponentStatus, Desired, Health
from roost.client.shapes import State as Life

from .labels import clip, plain
from .model import Notice, Urgency
from .world import Level, Presence, ProjectView, World

GATHER = 0.5
"""Seconds for which a failure lasts before it is told, so that those of one moment come together."""
STEADY = 10.0
"""Seconds for which something has to be well again, or a daemon silent, before that is told."""
GRACE = 10.0
"""Seconds after a daemon has come for which nothing is told: whoever started it is looking at it."""
MINUTE = 60.0
"""Seconds between two notifications about the same."""
MANY = 3
"""So many at once become one."""
_LINE = 200


class Condition(enum.Enum):
    """What there is to be told."""

    ASIDE = enum.auto()
    """Nothing: nobody wants it, or nobody knows."""
    WELL = enum.auto()
    FAILED = enum.auto()
    """It ended badly, or is unhealthy, and is started again."""
    GIVEN_UP = enum.auto()
    """It is not started again."""
    LOST = enum.auto()
    """A daemon does not answer."""


_BAD = (Condition.FAILED, Condition.GIVEN_UP, Condition.LOST)


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be told now.  `component` is None for the daemon itself."""

    root: str
    project: str
    condition: Condition
    component: ComponentStatus | None = None


@dataclass(slots=True)
class _Track:
    """One component or daemon: what its user believes, and what is so since when."""

    told: Condition
    now: Condition
    since: float
    sent: float = float("-inf")


@dataclass(slots=True)
class Notices:
    """What has been told, and what is due."""

    _tracks: dict[tuple[str, str], _Track] = field(default_factory=dict)
    _came: dict[str, float] = field(default_factory=dict)
    """When the daemon of a project was first seen in its present life as a running one."""
    _world: World = field(default_factory=World)
    _level: Level = Level.FAILURES

    def see(self, world: World, level: Level, now: float) -> None:
        """This is so, and these notifications are wanted; `now` in monotonic seconds."""
        self._world, self._level = world, level
        known = set()
        for project in world.projects:
            if project.presence is Presence.RUNNING:
                self._came.setdefault(project.root, now)
            elif project.presence is Presence.STOPPED:
                self._came.pop(project.root, None)
            for name, condition in _conditions(project):
                known.add((project.root, name))
                self._follow((project.root, name), condition, now)
        for gone in self._tracks.keys() - known:
            del self._tracks[gone]

    def take_due(self, now: float) -> list[Due]:
        """What is to be told now; it counts as told."""
        return list(self._take_due(now))

    def next_at(self) -> float | None:
        """When something will be due if nothing happens; None if never."""
        return min(
            (self._at(key, track) for key, track in self._tracks.items() if _differs(track)), default=None
        )

    def _follow(self, key: tuple[str, str], condition: Condition | None, now: float) -> None:
        track = self._tracks.get(key)
        if track is None:
            first = condition or Condition.ASIDE
            self._tracks[key] = _Track(first, first, now)
            return
        if condition is not None and condition is not track.now:
            track.now, track.since = condition, now
        if self._is_silent(track):
            track.told = track.now

    def _is_silent(self, track: _Track) -> bool:
        """Whether what is so now is nobody's news."""
        if self._level is Level.OFF or track.now is Condition.ASIDE:
            return True
        return track.now is Condition.WELL and (self._level is not Level.ALL or track.told not in _BAD)

    def _at(self, key: tuple[str, str], track: _Track) -> float:
        lasts = GATHER if track.now in (Condition.FAILED, Condition.GIVEN_UP) else STEADY
        return max(track.since + lasts, track.sent + MINUTE, self._came.get(key[0], 0.0) + GRACE)

    def _take_due(self, now: float) -> Iterator[Due]:
        for key, track in self._tracks.items():
            if _differs(track) and self._at(key, track) <= now:
                track.told, track.sent = track.now, now
                root, name = key
                project = self._world.project(root)
                if project is not None:
                    yield Due(root, project.name, track.now, _component(project, name))


def _differs(track: _Track) -> bool:
    return track.told is not track.now


def _component(project: ProjectView, name: str) -> ComponentStatus | None:
    components = project.status.components if project.status is not None else []
    return next((one for one in components if one.name == name), None)


def _conditions(project: ProjectView) -> Iterator[tuple[str, Condition | None]]:
    """Of the daemon (by the empty name) and of every component; None where it stays what it was."""
    match project.presence:
        case Presence.RUNNING:
            yield "", Condition.WELL
        case Presence.UNREACHABLE:
            yield "", Condition.LOST
        case Presence.STOPPED:
            yield "", Condition.ASIDE
    for component in project.status.components if project.status is not None else []:
        answers = project.presence is Presence.RUNNING
        yield component.name, _condition(component) if answers else None


def _condition(component: ComponentStatus) -> Condition | None:
    if component.desired is Desired.STOPPED:
        return Condition.ASIDE
    if component.state is Life.FAILED:
        return Condition.GIVEN_UP
    if component.state is Life.BACKOFF or component.health is Health.UNHEALTHY:
        return Condition.FAILED
    if component.ready or component.state is Life.COMPLETED:
        return Condition.WELL
    return None


# -- words ---------------------------------------------------------------------------------------------


def compose(dues: Sequence[Due], last_lines: Mapping[tuple[str, str], str]) -> list[Notice]:
    """What is shown for what is due; `last_lines` by project's root and component's name, where known."""
    notices = [_daemon(due) for due in dues if due.component is None]
    bad = [due for due in dues if due.component is not None and due.condition in _BAD]
    well = [due for due in dues if due.component is not None and due.condition is Condition.WELL]
    for group, said in ((bad, "failed"), (well, "are well again")):
        if len(group) >= MANY:
            notices.append(_together(group, said))
        else:
            notices += [_alone(due, last_lines) for due in group]
    return notices


def _daemon(due: Due) -> Notice:
    if due.condition is Condition.WELL:
        return Notice(f"{due.project}: the daemon is back", "", Urgency.LOW, due.root)
    body = "What runs goes on running, but nobody looks after it. roost doctor says more."
    return Notice(f"{due.project}: the daemon does not answer", body, Urgency.HIGH, due.root)


def _together(dues: Sequence[Due], said: str) -> Notice:
    names = ", ".join(due.component.name for due in dues if due.component is not None)
    roots = {due.root for due in dues}
    title = f"{len(dues)} components {said}"
    urgency = Urgency.HIGH if any(due.condition in _BAD for due in dues) else Urgency.LOW
    if len(roots) == 1:
        return Notice(f"{dues[0].project}: {title}", clip(names, _LINE), urgency, dues[0].root)
    return Notice(title, clip(names, _LINE), urgency)


def _alone(due: Due, last_lines: Mapping[tuple[str, str], str]) -> Notice:
    component = due.component
    assert component is not None
    name = component.name
    about = (due.root, name)
    if due.condition is Condition.WELL:
        return Notice(f"{due.project}: {name} is well again", "", Urgency.LOW, *about)
    given_up = due.condition is Condition.GIVEN_UP
    what = "was given up" if given_up and component.restarts else "failed"
    if component.health is Health.UNHEALTHY and component.state is Life.RUNNING:
        what = "is unhealthy"
    lines = [clip(plain(component.reason), _LINE)]
    if about in last_lines:
        lines.append(clip(plain(last_lines[about]), _LINE))
    urgency = Urgency.HIGH if given_up else Urgency.NORMAL
    return Notice(f"{due.project}: {name} {what}", "\n".join(filter(None, lines)), urgency, *about)
