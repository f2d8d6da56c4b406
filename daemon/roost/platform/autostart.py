"""What starts when the user logs in: the tray, and projects that need no desktop.

Each system has its own way, in a file of its own with the same three methods (`Mechanism`); what they read and
write is given to them, so that each is tested everywhere.  Told is what would really happen at the next login: a
file that is there but switched off, or names a program that is not, counts as what it is.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

TRAY = "roost-tray"


class Item(NamedTuple):
    """Something to start.  `name` is a word for files and keys; `argv` begins with an absolute path."""

    name: str
    title: str
    argv: tuple[str, ...]
    ending: tuple[str, ...] = ()
    """What ends it in order at logout, where the system asks (systemd)."""


class Registration(NamedTuple):
    """What the system has on record.  `trouble`: why it would not start all the same; "" if it would."""

    mechanism: str
    place: str
    registered: bool = False
    argv: tuple[str, ...] = ()
    trouble: str = ""
    stale: bool = False
    """The trouble is a program that has gone: to be registered anew."""

    @property
    def starts(self) -> bool:
        """Whether it would really start with the next login."""
        return self.registered and not self.trouble


class Mechanism(Protocol):
    """One way of starting things at login.  Every method raises OSError where the system refuses."""

    def status(self, item: Item) -> Registration:
        """What is on record."""

    def enable(self, item: Item) -> None:
        """Have it start, in the place of an older record; twice does no harm."""

    def disable(self, item: Item) -> None:
        """Leave nothing of it; twice does no harm."""

    def records(self) -> list[str]:
        """The names of all items of ours that are on record."""


def tray_item() -> Item:
    """The tray, of this very installation."""
    from .programs import tray_argv

    return Item(TRAY, "Roost", (*tray_argv(), "--at-login"))


def for_desktop(environ: Mapping[str, str]) -> Mechanism:
    """How what needs a desktop (the tray) starts."""
    return _mechanism(environ, needs_desktop=True)


def for_services(environ: Mapping[str, str]) -> Mechanism:
    """How what needs none starts: on Linux by systemd where it runs, else with the desktop."""
    return _mechanism(environ, needs_desktop=False)


def _mechanism(environ: Mapping[str, str], needs_desktop: bool) -> Mechanism:
    if sys.platform == "win32":
        from .autostart_windows import CurrentUser
        from .runkey import RunKey

        return RunKey(CurrentUser())
    elif sys.platform == "darwin":  # noqa: RET505  mypy judges the branches of an if by system
        from .launchagent import LaunchAgent, run_launchctl

        folder = os.path.join(os.path.expanduser("~"), "Library", "LaunchAgents")
        return LaunchAgent(folder, run_launchctl, os.getuid(), needs_desktop)
    else:
        if not needs_desktop and os.path.isdir("/run/systemd/system"):
            from .systemd import SystemdUser, run_systemctl

            return SystemdUser(os.path.join(config_home(environ), "systemd", "user"), run_systemctl)
        from .xdg import XdgAutostart

        return XdgAutostart.of_session(environ)


def config_home(environ: Mapping[str, str]) -> str:
    """The user's configuration folder (XDG base directory specification)."""
    chosen = environ.get("XDG_CONFIG_HOME", "")
    return chosen if os.path.isabs(chosen) else os.path.join(os.path.expanduser("~"), ".config")


def missing_program(argv: tuple[str, ...]) -> str:
    """Why this cannot be started: the path of the program, which is not there; "" if it is."""
    if not argv:
        return "its record names no program"
    return (
        "" if os.path.exists(argv[0]) else f"it would start {argv[0]}, which is not there (was Roost moved?)"
    )


def write(path: str, text: bytes) -> None:
    """Put a record there, whole; one that says the same is left alone."""
    from .files import write_atomic

    try:
        with open(path, "rb") as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomic(path, text, 0o644)


def remove(path: str) -> None:
    """Take a record away, if there is one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def named(folder: str, beginning: str, ending: str) -> list[str]:
    """The names between these two, of the files in a folder that may not be there."""
    try:
        files = os.listdir(folder)
    except FileNotFoundError:
        return []
    found = (file for file in files if file.startswith(beginning) and file.endswith(ending))
    return sorted(file[len(beginning) : len(file) - len(ending)] for file in found)
