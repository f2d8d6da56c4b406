"""Chains: a task with `rerun` runs again each time that what it depends on has completed again.

Whether it has to is `gate.rerun_by`'s answer, from what is, not from what was heard; so nothing is lost when
the daemon is replaced in between.  This only gives it a moment for bursts to pass.
"""

from __future__ import annotations

from ..core import gate
from ..core.model import Project
from ..core.states import RestartWanted
from ..edges.clock import Clock
from .loop import Supervisor
from .triggers import TellLimit, Triggers

DEBOUNCE = 0.3
"""Seconds."""


class Reruns:
    """Watches a supervisor and sets off the next link of each chain."""

    def __init__(self, supervisor: Supervisor, clock: Clock, tell: TellLimit) -> None:
        self._supervisor = supervisor
        self._triggers = Triggers(clock, self._fire, tell, "chains")
        self._chained: tuple[Project, dict[str, set[str]]] | None = None
        supervisor.watch(self._changed)
        self._changed(frozenset(supervisor.components))

    def _changed(self, names: frozenset[str]) -> None:
        for name in names - self._supervisor.components.keys():
            self._triggers.forget(name)
        chained = self._chains()
        for link in {link for name in names for link in chained.get(name, ())}:
            self._judge(link)

    def _judge(self, name: str) -> None:
        cause = self._cause(name)
        if cause is None:
            self._triggers.cancel(name)
        elif not self._triggers.pulled(name):
            self._triggers.pull(name, f"{cause} has completed again", DEBOUNCE)

    def _fire(self, name: str, reason: str) -> None:
        if self._cause(name) is not None:
            self._supervisor.apply(name, RestartWanted(reason=reason, anew=False))

    def _cause(self, name: str) -> str | None:
        component = self._supervisor.components.get(name)
        return None if component is None else gate.rerun_by(component, self._supervisor.components)

    def _chains(self) -> dict[str, set[str]]:
        """By name, which tasks to look at when it has changed: itself and those that follow it."""
        project = self._supervisor.project
        if self._chained is None or self._chained[0] is not project:
            links: dict[str, set[str]] = {}
            for name, spec in project.components.items():
                for edge in spec.depends_on:
                    if edge.rerun:
                        links.setdefault(edge.target, set()).add(name)
                        links.setdefault(name, set()).add(name)
            self._chained = (project, links)
        return self._chained[1]
