"""Colors (INTERFACES.md §4, S27) and the shape of `status --json` (§5)."""

from __future__ import annotations

import msgspec
import pytest

from roost.core.model import Kind, Type
from roost.core.snapshot import (
    Color,
    ComponentStatus,
    DaemonStatus,
    LastExit,
    PortStatus,
    ProbeStatus,
    ProjectFacts,
    ProjectStatus,
    color_of,
    component_color,
)
from roost.core.states import Desired, Health, State


def component(
    state: State = State.RUNNING,
    ready: bool = True,
    health: Health = Health.HEALTHY,
    desired: Desired = Desired.RUNNING,
    next_run_at: str | None = None,
) -> ComponentStatus:
    return ComponentStatus(
        name="api",
        kind=Kind.PROCESS,
        type=Type.SERVICE,
        desired=desired,
        state=state,
        ready=ready,
        health=health,
        reason="",
        next_run_at=next_run_at,
    )


GREEN = component()
GRAY = component(State.STOPPED, ready=False, desired=Desired.STOPPED)
YELLOW = component(State.STARTING, ready=False)
RED = component(State.FAILED, ready=False)


@pytest.mark.parametrize(
    ("one", "color"),
    [
        (GREEN, Color.GREEN),
        (component(ready=False), Color.YELLOW),
        (component(State.WAITING, ready=False), Color.YELLOW),
        (component(State.STARTING, ready=False), Color.YELLOW),
        (component(State.BACKOFF, ready=False), Color.YELLOW),
        (component(State.STOPPING), Color.YELLOW),
        (component(State.STOPPED, ready=False), Color.YELLOW),
        (component(State.FAILED, ready=False), Color.RED),
        (component(health=Health.UNHEALTHY), Color.RED),
        (component(State.STOPPING, health=Health.UNHEALTHY), Color.RED),
        (component(State.COMPLETED, ready=False, health=Health.UNKNOWN), Color.GREEN),
        (component(State.STOPPED, ready=False, next_run_at="2030-01-01T00:00:00Z"), Color.GREEN),
        (component(State.FAILED, ready=False, desired=Desired.STOPPED), Color.GRAY),
        (component(State.STOPPING, desired=Desired.STOPPED), Color.GRAY),
        (GRAY, Color.GRAY),
    ],
)
def test_the_color_of_a_component(one: ComponentStatus, color: Color) -> None:
    """Gray if not wanted, red if failed or unhealthy, yellow if on its way, else green (S27)."""
    assert component_color(one) is color


@pytest.mark.parametrize(
    ("components", "color"),
    [
        ([], Color.GRAY),
        ([GRAY], Color.GRAY),
        ([GRAY, GREEN], Color.GREEN),
        ([GREEN, YELLOW, GREEN], Color.YELLOW),
        ([YELLOW, RED, GREEN, GRAY], Color.RED),
    ],
)
def test_the_color_of_a_project_is_that_of_its_worst_component(
    components: list[ComponentStatus], color: Color
) -> None:
    """Red before yellow before green; gray where nothing is wanted, and always without a daemon."""
    assert color_of(components) is color
    assert color_of(components, daemon_running=False) is Color.GRAY


def test_the_shape_of_the_status() -> None:
    """The keys are those of INTERFACES.md §5, at every level."""
    one = msgspec.structs.replace(
        GREEN,
        last_exit=LastExit(code=1, signal=None, at="2030-01-01T00:00:00Z", run=1),
        ports=[PortStatus(name="http", port=8123)],
        probes={"readiness": ProbeStatus(ok=True)},
    )
    status = ProjectStatus(
        project=ProjectFacts(name="shop", root="/s", config="/s/roost.yaml", config_hash=None),
        daemon=DaemonStatus(running=True),
        color=Color.GREEN,
        components=[one],
    )
    written = msgspec.to_builtins(status)
    assert list(written) == ["project", "daemon", "color", "components"]
    assert list(written["project"]) == ["name", "root", "config", "config_hash", "config_stale"]
    assert " ".join(written["daemon"]) == (
        "running phase pid keeper_pid version started_at uptime_s endpoint reconciled_at environment problems"
    )
    assert " ".join(written["components"][0]) == (
        "name group kind type desired state ready health reason status_text pid container image run "
        "started_at uptime_s restarts last_restart_at next_restart_at next_run_at last_exit last_error "
        "depends_on url ports log cpu_percent rss_bytes probes"
    )
    assert list(written["components"][0]["last_exit"]) == [
        "code",
        "signal",
        "at",
        "run",
        "known",
        "last_lines",
    ]
    assert list(written["components"][0]["ports"][0]) == ["name", "port", "target"]
    assert " ".join(written["components"][0]["probes"]["readiness"]) == (
        "ok message at latency_ms successes failures"
    )
