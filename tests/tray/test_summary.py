"""What the icon says of components and projects: INTERFACES.md §4's colors, with yellow divided in two."""

from __future__ import annotations

import dataclasses

import pytest

from roost.client.shapes import ComponentStatus
from roost_tray.model import State
from roost_tray.summary import (
    Moment,
    component_state,
    component_words,
    project_state,
    status_text,
    world_state,
)
from roost_tray.world import Presence
from tray.scenes import SHOP, WALL, component, project, restarting, stopped, world

FAILED = component("a", state="failed", ready=False, reason="exit code 1")


def probed(failures: int) -> ComponentStatus:
    """One that runs and whose readiness probe has failed so often in a row."""
    probes = {"readiness": {"ok": False, "failures": failures}}
    return component("a", ready=False, reason="not ready: readiness probe failed: refused", probes=probes)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (State.WELL, component("a")),
        (State.WELL, component("a", type="task", state="completed", ready=False)),
        (
            State.WELL,
            component("a", type="task", state="stopped", ready=False, next_run_at="2027-01-15T09:00:00Z"),
        ),
        (State.WORKING, component("a", state="starting", ready=False)),
        (State.WORKING, component("a", state="waiting", ready=False, reason="waiting for db: starting")),
        (State.WORKING, component("a", state="stopping", ready=False)),
        (State.WORKING, probed(failures=2)),
        (State.DEGRADED, probed(failures=3)),
        (State.DEGRADED, restarting("a", 4)),
        (State.DEGRADED, component("a", kind="external", state="waiting", ready=False)),
        (State.FAILED, FAILED),
        (State.FAILED, component("a", health="unhealthy")),
        (State.STOPPED, stopped("a")),
        (State.STOPPED, component("a", desired="stopped", state="failed", ready=False)),
    ],
)
def test_the_state_of_a_component(state: State, found: ComponentStatus) -> None:
    """Green is well, red failed, gray stopped; yellow is degraded after a fault, and else working."""
    assert component_state(found) is state


def test_a_project_is_as_well_as_its_worst_component() -> None:
    """What nobody wants does not count; a daemon with problems is degraded; one that is silent is no longer known."""
    assert project_state(project(component("a"), stopped("b"))) is State.WELL
    assert project_state(project(component("a"), restarting("b", 1))) is State.DEGRADED
    assert project_state(project(restarting("a", 1), FAILED)) is State.FAILED
    assert project_state(project(stopped("a"))) is State.STOPPED
    assert project_state(project(component("a"), problems=["state.json: no space left"])) is State.DEGRADED
    silent = dataclasses.replace(SHOP, presence=Presence.UNREACHABLE)
    assert project_state(silent) is State.UNREACHABLE


def test_the_icon_shows_the_worst_project() -> None:
    """A stopped project beside a running one says nothing; a silent one counts more than one that recovers."""
    idle = project(name="idle", presence=Presence.STOPPED)
    silent = project(component("x"), name="silent", presence=Presence.UNREACHABLE)
    assert world_state(world()) is State.STOPPED
    assert world_state(world(idle, project(component("a")))) is State.WELL
    assert world_state(world(SHOP, silent)) is State.UNREACHABLE
    assert world_state(world(silent, project(FAILED, name="bad"))) is State.FAILED


def test_the_status_is_copied_as_text() -> None:
    """A line for the project, one for each component, ready to be pasted into a message."""
    text = status_text(SHOP, Moment(WALL))
    assert text.splitlines()[:2] == [
        "shop (/home/jo/shop): 5 of 6 ready, api restarting in 4 s",
        "● db       running",
    ]
    assert "▲ api      restarting in 4 s (exit code 1)\n" in text


@pytest.mark.parametrize("at", [None, "", "soon"])
def test_a_time_that_is_none_is_left_out(at: str | None) -> None:
    """Another version of the daemon may say what we cannot read: the rest of the line stands."""
    api = restarting("api", 4, next_restart_at=at)
    assert component_words(api, Moment(WALL)) == "restarting (exit code 1)"
