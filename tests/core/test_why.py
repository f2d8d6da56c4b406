"""What `why` says beyond the reason that was put down."""

from __future__ import annotations

import pytest

from roost.core.model import Limit, Policy, Restart, Spec
from roost.core.snapshot import PastExit
from roost.core.states import Component, Ended, State
from roost.core.why import exits, explain

API = Spec(name="api")
CRASH = Ended(90.0, 2.0, 1, 1_767_225_600.0, code=1)
KILLED = Ended(95.0, 0.25, 2, 1_767_225_605.0, signal=9, cause="it ran out of memory")
HUNG = Ended(99.0, 31.0, 3, 1_767_225_609.0, cause="liveness probe failed: no answer from s3cret")
OLD = Ended(50.0, 0.5)


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (
            Component(
                spec=API, state=State.BACKOFF, reason="exit code 1; restart 1 of 10 in 4 s", deadline=103.0
            ),
            "exit code 1; restart 1 of 10 in 4 s; 3 s left",
        ),
        (
            Component(spec=API, state=State.BACKOFF, reason="exit code 1", deadline=99.0),
            "exit code 1; 0 s left",
        ),
        (Component(spec=API, state=State.FAILED, reason="failed: exit code 1"), "failed: exit code 1"),
        (Component(spec=API, state=State.RUNNING, reason="running", deadline=103.0), "running"),
    ],
)
def test_the_time_of_asking_is_told(component: Component, expected: str) -> None:
    """P10: how long a back-off still lasts."""
    assert explain(component, 100.0) == expected


def test_each_exit_that_used_the_limit_up_is_told() -> None:
    """P10: which run, when, how, and after how long a life; secrets are masked (P19)."""
    told = exits(State.FAILED, (CRASH, KILLED, HUNG), Restart(), lambda text: text.replace("s3cret", "***"))

    assert [one.text for one in told] == [
        "after 2 s: exit code 1",
        "after 250 ms: killed by SIGKILL: it ran out of memory",
        "after 31 s: liveness probe failed: no answer from ***",
    ]
    assert told[1] == PastExit(
        run=2,
        at="2026-01-01T00:00:05.000000Z",
        code=None,
        signal=9,
        cause="it ran out of memory",
        uptime_s=0.25,
        text="after 250 ms: killed by SIGKILL: it ran out of memory",
    )
    assert told[2].cause == "liveness probe failed: no answer from ***"


def test_what_an_older_roost_kept_is_told_as_far_as_it_goes() -> None:
    """S73: its entries have a time and an uptime alone."""
    assert [(one.run, one.at, one.text) for one in exits("failed", (OLD,), Restart())] == [
        (None, None, "after 500 ms: an end of which no more is on record")
    ]


@pytest.mark.parametrize(
    ("state", "restart", "expected"),
    [
        (State.FAILED, Restart(limit=Limit(max=2, within=60)), [2, 3]),
        (State.FAILED, Restart(limit=Limit(max=0, within=60)), []),
        (State.FAILED, Restart(policy=Policy.NEVER), []),
        (State.BACKOFF, Restart(), []),
        (State.RUNNING, Restart(), []),
    ],
)
def test_only_what_was_counted_is_told(state: State, restart: Restart, expected: list[int]) -> None:
    """S23: as many as the limit allows, of what was given up because of it."""
    assert [one.run for one in exits(state, (CRASH, KILLED, HUNG), restart)] == expected


def test_a_thousand_restarts_are_no_thousand_lines() -> None:
    """The answer stays within bounds whatever the limit is."""
    lives = tuple(Ended(float(at), 0.0, at, 0.0, code=1) for at in range(1000))
    told = exits(State.FAILED, lives, Restart(limit=Limit(max=1000, within=1e6)))

    assert (len(told), told[-1].run) == (64, 999)
