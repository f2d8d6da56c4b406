"""The limit of what files and chains may set off."""

from __future__ import annotations

from roost.core import storm
from roost.core.model import Limit

LIMIT = Limit(max=3, within=60.0)


def test_within_the_limit_there_is_no_wait() -> None:
    """Three in a minute are fine, and so is a fourth when the first has left the window."""
    assert storm.wait((), 0.0, LIMIT) == 0.0
    assert storm.wait((1.0, 2.0), 3.0, LIMIT) == 0.0
    assert storm.wait((1.0, 2.0, 3.0), 61.0, LIMIT) == 0.0


def test_past_it_the_wait_ends_when_the_window_has_room() -> None:
    """Nothing is dropped, only put off."""
    assert storm.wait((1.0, 2.0, 3.0), 4.0, LIMIT) == 57.0


def test_no_more_is_remembered_than_decides() -> None:
    """A storm costs no memory."""
    times: tuple[float, ...] = ()
    for n in range(100):
        times = storm.remember(times, float(n), LIMIT)

    assert times == (97.0, 98.0, 99.0)
