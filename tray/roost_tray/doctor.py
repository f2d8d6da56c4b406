"""What the tray finds around it, for `roost doctor`: an icon, notifications, a terminal and the rest; packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from roost.platform import autostart, doors
from roost.platform.system import System

from .backend import Unavailable
from .backends import choose
from .backends.surroundings import Surroundings, look, session_bus
from .toasts import HINT, Toasts

_NAMES = {
    "status-notifier": "the panel shows the icon, with its menu",
    "gtk": "the panel's older tray shows the icon, with its menu (GTK)",
    "win32": "the notification area shows the icon",
    "darwin": "the menu bar shows the icon",
}


class Finding(NamedTuple):
    """One thing that was looked at, as `roost doctor` has it: `status` is ok or note."""

    layer: str
    status: str
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found."""

    surroundings: Surroundings
    notifies: bool
    terminal: str | None
    opener: str | None
    clipboard: str | None
    login: autostart.Registration


def facts(environ: Mapping[str, str]) -> Facts:
    """Look around; a few seconds at most."""
    found = doors.here(environ)
    surroundings = look(environ)
    argv = next(doors.in_terminal(found, ["true"], stay=False), None)
    opener, clipboard = doors.opening(found, ""), doors.clipboard(found)
    return Facts(
        surroundings,
        notifies=Toasts(session_bus(environ), lambda notice: None).works(),
        terminal=argv[0] if argv else None,
        opener=opener[0] if opener else None,
        clipboard=clipboard[0] if clipboard else None,
        login=autostart.for_desktop(environ).status(autostart.tray_item()),
    )


def judge(found: Facts) -> Iterator[Finding]:
    """What of it works, and what to do about the rest.  Pure."""
    around = found.surroundings
    try:
        name = choose.best(around)
    except Unavailable as error:
        yield Finding("tray", "note", f"no icon: {error.reason}", error.hint)
        if not (around.display or around.wayland):
            return
    else:
        if name == "xorg":
            yield Finding("tray", "note", choose.NO_MENU, choose.gtk_hint(around))
        else:
            yield Finding("tray", "ok", _NAMES[name])
    if around.system is System.LINUX:
        yield from _linux(found)
    if found.login.trouble:
        advice = (
            "roost autostart enable repairs it" if found.login.stale else "roost autostart status tells more"
        )
        yield Finding("start at login", "note", f"the tray would not start: {found.login.trouble}", advice)


def _linux(found: Facts) -> Iterator[Finding]:
    yield _there("notifications", "the session shows notifications" if found.notifies else None, HINT)
    yield _there("terminal", found.terminal, doors.NO_TERMINAL)
    yield _there("opener", found.opener, doors.NO_OPENER)
    yield _there("clipboard", found.clipboard, doors.NO_CLIPBOARD)


def _there(layer: str, what: str | None, advice: str) -> Finding:
    return Finding(layer, "ok", what) if what else Finding(layer, "note", "there is none", advice)
