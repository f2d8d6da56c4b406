"""`roost projects`."""

from __future__ import annotations

import os
from typing import Any

import click

from ...client import register
from ...client.errors import RoostError
from ...platform.paths import project_paths
from .. import exits, options, output, status_view
from ..render import readiness

_PATIENCE = 2.0  # seconds for one project: one that hangs must not hide the others


@click.command("projects")
@options.json_option
def command(as_json: bool) -> int:
    """List this user's projects: those that `roost up` has seen and whose folder is still there."""
    found = [_look(entry) for entry in register.read()]
    if as_json:
        output.data_json(found)
        return exits.DONE
    if not found:
        output.note("roost: no project has been brought up yet (roost demo, or roost init and roost up)")
    look = output.out_look()
    width = max((len(one["name"]) for one in found), default=0)
    for one in found:
        color = look.paint(f"{one['color']:<6}", one["color"])
        output.data(f"{one['name']:<{width}}  {color}  {one['summary']:<16}  {one['root']}\n")
    return exits.DONE


def _look(entry: register.Registered) -> dict[str, Any]:
    """One project as the contract shows it."""
    shown: dict[str, Any] = {"name": entry.name, "root": entry.root, "running": False, "color": "gray"}
    try:
        paths = project_paths(entry.root, os.environ)
        snapshot, running = status_view.snapshot_or_last_known(paths, patience=_PATIENCE)
    except RoostError as error:
        return {**shown, "running": error.kind == "timeout", "summary": error.message}
    if not running:
        return {**shown, "summary": "not running"}
    return {
        **shown,
        "name": snapshot["project"]["name"],
        "running": True,
        "color": snapshot["color"],
        "summary": readiness(snapshot["components"]),
    }
