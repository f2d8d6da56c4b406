"""Which icon this session can have.  ROOST_TRAY_BACKEND names one; otherwise the best that works."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from roost.platform.system import System

from .. import icons
from ..backend import Backend, Unavailable
from .surroundings import Gi, Surroundings, look

CHOICE = "ROOST_TRAY_BACKEND"
NAMES = ("status-notifier", "gtk", "xorg", "win32", "darwin", "headless")
NO_MENU = "this panel's tray is of the older kind, and without GTK the icon is a lamp that has no menu"
_log = logging.getLogger(__name__)


def choose(environ: Mapping[str, str]) -> Backend:
    """A backend that has looked whether it can work.  Raises Unavailable with reason and hint."""
    wanted = environ.get(CHOICE, "")
    if wanted and wanted not in NAMES:
        raise Unavailable(f"there is no icon called {wanted!r}", f"{CHOICE} may be one of {', '.join(NAMES)}")
    if wanted == "headless":
        return _make(wanted, Surroundings(System.LINUX))
    found = look(environ)
    name = wanted or best(found)
    if name == "xorg" and not wanted:
        _log.warning("%s: %s", NO_MENU, gtk_hint(found))
    return _make(name, found)


def best(found: Surroundings) -> str:
    """The name of the best icon for what was found.  Pure.  Raises Unavailable."""
    match found.system:
        case System.WINDOWS:
            return "win32"
        case System.MACOS:
            return "darwin"
    if found.watcher:
        return "status-notifier"
    if found.system_tray:
        return "gtk" if found.gi is Gi.THERE else "xorg"
    if not (found.display or found.wayland):
        raise Unavailable(*_no_screen(found))
    if found.bus:
        raise Unavailable(
            "no panel of this desktop shows icons (yet)", panel_hint(found.desktop), passing=True
        )
    trouble = f" at the address given ({found.bus_trouble})" if found.bus_trouble else ""
    raise Unavailable(
        f"there is no session bus{trouble}, and the screen has no system tray",
        "log in to a desktop session, or start one with dbus-run-session "
        "(Debian, Fedora: dbus-daemon; Arch: dbus)",
    )


def _no_screen(found: Surroundings) -> tuple[str, str]:
    if found.display_trouble:
        return f"the screen cannot be opened: {found.display_trouble}", "see whether DISPLAY is right"
    return (
        "there is no screen here: neither DISPLAY nor WAYLAND_DISPLAY is set",
        "run it in a desktop session; roost status and roost projects need none",
    )


def panel_hint(desktop: str) -> str:
    """What to do where no panel shows icons."""
    if "GNOME" in desktop.upper().split(":"):
        return (
            "GNOME shows icons by an extension: install gnome-shell-extension-appindicator "
            "(so on Debian, Fedora and Arch), switch it on (gnome-extensions), log in again"
        )
    return "add the system tray (status notifier) to your panel"


def gtk_hint(found: Surroundings) -> str:
    """What to install for an icon with a menu in an older tray."""
    if found.gi is Gi.OTHER_PYTHON:
        return "the system's PyGObject is for another Python; make Roost's virtual environment with /usr/bin/python3"
    return (
        "install GTK for Python (Debian: python3-gi gir1.2-gtk-3.0; Fedora: python3-gobject gtk3; "
        "Arch: python-gobject gtk3)"
    )


def _make(name: str, found: Surroundings) -> Backend:
    """The backend of that name.  A toolkit is imported only when its icon is shown."""
    match name:
        case "headless":
            from .headless import HeadlessBackend

            return HeadlessBackend()
        case "status-notifier":
            from .status_notifier import StatusNotifierBackend

            if not found.bus:
                raise Unavailable(
                    "there is no session bus", "run it in a desktop session, or under dbus-run-session"
                )
            dark = "GNOME" in found.desktop.upper().split(":")  # its bar is dark in either style
            return StatusNotifierBackend(found.bus, icons.Theme.DARK if dark else icons.Theme.ANY)
        case "gtk":
            from .gtk import GtkBackend

            return GtkBackend()
        case "win32":
            from .win32 import Win32Backend

            return Win32Backend()
        case "darwin":
            from .darwin import DarwinBackend

            return DarwinBackend()
        case _:
            from .xorg import XorgBackend

            return XorgBackend()
