"""Restart policy computed from history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core import backoff
from roost.core.model import Backoff, Limit, Restart
from roost.core.states import Ended


def test_the_delays_double_up_to_the_maximum() -> None:
    """S22: 1, 2, 4, 8, 16, 32, 60, 60 … seconds."""
    delays = [backoff.delay(Backoff(), nth) for nth in range(1, 10)]

    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("uptimes", "expected"),
    [
        ([], 1),
        ([0.1], 1),
        ([0.1, 0.1], 2),
        ([0.1] * 5, 5),
        ([0.1, 0.1, 11], 1),
        ([11, 0.1], 2),
        ([11, 11], 1),
    ],
)
def test_a_life_of_min_uptime_begins_a_new_row(uptimes: list[float], expected: int) -> None:
    """S17: an exit after the minimum uptime resets the back-off."""
    history = tuple(Ended(float(at), uptime) for at, uptime in enumerate(uptimes))

    assert backoff.attempt(history, 10.0) == expected


def test_no_backoff_means_at_once() -> None:
    """`initial: 0` restarts without delay, however often."""
    assert [backoff.delay(Backoff(initial=0), nth) for nth in (1, 5, 50)] == [0, 0, 0]


@given(
    st.floats(0, 100),
    st.floats(0.5, 10),
    st.floats(0, 1000),
    st.integers(1, 200),
)
def test_delays_are_bounded_and_never_shrink_for_a_factor_of_at_least_one(
    initial: float, factor: float, most: float, nth: int
) -> None:
    """A wait is never negative, never over the maximum, and with a factor ≥ 1 never shorter than the last."""
    policy = Backoff(initial=initial, factor=factor, max=most)
    this, following = backoff.delay(policy, nth), backoff.delay(policy, nth + 1)

    assert 0 <= this <= most
    if factor >= 1:
        assert following >= this


def test_the_limit_counts_in_a_window_that_slides() -> None:
    """S23: ten restarts within ten minutes are allowed; old ones leave the window one by one."""
    limit = Limit(max=10, within=600)
    history = tuple(Ended(float(at), 0.0) for at in range(0, 100, 10))

    assert backoff.exhausted(history, limit, now=100.0)
    assert not backoff.exhausted(history, limit, now=600.0)
    assert backoff.within(history, limit, now=605.0) == 9


@given(st.lists(st.floats(0, 1e5), max_size=400), st.integers(1, 50))
def test_forgetting_old_entries_never_changes_a_decision(gaps: list[float], most: int) -> None:
    """The history is cut to what any decision can need."""
    policy = Restart(limit=Limit(max=most, within=600))
    whole: tuple[Ended, ...] = ()
    kept: tuple[Ended, ...] = ()
    now = 0.0
    for gap in gaps:
        now += gap
        assert backoff.exhausted(whole, policy.limit, now) == backoff.exhausted(kept, policy.limit, now)
        whole = (*whole, Ended(now, 0.0))
        kept = backoff.remember(kept, Ended(now, 0.0), policy)
