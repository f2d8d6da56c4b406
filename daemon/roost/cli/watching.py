"""`roost status --watch`: redrawn when something changes, never by polling."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..platform.paths import ProjectPaths
from . import following, output, status_view
from .render import status_text

_HOME_AND_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


def watch(paths: ProjectPaths, names: Sequence[str], *, as_json: bool, verbose: bool) -> int:
    """Show the status at each change until Ctrl-C; raises Fault when the daemon has ended for good."""
    output.leave_with_reader()
    snapshot: dict[str, Any] = {}
    for method, payload in following.follow(paths, "status.stream", dict):
        snapshot = dict(payload) if method == "status.snapshot" else merged(snapshot, payload)
        snapshot.pop("subscription", None)
        chosen = status_view.only(snapshot, names) if names else snapshot
        if as_json:
            output.json_line(chosen)
        else:
            _draw(chosen, verbose)
        output.flush()
    return 0


def merged(snapshot: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot with what a `status.changed` notification brings."""
    removed = set(changed.get("removed") or [])
    components = {one["name"]: one for one in snapshot["components"] if one["name"] not in removed}
    components.update((one["name"], one) for one in changed["components"])
    facts = {key: changed[key] for key in ("color", "daemon", "project") if key in changed}
    return {**snapshot, **facts, "components": list(components.values())}


def _draw(snapshot: Mapping[str, Any], verbose: bool) -> None:
    look = output.out_look()
    text = status_text(snapshot, look, time.time(), verbose)
    output.data((_HOME_AND_CLEAR if look.terminal else "") + text + ("" if look.terminal else "\n"))
