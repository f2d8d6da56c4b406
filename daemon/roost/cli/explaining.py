"""`roost why` without a daemon: the chain of reasons as far as the files know it."""

from __future__ import annotations

from typing import Any

from ..platform.paths import ProjectPaths
from . import last_known, status_view

_SETTLED_WELL = ("running", "completed")


def from_files(paths: ProjectPaths, name: str) -> dict[str, Any]:
    """The shape of `component.why`.  Raises Fault (4) for a name that is not known."""
    snapshot = last_known.snapshot(paths)
    components = {one["name"]: one for one in snapshot["components"]}
    here = status_view.only(snapshot, [name])["components"][0]
    chain, seen = [], set()
    while here is not None and here["name"] not in seen:
        seen.add(here["name"])
        chain.append({"component": here["name"], "state": here["state"], "reason": here["reason"]})
        waiting = [components[target] for target in here["depends_on"] if target in components]
        here = next((one for one in waiting if one["state"] not in _SETTLED_WELL), None)
    return {"component": name, "ready": False, "chain": chain}
