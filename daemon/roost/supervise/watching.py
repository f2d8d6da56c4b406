"""`watch`: restarts components whose files have changed; debounced, and never in a storm.

A change is a person's doing, so it also brings back what had failed or completed; it counts for nothing in
the restart limit and forgives nothing of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Struct

from ..core import watching
from ..core.model import Watch
from ..core.states import Component, Desired, RestartWanted
from ..edges.clock import Clock
from ..edges.filewatch import STEP, FileWatch, Report, Trouble
from .loop import Supervisor
from .triggers import TellLimit, Triggers


class Watcher(Protocol):
    """A watching that is under way."""

    def stop(self) -> None: ...


Begin = Callable[[Iterable[str], Report, Trouble], Watcher]


class _Watched(Struct):
    """One component's watching, and the paths that have changed since its last restart, and in which run."""

    watch: Watch
    roots: tuple[str, ...]
    watcher: Watcher | None = None
    changed: set[str] = set()
    run: int = 0


class Watching:
    """Keeps exactly the wanted files watched."""

    def __init__(
        self,
        supervisor: Supervisor,
        clock: Clock,
        tell_limit: TellLimit,
        tell_trouble: TellLimit,
        state: str,
        begin: Begin = FileWatch,
    ) -> None:
        self._supervisor = supervisor
        self._tell_trouble = tell_trouble
        self._state = _slashed(state)
        self._begin = begin
        self._triggers = Triggers(clock, self._fire, tell_limit, "changed files")
        self._watched: dict[str, _Watched] = {}
        supervisor.watch(self._changed)
        self._changed(frozenset(supervisor.components))

    def close(self) -> None:
        """Watch nothing more."""
        self._supervisor.unwatch(self._changed)
        for name in list(self._watched):
            self._forget(name)

    def _changed(self, names: frozenset[str]) -> None:
        for name in names:
            component = self._supervisor.components.get(name)
            watch = component.spec.watch if component is not None else None
            if component is None:
                self._forget(name)
                self._triggers.forget(name)
            elif watch is None or component.desired is Desired.STOPPED:
                self._forget(name)
            elif name not in self._watched or self._watched[name].watch != watch:
                self._forget(name)
                self._look_after(component, watch)

    def _look_after(self, component: Component, watch: Watch) -> None:
        name, project = component.name, self._supervisor.project.root
        paths = [os.path.normpath(os.path.join(project, path)) for path in watch.paths]
        watched = self._watched[name] = _Watched(watch, tuple(_slashed(path) for path in paths))
        watched.watcher = self._begin(
            paths,
            lambda changed: self._note(name, watched, changed),
            lambda why: self._tell_trouble(name, f"its files cannot be watched: {why}"),
        )

    def _forget(self, name: str) -> None:
        watched = self._watched.pop(name, None)
        if watched is not None and watched.watcher is not None:
            watched.watcher.stop()
            self._triggers.cancel(name)

    def _note(self, name: str, watched: _Watched, changed: Iterable[str]) -> None:
        project = _slashed(self._supervisor.project.root)
        counted = watching.relevant(changed, watched.roots, watched.watch.ignore, project, self._state)
        component = self._supervisor.components.get(name)
        if not counted or self._watched.get(name) is not watched or component is None:
            return
        watched.run = component.run
        watched.changed.update(counted)
        reason = watching.sentence(sorted(watched.changed), project)
        self._triggers.pull(name, reason, max(0.0, watched.watch.debounce - STEP))

    def _fire(self, name: str, reason: str) -> None:
        watched, component = self._watched.get(name), self._supervisor.components.get(name)
        if watched is None or component is None or component.desired is not Desired.RUNNING:
            return
        watched.changed.clear()
        if component.run == watched.run:  # a later run began with the files as they are
            self._supervisor.apply(name, RestartWanted(reason=reason, anew=False))


def _slashed(path: str) -> str:
    return path.replace(os.sep, "/")
