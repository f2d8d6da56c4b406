"""What the daemon does about the logs that it writes itself: those of containers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from roost.supervise.containers.opening import _Observer


def test_a_rotated_log_has_the_keeper_look_at_the_bound_on_all() -> None:
    """P14: it removes what is too much (`limits.logs`), whoever wrote it; it is asked once for each rotation."""
    heard: list[str] = []
    daemon: Any = SimpleNamespace(
        bound_logs=lambda: heard.append("bound"), growth=SimpleNamespace(grew=lambda name: heard.append(name))
    )
    observer = _Observer(daemon)
    for name, size in (("db", 100), ("web", 50), ("db", 200), ("db", 10), ("web", 60), ("db", 20)):
        observer.grew(name, size)
    assert heard == ["db", "web", "db", "bound", "db", "web", "db"]
