"""What the watchdog finds when keeper and daemon do not believe the same of a run (DESIGN.md §2)."""

from __future__ import annotations

from typing import Any

import pytest

from roost.core.model import Kind, Spec
from roost.core.states import Component, State
from roost.supervise.agreement import Difference, Finding, compare


def believed(state: State, run: int = 2, pid: int | None = 7, kind: Kind = Kind.PROCESS) -> Component:
    return Component(spec=Spec(name="web", kind=kind), state=state, run=run, pid=pid)


def listed(run: int = 2, ended: bool = False, stopping: bool = False) -> dict[str, Any]:
    return {"name": "web", "run": run, "pid": 7, "ended": ended, "stopping": stopping}


D = Difference


@pytest.mark.parametrize(
    ("component", "runs", "expected"),
    [
        (believed(State.RUNNING), [listed()], []),
        (believed(State.RUNNING), [listed(run=1, ended=True), listed()], []),
        (believed(State.RUNNING), [], [D.LOST]),
        (believed(State.STOPPING), [listed(run=1, ended=True)], [D.LOST]),
        (believed(State.RUNNING), [listed(ended=True)], [D.UNTOLD]),
        (believed(State.STARTING, pid=None), [], [D.UNSTARTED]),
        (believed(State.STARTING, pid=None), [listed(run=1, ended=True)], [D.UNSTARTED]),
        (believed(State.STARTING, pid=None), [listed(ended=True)], []),
        (believed(State.STARTING, pid=None), [listed()], [D.UNHEARD]),
        (believed(State.STOPPING, pid=None), [listed()], [D.UNHEARD]),
        (believed(State.STOPPING), [listed(stopping=True)], []),
        (believed(State.STOPPING), [listed()], [D.UNSTOPPED]),
        (believed(State.BACKOFF, pid=None), [listed(ended=True)], []),
        (believed(State.BACKOFF, pid=None), [listed()], [D.STRAY]),
        (believed(State.STOPPED, pid=None), [listed(run=3)], [D.STRAY]),
        (believed(State.RUNNING, run=3), [listed(), listed(run=3)], [D.STRAY]),
        (None, [listed()], [D.STRAY]),
        (None, [listed(ended=True)], []),
        (believed(State.RUNNING, pid=None, kind=Kind.EXTERNAL), [], []),
        (believed(State.RUNNING, kind=Kind.CONTAINER), [], []),
    ],
)
def test_every_way_to_differ_is_found(
    component: Component | None, runs: list[dict[str, Any]], expected: list[Difference]
) -> None:
    """A table: what we believe, what the keeper lists, what is wrong."""
    components = {} if component is None else {"web": component}
    assert [finding.difference for finding in compare(components, runs)] == expected


def test_a_finding_says_which_run_and_which_process() -> None:
    """So that the repair touches that run alone."""
    assert compare({"web": believed(State.STARTING, pid=None)}, [listed()]) == [
        Finding(D.UNHEARD, "web", 2, 7)
    ]
    assert compare({"web": believed(State.RUNNING)}, [listed(run=1)]) == [
        Finding(D.LOST, "web", 2),
        Finding(D.STRAY, "web", 1, 7),
    ]


@pytest.mark.parametrize("difference", list(Difference))
def test_what_may_still_be_on_its_way_needs_a_second_look(difference: Difference) -> None:
    """Nobody is stopped, and nothing repeated, because of one look."""
    assert difference.at_once == (difference in (D.LOST, D.UNHEARD))
