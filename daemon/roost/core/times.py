"""Wall times as text: RFC 3339 in UTC.  Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(wall: float) -> str:
    """`2026-01-31T12:00:00.123456Z` for seconds since 1970."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def rfc3339_seconds(wall: float) -> str:
    """`2026-01-31T12:00:00Z`: where a fraction would only be noise."""
    return datetime.fromtimestamp(round(wall), UTC).isoformat().replace("+00:00", "Z")


def rfc3339_or_none(wall: float | None) -> str | None:
    """The same, None where there is no time."""
    return None if wall is None else rfc3339(wall)
