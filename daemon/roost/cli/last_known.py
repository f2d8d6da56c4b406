"""The status of a project without a daemon: every component as last known, from the files alone.

Names come from roost.yaml as it is now (where it is invalid, from state.json), states from state.json; a component
whose process still lives (its daemon has died, not it) is shown with its pid.
"""

from __future__ import annotations

from typing import Any

from ..config.project import default_name
from ..core.model import Spec
from ..core.times import rfc3339_or_none
from ..core.words import SHORT_ID
from ..platform.paths import ProjectPaths
from ..records import laststate
from ..records.events import read_events
from ..records.laststate import LastKnown
from ..records.lastwords import LastWords, last_words
from . import checking
from .remains import live_runs

_RECENT = 500  # events in which the last words of those that failed are looked for
_LIVE = ("starting", "running", "stopping", "backoff", "waiting")


def snapshot(paths: ProjectPaths) -> dict[str, Any]:
    """The shape of `project.status`, with `daemon.running` false and the color gray."""
    project = checking.as_it_is(paths)
    known = laststate.last_known(paths.state_json)
    specs = project.components if project else {}
    names = list(specs) or list(known)
    alive = live_runs(paths)
    failed = any(one.state == "failed" for one in known.values())
    words = last_words(read_events(paths.events, limit=_RECENT).events) if failed else {}
    return {
        "project": {
            "name": project.name if project else default_name(paths.root),
            "root": paths.root,
            "config": paths.config,
            "config_hash": project.config_hash if project else None,
            "config_stale": False,
        },
        "daemon": {
            "running": False, "phase": None, "pid": None, "keeper_pid": None, "version": None,
            "started_at": None, "uptime_s": None, "endpoint": paths.endpoint, "reconciled_at": None,
            "environment": None,
        },
        "color": "gray",
        "components": [
            _component(name, specs.get(name), known.get(name), alive.get(name), words.get(name), paths)
            for name in names
        ],
    }  # fmt: skip


def _component(
    name: str,
    spec: Spec | None,
    known: LastKnown | None,
    pid: int | None,
    words: LastWords | None,
    paths: ProjectPaths,
) -> dict[str, Any]:
    last = known or LastKnown(reason="never started")
    state, reason = last.state, last.reason
    if pid is not None:
        state, reason = "running", "it runs on without the daemon"
    elif last.container is not None:
        reason = "its container may run on; roost up takes it over again"
    elif state in _LIVE:
        state, reason = "stopped", f"it was {last.state} when the daemon ended"
    ended = last.exit_wall is not None
    return {
        "name": name,
        "group": spec.group if spec else None,
        "kind": spec.kind.value if spec else "process",
        "type": spec.type.value if spec else "service",
        "desired": last.desired,
        "state": state,
        "ready": False,
        "health": "unknown",
        "reason": reason,
        "status_text": None,
        "pid": pid,
        "container": last.container[:SHORT_ID] if last.container else None,
        "image": spec.container.image if spec and spec.container else None,
        "run": last.run,
        "started_at": None,
        "uptime_s": None,
        "restarts": last.restarts,
        "last_restart_at": rfc3339_or_none(last.wall_restarted),
        "next_restart_at": None,
        "next_run_at": None,
        "last_exit": {
            "code": last.exit_code, "signal": last.exit_signal, "at": rfc3339_or_none(last.exit_wall),
            "run": last.run, "known": last.exit_known,
            "last_lines": words.lines if words is not None and words.run == last.run else [],
        } if ended else None,
        "last_error": {"message": last.fault, "at": rfc3339_or_none(last.fault_wall)} if last.fault else None,
        "depends_on": [edge.target for edge in spec.depends_on] if spec else [],
        "url": None,
        "ports": [] if spec is None else [
            {"name": port.name, "port": port.port, "target": port.target} for port in spec.ports
        ],
        "log": paths.log(name),
        "cpu_percent": None,
        "rss_bytes": None,
        "probes": {},
    }  # fmt: skip
