"""When a scheduled task runs next, as far as no calendar is needed.  Pure: wall times in, wall times out.

A schedule lives on the wall clock, since that is what people mean by it.  Times that have passed unseen (the
machine slept, the daemon was away) come to one run, not to one each; a clock that was set back makes a new
plan, so that nothing waits for a time that is far away again.
"""

from __future__ import annotations

_SET_BACK = 60.0
"""So many seconds behind what was to be expected, and somebody has set the clock back."""

_LATE = 60.0
"""So many seconds after its time, and the run was missed and not only a little late."""


def next_of_interval(every: float, previous: float | None, wall: float) -> float:
    """From one start to the next: in step with the last planned start, unless that would be in the past."""
    if previous is not None and previous <= wall < previous + every:
        return previous + every
    return wall + every


def was_set_back(wall: float, expected: float) -> bool:
    """Whether the wall clock is behind where the monotonic one says that it should be."""
    return wall < expected - _SET_BACK


def missed(planned: float, wall: float) -> bool:
    """Whether the planned time went by unseen."""
    return wall - planned > _LATE
