"""Worlds for tests of the tray, and a menu as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from roost.client.shapes import ComponentStatus, DaemonStatus, ProjectFacts, ProjectStatus, color_of
from roost_tray.model import Capabilities, Item, Kind, Menu
from roost_tray.world import Presence, ProjectView, World

WALL = 1_800_000_000.0
"""2027-01-15 08:00:00 UTC, when everything here is looked at."""

LINUX = Capabilities("appindicator", edit_in_place=True, mnemonic="_", tooltip_length=0)
MACOS = Capabilities("darwin", notifications=True, template_icons=True, icon_sizes=(18, 36))
WINDOWS = Capabilities("win32", notifications=True, default_action=True, mnemonic="&", tooltip_length=127)
PLATFORMS = (LINUX, MACOS, WINDOWS)


def component(name: str, **fields: Any) -> ComponentStatus:
    """A component as a daemon describes it; running and ready unless told otherwise."""
    shape = {
        "name": name,
        "kind": "process",
        "type": "service",
        "desired": "running",
        "state": "running",
        "ready": True,
        "health": "healthy",
        "reason": "running",
        "pid": 4711,
        "run": 1,
        "log": f"/home/jo/shop/.roost/logs/{name}.log",
    }
    return msgspec.convert({**shape, **fields}, ComponentStatus)


def restarting(name: str, seconds: float, **fields: Any) -> ComponentStatus:
    """One that has crashed and is started again so many seconds after WALL."""
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(WALL + seconds, UTC).isoformat()
    reason = "exit code 1; restart 3 of 10 in 4 s"
    shape = {"state": "backoff", "ready": False, "reason": reason, "next_restart_at": at, "pid": None}
    return component(name, **{**shape, **fields})


def stopped(name: str, **fields: Any) -> ComponentStatus:
    """One that a person has stopped."""
    shape = {"desired": "stopped", "state": "stopped", "ready": False, "reason": "stopped by a person"}
    return component(name, **{**shape, "pid": None, **fields})


def project(
    *components: ComponentStatus,
    name: str = "shop",
    presence: Presence = Presence.RUNNING,
    doing: str | None = None,
    stale: bool = False,
    problems: Sequence[str] = (),
) -> ProjectView:
    """A project with these components; one whose daemon never answered has none."""
    root = f"/home/jo/{name}"
    status = ProjectStatus(
        project=ProjectFacts(
            name=name, root=root, config=f"{root}/roost.yaml", config_hash=None, config_stale=stale
        ),
        daemon=DaemonStatus(running=True, pid=1, problems=list(problems)),
        color=color_of(components),
        components=list(components),
    )
    return ProjectView(root, name, presence, status if components else None, doing)


def world(*projects: ProjectView, problem: str | None = None) -> World:
    """These projects."""
    return World(projects, problem)


SHOP = project(
    component("db", kind="container", url="http://localhost:5050"),
    component(
        "migrate", type="task", state="completed", ready=False, reason="completed (exit code 0)", pid=None
    ),
    restarting("api", 4, url="http://localhost:8123"),
    component("web_ui", url="http://localhost:3000"),
    component("R&D", reason="running"),
    component("ollama", kind="external"),
    stopped("mail"),
)


def text_of(menu: Menu) -> str:
    """A menu as a person reads it: `>` opens a submenu, `-` cannot be chosen, `[x]` and `(x)` are marks."""
    return "\n".join(_lines(menu.items, "")) + "\n"


def _lines(items: Sequence[Item], indent: str) -> list[str]:
    lines = []
    for item in items:
        if item.kind is Kind.SEPARATOR:
            lines.append(f"{indent}--")
            continue
        mark = "" if item.checked is None else ("(x) " if item.radio else "[x] ") if item.checked else "[ ] "
        if item.checked is False and item.radio:
            mark = "( ) "
        sign = ">" if item.kind is Kind.SUBMENU else " " if item.enabled else "-"
        lines.append(f"{indent}{sign} {mark}{item.label}{' (default)' if item.default else ''}")
        lines += _lines(item.children, indent + "    ")
    return lines


def find(menu: Menu, *path: str) -> Item:
    """The item that one comes to by these labels; a label may be given by its beginning, with an ellipsis."""
    items: Sequence[Item] = menu.items
    found = None
    for label in path:
        start = label.removesuffix("…")
        fits = [
            item for item in items if item.label == label or (start != label and item.label.startswith(start))
        ]
        assert len(fits) == 1, f"{label!r} in {[item.label for item in items]}"
        found = fits[0]
        items = found.children
    assert found is not None
    return found
