"""What `why` says beyond the reason that was put down."""

from __future__ import annotations

import pytest

from roost.core.model import Spec
from roost.core.states import Component, Ended, State
from roost.core.why import explain

API = Spec(name="api")


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
        (
            Component(
                spec=API,
                state=State.FAILED,
                reason="gave up after 2 restarts within 10 min; last: exit code 1",
                history=(Ended(90.0, 2.0), Ended(95.0, 0.25)),
            ),
            "gave up after 2 restarts within 10 min; last: exit code 1; the runs before it lived 2 s, 250 ms",
        ),
        (Component(spec=API, state=State.FAILED, reason="failed: exit code 1"), "failed: exit code 1"),
        (Component(spec=API, state=State.RUNNING, reason="running", deadline=103.0), "running"),
    ],
)
def test_the_time_of_asking_is_told(component: Component, expected: str) -> None:
    """P10: how long a back-off still lasts, and what the runs were like that used the limit up."""
    assert explain(component, 100.0) == expected
