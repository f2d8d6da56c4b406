"""Whose a process is that has lost its parent (P3, P4).

The run's, if it is in its session or group; or if it was seen below the run before that ended; or if its
environment carries the run's marks.  The marks come last: a program may have written over them.
"""

from __future__ import annotations

from roost.platform import groups, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .table import Run

_MARKS = ("ROOST_INSTANCE", "ROOST_COMPONENT", "ROOST_RUN")


class Kin:
    """A set of runs, to be asked which of them a process descends from."""

    __slots__ = ("_by_marks", "_by_pid", "_families")

    def __init__(self, runs: list[Run]) -> None:
        self._by_pid = {run.pid: run for run in runs if run.pid}
        self._by_marks = {(run.instance, run.name, str(run.run)): run for run in runs}
        self._families = [run for run in runs if run.family]

    def owner(self, pid: int, facts: identity.Facts) -> Run | None:
        """The run that the process belongs to; None if it is none of these."""
        return self._by_session(facts) or self._by_family(pid, facts) or self._by_environment(pid)

    def _by_session(self, facts: identity.Facts) -> Run | None:
        run = self._by_pid.get(facts.session) or self._by_pid.get(facts.group)
        if run is None or facts.start_time < run.start_time or _recycled(run):
            return None
        return run

    def _by_family(self, pid: int, facts: identity.Facts) -> Run | None:
        for run in self._families:
            if run.family.get(pid) == facts.start_time:
                return run
        return None

    def _by_environment(self, pid: int) -> Run | None:
        values = identity.environment_values(pid, _MARKS)
        instance, name, number = (values.get(mark, "") for mark in _MARKS)
        return self._by_marks.get((instance, name, number))


def _recycled(run: Run) -> bool:
    """Whether another process has the run's pid by now: its session and group are not the run's, then (P3)."""
    now = identity.start_time(run.pid)
    return now is not None and now != run.start_time


def living(pid: int) -> identity.Facts | None:
    """The facts of a process that has not ended."""
    facts = identity.facts(pid)
    return None if facts is None or facts.zombie else facts


def with_descendants(found: dict[int, int]) -> dict[int, int]:
    """The same processes and everything below them, with start times."""
    everybody = dict(found)
    for pid in found:
        for below in groups.descendants(pid):
            facts = living(below)
            if facts is not None:
                everybody[below] = facts.start_time
    return everybody


def family_of(pid: int) -> dict[int, int]:
    """What is below a process now: pid → start time."""
    return with_descendants({pid: 0}) if pid else {}
