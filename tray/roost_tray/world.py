"""What the tray knows: every project of the register, and what its daemon said last.  Pure values.

`Following` (link.py) makes a new `World` whenever something changes; the menu and the notifications are
functions of it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from roost.client.shapes import ProjectStatus


class Presence(enum.Enum):
    """How a project's daemon is to be found."""

    RUNNING = enum.auto()
    """It answers, and `status` is what it says."""
    STOPPED = enum.auto()
    """Nobody is there, and nobody is meant to be."""
    UNREACHABLE = enum.auto()
    """It is meant to be there and does not answer; `status` is what it said last, or None."""


@dataclass(frozen=True, slots=True)
class ProjectView:
    """One project.  `root` is its real path and its identity; `doing` names an action under way."""

    root: str
    name: str
    presence: Presence
    status: ProjectStatus | None = None
    doing: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """All projects, by name; `problem` is what an action of the user ran into last."""

    projects: tuple[ProjectView, ...] = ()
    problem: str | None = None

    def project(self, root: str) -> ProjectView | None:
        """The project in this folder."""
        return next((one for one in self.projects if one.root == root), None)


class Level(enum.StrEnum):
    """Which notifications the user wants (a preference that lasts)."""

    OFF = "off"
    FAILURES = "failures"
    ALL = "all"
