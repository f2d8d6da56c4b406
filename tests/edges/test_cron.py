"""Cron expressions in local time, over both changes of the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from roost.core.model import Schedule
from roost.edges.cron import next_run


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's time zone is Europe/Berlin."""
    if not hasattr(time, "tzset") or not os.path.exists("/usr/share/zoneinfo/Europe/Berlin"):
        pytest.skip("the time zone cannot be set here")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def runs(cron: str, begin: str, count: int) -> list[str]:
    """The next runs after `begin`, in UTC."""
    found, wall = [], at(begin)
    for _ in range(count):
        moment = next_run(Schedule(cron=cron), None, wall)
        assert moment is not None and moment > wall
        wall = moment
        found.append(datetime.fromtimestamp(wall, UTC).strftime("%d %H:%M"))
    return found


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("cron", "begin", "expected"),
    [
        ("0 3 * * *", "2026-01-10T00:00:00+00:00", ["10 02:00", "11 02:00"]),
        ("0 3 * * *", "2026-07-10T00:00:00+00:00", ["10 01:00", "11 01:00"]),
        ("30 2 * * *", "2026-03-28T02:00:00+00:00", ["29 01:00", "30 00:30"]),
        ("30 2 * * *", "2026-10-24T12:00:00+00:00", ["25 00:30", "26 01:30"]),
        ("*/30 * * * *", "2026-10-25T00:15:00+00:00", ["25 00:30", "25 01:00", "25 01:30", "25 02:00"]),
        ("*/30 * * * *", "2026-03-29T00:15:00+00:00", ["29 00:30", "29 01:00", "29 01:30"]),
        ("0 0 * * 1", "2026-11-21T00:00:00+00:00", ["22 23:00", "29 23:00"]),
    ],
)
def test_a_cron_expression_means_local_time(cron: str, begin: str, expected: list[str]) -> None:
    """Summer and winter; what falls into a missing hour runs after it, into a doubled one once."""
    assert runs(cron, begin, len(expected)) == expected


def test_an_interval_needs_no_calendar() -> None:
    """`every: 10m`."""
    assert next_run(Schedule(every=600), None, 1000.0) == 1600.0


def test_a_leap_day_is_found() -> None:
    """A schedule may be years away."""
    moment = next_run(Schedule(cron="0 12 29 2 *"), None, at("2026-01-01T00:00:00+00:00"))
    assert moment is not None
    assert datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M") == "2028-02-29 12:00"
