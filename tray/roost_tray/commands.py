"""What can be chosen in the menu, as values: each is the id of its item, and is read from it again.  Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .world import Level


class Verb(enum.StrEnum):
    """What is to be done."""

    BEGIN = "begin"
    """As the login does: what was wanted when the last session ended.  In no menu."""
    START_ALL = "start-all"
    STOP_ALL = "stop-all"
    RESTART_ALL = "restart-all"
    RELOAD = "reload"
    OPEN_FOLDER = "open-folder"
    COPY_STATUS = "copy-status"
    OPEN_URL = "open-url"
    VIEW_LOG = "view-log"
    RESTART = "restart"
    START = "start"
    STOP = "stop"
    WHY = "why"
    NOTIFY_OFF = "notify-off"
    NOTIFY_FAILURES = "notify-failures"
    NOTIFY_ALL = "notify-all"
    LOGIN = "start-at-login"
    QUIT = "quit"
    STOP_AND_QUIT = "stop-everything-and-quit"


LEVELS = {
    Verb.NOTIFY_OFF: Level.OFF,
    Verb.NOTIFY_FAILURES: Level.FAILURES,
    Verb.NOTIFY_ALL: Level.ALL,
}
"""The verbs that choose which notifications come."""


_VERBS = frozenset(verb.value for verb in Verb)


@dataclass(frozen=True, slots=True)
class Command:
    """A verb and what it is about: a project, by its root, or one component of it; neither for the tray."""

    verb: Verb
    root: str = ""
    component: str = ""

    @property
    def id(self) -> str:
        """The id of its item.  A component's name has no bar, a verb neither; a path may."""
        return f"{self.verb}|{self.root}|{self.component}"

    @classmethod
    def of(cls, id: str) -> Command | None:
        """The command with this id; None for an item that does nothing."""
        verb, bar, rest = id.partition("|")
        root, other, component = rest.rpartition("|")
        if not bar or not other or verb not in _VERBS:
            return None
        return cls(Verb(verb), root, component)
