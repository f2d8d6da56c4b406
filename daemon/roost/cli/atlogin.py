"""What starts at login, for `roost autostart`: the tray, projects that it starts, and projects without a desktop.

A project begins as it was wanted when the last session ended; one of which nothing was wanted is brought up.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..client import register
from ..platform import autostart, programs
from ..platform.autostart import Item, Registration
from ..platform.loginshell import login_environment
from ..platform.paths import ProjectPaths, project_hash
from . import bringup, checking, output, session
from .faults import Fault

_SERVICE = "roost-project-"
_LOOK = 0.1


class Line(NamedTuple):
    """One thing that might start at login.  `root`: of a project; `with_tray`: the tray is to start it."""

    name: str
    root: str | None
    registration: Registration | None
    with_tray: bool = False


def service(name: str, root: str) -> Item:
    """A project that needs no desktop."""
    command = (*programs.roost_argv(), "-C", root, "autostart")
    return Item(
        _SERVICE + project_hash(root), f"Roost: {name}", (*command, "begin"), ending=(*command, "end")
    )


def project_name(paths: ProjectPaths) -> str:
    """The project's name, from its configuration.  Raises Fault if that is invalid."""
    checking.valid(paths)
    project = checking.read(paths.config).project
    assert project is not None
    return project.name


def everything() -> Iterator[Line]:
    """The tray first; then what is on record for projects, by name."""
    yield Line("tray", None, autostart.for_desktop(os.environ).status(autostart.tray_item()))
    services = autostart.for_services(os.environ)
    unknown = {name for name in services.records() if name.startswith(_SERVICE)}
    for entry in register.read():
        item = service(entry.name, entry.root)
        unknown.discard(item.name)
        if entry.at_login:
            yield Line(entry.name, entry.root, None, with_tray=True)
        found = services.status(item)
        if found.registered:
            yield Line(entry.name, entry.root, found)
    for name in sorted(unknown):
        found = services.status(Item(name, "", ()))
        yield Line(name, None, found._replace(trouble=found.trouble or "its project is not there any more"))


def begin(paths: ProjectPaths) -> int:
    """What the login does for a project: in the environment of the user's login shell, as it was wanted."""
    environment = login_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment | {"ROOST_ENVIRONMENT": "login"})
    started = bringup.ensure(paths)
    snapshot = session.status(paths)
    if any(one["desired"] == "running" for one in snapshot["components"]):
        output.data(bringup.facts(snapshot, "is as it was" if started else "is running"))
        return 0
    return bringup.bring_up(paths, bringup.Wish(wait=False))


def end(paths: ProjectPaths) -> int:
    """What the logout does: everything stops in order, and begins again with the next login."""
    if not session.answers(paths):
        return 0
    pid = session.status(paths)["daemon"]["pid"]
    os.kill(pid, signal.SIGTERM)  # it has just answered as ours; by a signal what was wanted is kept
    while session.answers(paths):
        time.sleep(_LOOK)
    return 0


def forget_everything() -> list[str]:
    """Leave nothing of ours with the system; what was there."""
    desktop, services = autostart.for_desktop(os.environ), autostart.for_services(os.environ)
    found: list[str] = []
    if desktop.status(autostart.tray_item()).registered:
        found.append("the tray")
    desktop.disable(autostart.tray_item())
    for name in services.records():
        if name.startswith(_SERVICE):
            services.disable(Item(name, "", ()))
            found.append(name)
    for entry in register.read():
        if entry.at_login:
            register.start_at_login(entry.name, entry.root, False)
            found.append(entry.name)
    return found


def as_json(lines: list[Line]) -> dict[str, Any]:
    """The same for programs."""
    first, *projects = lines
    return {
        "tray": _registration(first.registration),
        "projects": [
            {
                "name": line.name,
                "root": line.root,
                "with_tray": line.with_tray,
                "service": _registration(line.registration),
            }
            for line in projects
        ],
    }


def _registration(found: Registration | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "registered": found.registered,
        "starts": found.starts,
        "trouble": found.trouble or None,
        "mechanism": found.mechanism,
        "place": found.place,
        "command": list(found.argv),
    }


def refuse_without_name(paths: ProjectPaths) -> None:
    """A project is registered by its root; a state folder elsewhere would be lost at login."""
    if os.environ.get("ROOST_STATE_DIR"):
        raise Fault(
            "a project with ROOST_STATE_DIR cannot start at login: the login does not know that variable",
            f"unset it, or set it in your login shell's profile and start {paths.root} from there",
        )
