"""Moments as people and programs write them: a duration ago, RFC 3339, a time of day.  Pure: no clock.

All moments are nanoseconds since 1970 in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 1_000_000, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86_400 * _SECOND}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_AGO = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d))+")
_BARE = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")


class BadTime(ValueError):
    """A text that is no moment; the message says what would be."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no time: give a duration ago (5m, 250ms, 1h30m), "
            "an RFC 3339 time (2026-01-31T12:00:00Z), or a time of day (14:05)"
        )


def parse_moment(text: str, now_ns: int, zone: tzinfo | None = None) -> int:
    """The moment that the T of `--since` and `--until` means.

    `zone` is that of a time of day, and of a date without one; None is this machine's.  A time of day that
    has not come yet today was yesterday's.  Raises BadTime.
    """
    text = text.strip()
    if _BARE.fullmatch(text):
        return now_ns - int(float(text) * _SECOND)
    if _AGO.fullmatch(text):
        return now_ns - sum(int(float(number) * _UNITS[unit]) for number, unit in _PART.findall(text))
    try:
        if _TIME_OF_DAY.fullmatch(text):
            return _time_of_day(text, now_ns, zone)
        return to_ns(_in_zone(datetime.fromisoformat(text.upper()), zone))
    except (ValueError, OverflowError) as error:
        raise BadTime(text) from error


def to_ns(moment: datetime) -> int:
    """A moment with its zone as nanoseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def rfc3339(moment_ns: int) -> str:
    """`2026-01-31T12:00:00.123456Z`."""
    seconds, rest = divmod(moment_ns, _SECOND)
    return f"{_whole_seconds(seconds)}.{rest // 1000:06}Z"


@lru_cache(maxsize=64)  # the lines of a log share their seconds
def _whole_seconds(seconds: int) -> str:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    except OverflowError:  # only out of a damaged file
        return "9999-12-31T23:59:59"


def _time_of_day(text: str, now_ns: int, zone: tzinfo | None) -> int:
    now = datetime.fromtimestamp(now_ns / _SECOND, UTC).astimezone(zone)
    wanted = time.fromisoformat(text.zfill(5) if text.count(":") == 1 else text.zfill(8))
    moment = to_ns(_in_zone(datetime.combine(now.date(), wanted), zone))
    if moment <= now_ns:
        return moment
    return to_ns(_in_zone(datetime.combine(now.date() - timedelta(days=1), wanted), zone))


def _in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is not None:
        return moment
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
