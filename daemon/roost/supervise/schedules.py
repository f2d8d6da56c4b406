"""Scheduled tasks: plans the next run, and says when its time has come.

One timer for each task that has a schedule and is wanted.  It looks at the wall clock at least twice a minute:
a machine that slept has a monotonic clock that slept along, and people set clocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from ..core import schedule as times
from ..core.model import Schedule
from ..core.states import Component, Desired, Due, Planned
from ..core.times import rfc3339_seconds
from ..edges import cron
from ..edges.clock import Clock
from .loop import Supervisor

LONGEST_SLEEP = 30.0

NextRun = Callable[[Schedule, float | None, float], float | None]


class _Plan(Struct):
    """One task's schedule, its timer, and what the clocks said when it was set."""

    schedule: Schedule
    timer: asyncio.TimerHandle | None = None
    now: float = 0.0
    wall: float = 0.0


class Schedules:
    """Applies Planned and Due to the scheduled components of a supervisor."""

    def __init__(self, supervisor: Supervisor, clock: Clock, next_run: NextRun = cron.next_run) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._next_run = next_run
        self._plans: dict[str, _Plan] = {}
        supervisor.watch(self._changed)
        self._changed(frozenset(supervisor.components))

    def close(self) -> None:
        """No more runs."""
        self._supervisor.unwatch(self._changed)
        for name in list(self._plans):
            self._forget(name)

    def _changed(self, names: frozenset[str]) -> None:
        for name in names:
            component = self._supervisor.components.get(name)
            schedule = component.spec.schedule if component is not None else None
            if component is None or schedule is None or component.desired is Desired.STOPPED:
                self._forget(name)
            else:
                self._keep(component, schedule)

    def _keep(self, component: Component, schedule: Schedule) -> None:
        plan = self._plans.get(component.name)
        if plan is not None and plan.schedule == schedule and component.next_run is not None:
            return
        other = plan is not None and plan.schedule != schedule
        self._forget(component.name)
        self._plans[component.name] = _Plan(schedule)
        if component.next_run is None or other:
            self._plan(component.name, None)
        self._sleep(component.name)

    def _forget(self, name: str) -> None:
        plan = self._plans.pop(name, None)
        if plan is not None and plan.timer is not None:
            plan.timer.cancel()

    def _plan(self, name: str, previous: float | None) -> None:
        wall = self._next_run(self._plans[name].schedule, previous, self._clock.wall())
        if wall is not None:
            self._supervisor.apply(name, Planned(wall))

    def _sleep(self, name: str) -> None:
        plan = self._plans.get(name)
        planned = self._supervisor.components[name].next_run
        if plan is None or planned is None:
            return  # a date that never comes (30 February): nothing to wait for
        plan.now, plan.wall = self._clock.now(), self._clock.wall()
        wait = min(max(0.0, planned - plan.wall), LONGEST_SLEEP)
        plan.timer = asyncio.get_running_loop().call_later(wait, self._wake, name)

    def _wake(self, name: str) -> None:
        plan, component = self._plans[name], self._supervisor.components.get(name)
        if component is None or component.next_run is None:
            return
        wall, planned = self._clock.wall(), component.next_run
        if times.was_set_back(wall, plan.wall + self._clock.now() - plan.now):
            self._plan(name, None)
        elif wall >= planned:
            self._plan(name, planned)
            self._supervisor.apply(name, Due(reason=_reason(planned, wall)))
        self._sleep(name)


def _reason(planned: float, wall: float) -> str:
    if times.missed(planned, wall):
        return f"its scheduled run of {rfc3339_seconds(planned)} was missed; it runs once now"
    return "its scheduled time has come"
