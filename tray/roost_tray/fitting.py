"""Where the tray gets its surroundings: the one place that knows which parts this system has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .backend import Desktop, Watcher
from .brain import LastLine
from .model import Notice
from .watcher import NoticeWatcher


def open_desktop(environ: Mapping[str, str]) -> Desktop:
    """The user's desktop."""
    from .desktop import SystemDesktop

    return SystemDesktop(environ)


def make_watcher(tell: Callable[[Notice], None], last_line: LastLine) -> Watcher:
    """Who decides when a notification is due."""
    return NoticeWatcher(tell, last_line)
