"""Moments from text and to text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.records.times import BadTime, parse_moment, rfc3339, to_ns

NOW = to_ns(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
SECOND = 10**9
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5m", NOW - 300 * SECOND),
        ("250ms", NOW - SECOND // 4),
        ("1h", NOW - 3600 * SECOND),
        ("1.5h", NOW - 5400 * SECOND),
        ("1h30m", NOW - 5400 * SECOND),
        ("2d", NOW - 2 * 86400 * SECOND),
        ("30", NOW - 30 * SECOND),
        ("0s", NOW),
        ("2026-03-01T12:00:00Z", NOW - 1800 * SECOND),
        ("2026-03-01t12:00:00z", NOW - 1800 * SECOND),
        ("2026-03-01T14:00:00.5+02:00", NOW - 1800 * SECOND + SECOND // 2),
        ("2026-03-01T14:00:00", NOW - 1800 * SECOND),
        ("2026-03-01", NOW - int(14.5 * 3600) * SECOND),
        ("14:00", NOW - 1800 * SECOND),
        ("14:00:30", NOW - 1770 * SECOND),
        ("9:05", NOW - (5 * 3600 + 25 * 60) * SECOND),
        ("23:00", NOW - int(15.5 * 3600) * SECOND),
        ("14:30", NOW),
    ],
)
def test_a_moment_is_understood(text: str, expected: int) -> None:
    """Durations ago, RFC 3339, dates, and times of day, which are yesterday's when still to come today."""
    assert parse_moment(text, NOW, EAST) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "5x", "25:00", "12:61", "-5m", "m", "2026-13-01", "1e3", "5 m"]
)
def test_what_is_no_moment_says_what_would_be(text: str) -> None:
    """An error names the text and the three ways to write a time (S50)."""
    with pytest.raises(BadTime, match="duration ago"):
        parse_moment(text, NOW, EAST)


def test_without_a_zone_the_machine_s_own_is_meant() -> None:
    """A time without a zone is local: what `date` would show."""
    local = datetime.fromtimestamp(NOW / SECOND).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    assert parse_moment(local, NOW) == NOW
    assert parse_moment(local[11:16], NOW) == NOW


@given(st.integers(0, 4_000_000_000 * SECOND))
def test_a_written_moment_reads_back(moment: int) -> None:
    """rfc3339 keeps microseconds, in UTC, and parse_moment understands it."""
    text = rfc3339(moment)
    assert text.endswith("Z")
    assert parse_moment(text, 0) == moment // 1000 * 1000


def test_nonsense_from_a_damaged_file_is_still_a_time() -> None:
    """The largest number that an index can hold is written without an error."""
    assert rfc3339(2**64 - 1).startswith("2554-")
    assert rfc3339(2**70).startswith("9999-")
