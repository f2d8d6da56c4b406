"""`roost why` without a daemon: the chain of reasons as far as the files know it."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.why import exits
from ..platform.paths import ProjectPaths
from ..records.laststate import last_known as states_on_record
from . import checking, last_known, status_view

_SETTLED_WELL = ("running", "completed")


def from_files(paths: ProjectPaths, name: str) -> dict[str, Any]:
    """The shape of `component.why`.  Raises Fault (4) for a name that is not known."""
    snapshot = last_known.snapshot(paths)
    components = {one["name"]: one for one in snapshot["components"]}
    past = _exits(paths)
    here = status_view.only(snapshot, [name])["components"][0]
    chain, seen = [], set()
    while here is not None and here["name"] not in seen:
        seen.add(here["name"])
        link = {"component": here["name"], "state": here["state"], "reason": here["reason"]}
        chain.append({**link, "exits": past.get(here["name"], []) if here["state"] == "failed" else []})
        waiting = [components[target] for target in here["depends_on"] if target in components]
        here = next((one for one in waiting if one["state"] not in _SETTLED_WELL), None)
    return {"component": name, "ready": False, "chain": chain}


def _exits(paths: ProjectPaths) -> dict[str, Any]:
    """What used the limit up of each that was given up."""
    project, known = checking.as_it_is(paths), states_on_record(paths.state_json)
    specs = project.components if project else {}
    return {
        name: msgspec.to_builtins(exits(one.state, one.history, specs[name].restart))
        for name, one in known.items()
        if name in specs
    }
