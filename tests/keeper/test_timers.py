"""Timers of the keeper's threads."""

from __future__ import annotations

from roost.keeper.timers import Timers


def test_timers_run_in_the_order_of_their_time() -> None:
    """The earliest first; those of the same time as they were set; none before its time."""
    timers, ran = Timers(), []
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (3.0, "d")):
        timers.at(when, lambda name=name: ran.append(name))
    timers.run_due(2.0)
    assert ran == ["a", "b", "c"]
    assert timers.delay(2.5) == 0.5


def test_a_timer_that_arms_itself_again_starves_nobody() -> None:
    """Only what was due when the turn began is run in it (D12)."""
    timers, ran = Timers(), []

    def again() -> None:
        ran.append(1)
        timers.at(0.0, again)

    timers.at(0.0, again)
    timers.run_due(1.0)
    assert ran == [1]


def test_a_cancelled_timer_is_forgotten() -> None:
    """It is not run, and nobody waits for it."""
    timers, ran = Timers(), []
    timers.at(1.0, lambda: ran.append(1)).cancel()
    timers.run_due(2.0)
    assert ran == []
    assert timers.delay(0.0) is None
