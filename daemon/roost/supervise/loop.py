"""The owner of all state: events go in, the machine decides, actions are carried out, watchers are told.

One object, one thread, no locks.  It does no I/O itself: what has to be done in the world goes through
`Actions`, whose failures come back as events.  Tests put a fake world and a virtual clock behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from msgspec.structs import replace

from ..core import gate, graph, health, profiles
from ..core.machine import probes_wanted, step
from ..core.model import Kind, ProbeKind, Project, Spec
from ..core.plan import Plan, plan
from ..core.restore import Live, adopt
from ..core.states import (
    Component,
    Desired,
    Effect,
    Elapsed,
    Event,
    Held,
    Opened,
    Respecified,
    RestartWanted,
    Spawn,
    State,
    Stop,
    Tell,
    Unwanted,
    Wanted,
)
from ..edges.clock import Clock


class Actions(Protocol):
    """What the supervisor can do to the world."""

    def obstacle(self, component: Component) -> str | None:
        """Why nothing like it can be started at present; `look_again` is called when that may have changed."""

    def spawn(self, component: Component) -> None:
        """Start the component's present run; answer with Spawned or SpawnFailed."""

    def stop(self, component: Component) -> None:
        """End the component's present run; its end comes as Exited."""

    def probe(self, component: Component, kinds: tuple[ProbeKind, ...]) -> None:
        """From now on exactly these probes of the component run; results come as Probed."""

    def tell(self, component: Component, what: Tell) -> None:
        """Put an event on record."""


_REMOVED = "it is no longer in the configuration"

Watcher = Callable[[frozenset[str]], None]
"""Called once after each burst of events, with the names of the components that changed or are gone."""


class Supervisor:
    """All components of one project."""

    def __init__(self, project: Project, clock: Clock, actions: Actions) -> None:
        self.project = project
        self.components: dict[str, Component] = {}
        self.profiles: frozenset[str] = frozenset()
        """Those that were chosen; the components of others do not take part."""
        self._clock = clock
        self._actions = actions
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[str, Event]] = deque()
        self._draining = False
        self._dirty: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._probing: dict[str, tuple[ProbeKind, ...]] = {}
        self._leaving: set[str] = set()
        self._watchers: list[Watcher] = []
        self._announcing = False
        self.edges: dict[str, list[str]] = {}
        self._dependents: dict[str, list[str]] = {}
        self._adopt_project(project)

    # -- events ------------------------------------------------------------------------------------------

    def apply(self, name: str, event: Event) -> None:
        """Let something have happened.  All that follows from it at once is done when this returns."""
        self._queue.append((name, event))
        if self._draining:
            return
        self._draining = True
        try:
            while self._queue:
                self._step(*self._queue.popleft())
        finally:
            self._draining = False

    def _step(self, name: str, event: Event) -> None:
        before = self.components.get(name)
        if before is None:
            return
        after, effects = step(before, event, self._clock.now())
        self.components[name] = after
        for effect in effects:
            self._perform(after, effect)
        if after is not before:
            self._follow(before, after)

    def _perform(self, component: Component, effect: Effect) -> None:
        match effect:
            case Spawn():
                self._actions.spawn(component)
            case Stop():
                self._actions.stop(component)
            case Tell():
                self._actions.tell(component, effect)

    def _follow(self, before: Component, after: Component) -> None:
        """Everything that a changed component brings with it."""
        name = after.name
        self._mark(name)
        self._arm(after)
        self._sync_probes(after)
        if after.state is State.WAITING and before.state is not State.WAITING:
            self._look(name)
        if (before.state, before.ready, before.pid, before.reason) != (
            after.state,
            after.ready,
            after.pid,
            after.reason,
        ):
            for dependent in self._dependents.get(name, ()):
                self._consider(dependent)
        if name in self._leaving and not after.alive:
            self._remove(name)

    def _consider(self, name: str) -> None:
        """Something that it depends on has changed."""
        component = self.components[name]
        if component.state is State.WAITING:
            self._look(name)
        elif (cause := gate.outdated_by(component, self.components)) is not None:
            self._queue.append((name, RestartWanted(reason=f"{cause} has restarted", anew=False)))

    def _look(self, name: str) -> None:
        """Whether a waiting component may start now; what is only watched never does."""
        component = self.components[name]
        if component.watched_only or component.there:
            return
        dependency = gate.unmet(component.spec, self.components)
        if dependency is not None:
            reason: str | None = gate.held_reason(dependency, self.components)
        else:
            reason = self._actions.obstacle(component)
        if reason is None:
            self._queue.append((name, Opened(gate.runs_met(component.spec, self.components))))
        elif reason != component.reason:
            self._queue.append((name, Held(reason)))

    def _arm(self, component: Component) -> None:
        """One timer for the deadline; none where there is no deadline."""
        timer = self._timers.pop(component.name, None)
        if timer is not None:
            timer.cancel()
        if component.deadline is None:
            return
        if component.deadline <= self._clock.now():
            self._queue.append((component.name, Elapsed()))
            return
        self._timers[component.name] = self._loop.call_later(
            component.deadline - self._clock.now(), self.apply, component.name, Elapsed()
        )

    def _sync_probes(self, component: Component) -> None:
        wanted = probes_wanted(component)
        if wanted != self._probing.get(component.name, ()):
            self._probing[component.name] = wanted
            self._actions.probe(component, wanted)

    def look_again(self) -> None:
        """What stood in the way of waiting components may be gone."""
        for name in list(self.components):
            self._look_now(name)

    def meet(self, name: str, live: Live | None) -> None:
        """This, or nothing, is what was found to run of a component: as for a new daemon, the finding is right."""
        before = self.components[name]
        after, told = adopt(before, live, self._clock.now(), self._clock.wall())
        if after is not before:
            self.components[name] = after
            self._follow(before, after)
        for event in told:
            self.apply(name, event)
        while self._queue:
            self.apply(*self._queue.popleft())

    # -- watchers ----------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` after each burst of changes."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Do not call it any more."""
        self._watchers.remove(watcher)

    def _mark(self, name: str) -> None:
        self._dirty.add(name)
        if not self._announcing:
            self._announcing = True
            self._loop.call_soon(self._announce)

    def _announce(self) -> None:
        self._announcing = False
        names, self._dirty = frozenset(self._dirty), set()
        for watcher in list(self._watchers):
            watcher(names)

    # -- wishes ------------------------------------------------------------------------------------------

    def start(self, names: Iterable[str], reason: str, anew: bool = True, again: bool = True) -> list[str]:
        """Want these components and all that they need; gives all of them, what is needed first.

        What has completed runs again, and what is scheduled runs before its time, only if it is itself among
        the `names`, and never without `again`.  What is disabled by profile is left as it is.
        """
        chosen = list(names)
        wanted = [name for name in graph.closure(self.edges, chosen) if not self.disabled(name)]
        for name in wanted:
            now = again and name in chosen
            done = self.components[name].state is State.COMPLETED and not now
            self.apply(name, Wanted(reason=reason, anew=anew and not done, now=now))
        return wanted

    def stop(self, names: Iterable[str], reason: str) -> None:
        """Do not want these components; their dependents are left as they are."""
        for name in names:
            self.apply(name, Unwanted(reason=reason))

    def restart(self, names: Iterable[str], reason: str) -> None:
        """End and start these components, and start what they need."""
        chosen = list(names)
        needed = [name for name in graph.closure(self.edges, chosen) if name not in chosen]
        self.start(needed, f"{reason} (needed)", again=False)
        for name in chosen:
            self.apply(name, RestartWanted(reason=reason))

    # -- profiles ----------------------------------------------------------------------------------------

    def disabled(self, name: str) -> bool:
        """Whether a component takes no part because none of its profiles was chosen."""
        return not profiles.takes_part(self.components[name].spec, self.profiles)

    def choose_profiles(self, chosen: Collection[str]) -> None:
        """From now on the components of these profiles take part, and those of others alone do not."""
        self.profiles = frozenset(chosen)
        self._part_by_profile()

    def _part_by_profile(self) -> None:
        """Stop what takes no part, and say why it is stopped."""
        for name, component in list(self.components.items()):
            if not component.spec.profiles:
                continue
            reason = profiles.disabled_reason(component.spec)
            if self.disabled(name):
                self.apply(name, Unwanted(reason=reason))
                if self.components[name].state is State.STOPPED:
                    self._reword(name, reason)
            elif component.reason.startswith(gate.DISABLED):
                self._reword(name, Component(spec=component.spec).reason)

    def _reword(self, name: str, reason: str) -> None:
        if self.components[name].reason != reason:
            self.components[name] = replace(self.components[name], reason=reason)
            self._mark(name)

    def dependents_alive(self, names: Iterable[str]) -> list[str]:
        """Which running components depend directly on one of these and are none of these."""
        given = set(names)
        found = {d for name in given for d in self._dependents.get(name, ()) if self.components[d].alive}
        return sorted(found - given)

    # -- configuration -----------------------------------------------------------------------------------

    def restore(self, components: Mapping[str, Component]) -> None:
        """Begin with what is known from before; deadlines and probes are taken up again.

        What runs and is not in the configuration leaves: the end of a daemon cut its removal short.
        """
        for name, component in components.items():
            self.components[name] = component
        self._leaving = components.keys() - self.project.components.keys()
        self._adopt_project(self.project)
        self._part_by_profile()
        for name in components:
            self._acquaint(name)
            self._arm(self.components[name])
            self._sync_probes(self.components[name])
            self._mark(name)
        for name in components:
            self._look_now(name)
        for name in sorted(self._leaving):
            self.apply(name, Unwanted(reason=_REMOVED))

    def _look_now(self, name: str) -> None:
        """As `_look`, from outside a burst of events."""
        if self.components[name].state is State.WAITING:
            self._look(name)
        while self._queue:
            self.apply(*self._queue.popleft())

    def reload(self, project: Project) -> Plan:
        """Move to another configuration; what is the same in both keeps running untouched (S55)."""
        changes = plan(self.project, project)
        back = [name for name in changes.added if name in self.components]  # its last run is still ending
        self._adopt_project(project)
        for name in (*changes.updated, *changes.changed, *back):
            self._replace_spec(name, project.components[name])
        self._part_by_profile()
        for name in changes.changed:
            if self.components[name].desired is Desired.RUNNING and not self.disabled(name):
                self.apply(name, RestartWanted(reason="its configuration changed"))
        for name in changes.removed:
            self._leaving.add(name)
            self.apply(name, Unwanted(reason=_REMOVED))
            if name in self.components and not self.components[name].alive:
                self._remove(name)
        starting = [name for name in changes.added if project.components[name].autostart]
        self.start(starting, "added to the configuration", anew=False, again=False)
        for name in changes.updated:
            self.apply(name, Respecified())
            self._look_now(name)
        return changes

    def _replace_spec(self, name: str, spec: Spec) -> None:
        """New rules for a component; windows of probes that stay as they were are kept."""
        old = self.components[name]
        kept = {
            kind: window
            for kind, window in old.windows.items()
            if old.spec.probes().get(kind) == spec.probes().get(kind)
        }
        if old.watched_only and spec.kind is not Kind.EXTERNAL:
            old = Component(
                spec=spec, run=old.run, desired=old.desired
            )  # what was only watched has left nothing
            kept = {}
        elif old.ready and spec.readiness is not None and ProbeKind.READINESS not in kept:
            kept[ProbeKind.READINESS] = replace(health.initial(ProbeKind.READINESS), verdict=True)
        self.components[name] = replace(old, spec=spec, windows=kept)
        self._acquaint(name)
        if old.spec.probes() != spec.probes():
            self._actions.probe(self.components[name], ())
            self._probing.pop(name, None)
            self._sync_probes(self.components[name])
        self._mark(name)

    def _acquaint(self, name: str) -> None:
        """What it follows since a reload, or a daemon that knew nothing of it, counts from its present run."""
        component = self.components[name]
        met = {**gate.runs_met(component.spec, self.components), **component.met}
        if met != component.met:
            self.components[name] = replace(component, met=met)

    def _adopt_project(self, project: Project) -> None:
        self.project = project
        self._leaving -= project.components.keys()
        for name, spec in project.components.items():
            self.components.setdefault(name, Component(spec=spec))
        specs = {**{name: one.spec for name, one in self.components.items()}, **project.components}
        self.edges = {name: [edge.target for edge in spec.depends_on] for name, spec in specs.items()}
        self._dependents = graph.reverse(self.edges)

    def _remove(self, name: str) -> None:
        """It has ended and nobody knows it any more."""
        self._leaving.discard(name)
        component = self.components.pop(name)
        for target in self.edges.pop(name, ()):
            self._dependents[target].remove(name)
        self._arm(replace(component, deadline=None))
        if self._probing.pop(name, ()):
            self._actions.probe(component, ())
        self._mark(name)
