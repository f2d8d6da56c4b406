"""Status snapshots for the tests of the command: complete, small, and with one thing different each."""

from __future__ import annotations

from typing import Any

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def component(name: str = "api", **different: Any) -> dict[str, Any]:
    """A running, ready component."""
    base: dict[str, Any] = {
        "name": name, "group": None, "kind": "process", "type": "service", "desired": "running",
        "state": "running", "ready": True, "health": "healthy", "reason": "ready", "status_text": None,
        "pid": 4711, "container": None, "image": None, "run": 1, "started_at": "2025-12-31T23:59:00Z",
        "uptime_s": 60.0, "restarts": 0, "last_restart_at": None, "next_restart_at": None,
        "next_run_at": None, "last_exit": None, "last_error": None, "depends_on": [], "url": None,
        "ports": [], "log": f"/shop/.roost/logs/{name}.log", "cpu_percent": None, "rss_bytes": None,
        "probes": {},
    }  # fmt: skip
    return {**base, **different}


def snapshot(*components: dict[str, Any], color: str = "green", **daemon: Any) -> dict[str, Any]:
    """A project with these components under a running daemon."""
    return {
        "project": {
            "name": "shop", "root": "/shop", "config": "/shop/roost.yaml", "config_hash": "sha256:0",
            "config_stale": False,
        },
        "daemon": {
            "running": True, "phase": "running", "pid": 99, "keeper_pid": 98, "version": "0.1.0",
            "started_at": "2025-12-31T23:58:00Z", "uptime_s": 120.0, "endpoint": "unix:/run/roost.sock",
            "reconciled_at": None, "environment": "shell", **daemon,
        },
        "color": color,
        "components": list(components),
    }  # fmt: skip
