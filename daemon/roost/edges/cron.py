"""The calendar behind `schedule`: when a cron expression holds next, in the machine's local time.

cronsim is imported by the first cron expression that there is.  Summer time as with Debian's cron: what falls
into the hour that is left out runs right after it, what falls into the hour that comes twice runs once, and
expressions that hold every hour or minute go by real time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from ..core import schedule as intervals
from ..core.model import Schedule


def next_run(schedule: Schedule, previous: float | None, wall: float) -> float | None:
    """The first time (seconds since 1970) after `wall`; None for an expression that never holds again.

    `previous` is the last planned time, from which an interval goes on.
    """
    if schedule.every is not None:
        return intervals.next_of_interval(schedule.every, previous, wall)
    if schedule.cron is None:
        return None
    from cronsim import CronSim  # only a project with a cron expression pays

    moment = next(CronSim(schedule.cron, datetime.fromtimestamp(wall, _LOCAL)), None)
    return None if moment is None else moment.timestamp()


class _Local(tzinfo):
    """The system's own time zone, whatever it is called, with its summer time."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "local"

    def fromutc(self, moment: datetime) -> datetime:
        return datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp()).replace(tzinfo=self)


_LOCAL = _Local()
