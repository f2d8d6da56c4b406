"""A whole project in a fake world, to which anything may happen: what the property tests let live.

`stack` has every kind of component and of edge; `Life` is its supervisor, with a keeper that does what it
promises (what is asked to stop ends within its time), an engine that may be away, and a daemon that may die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from roost.core.health import Result
from roost.core.model import (
    Backoff,
    Condition,
    ContainerKeys,
    Dependency,
    Kind,
    Limit,
    Policy,
    Probe,
    ProbeKind,
    Restart,
    Schedule,
    Spec,
    TcpProbe,
    Type,
)
from roost.core.restore import Live, adopt
from roost.core.states import Component, Desired, Event, Exited, Lost, Probed, SpawnFailed, State, Tell
from roost.edges.store import restored, saved
from roost.supervise.loop import Supervisor
from roost.supervise.reruns import Reruns
from support.fake_world import FakeWorld, supervise

BACKOFF = Backoff(initial=1, max=8)
LIMIT = Limit(max=3, within=60)
PROBE = Probe(handler=TcpProbe(port="1"), failure_threshold=2)
NAMES = ("db", "migrate", "api", "web", "cache", "report", "batch", "box", "crate")
AT_FIRST = NAMES[:6]
"""What `up` starts at the beginning of a life."""


def stack(variant: int = 0) -> list[Spec]:
    """Nine components with every kind of edge; `variant` changes what a reload would see."""
    restart = Restart(limit=LIMIT, backoff=BACKOFF)
    db = Spec(name="db", run=("db",), restart=restart, liveness=PROBE, readiness=PROBE)
    migrate = Spec(
        name="migrate",
        run=("migrate",),
        type=Type.TASK,
        restart=Restart(policy=Policy.ON_FAILURE, limit=LIMIT),
        depends_on=(Dependency(target="db"),),
    )
    api = Spec(
        name="api",
        run=("api", str(variant % 2)),
        restart=restart,
        startup=PROBE,
        depends_on=(
            Dependency(target="migrate", condition=Condition.COMPLETED),
            Dependency(target="db", condition=Condition.STARTED),
        ),
    )
    web = Spec(
        name="web",
        run=("web",),
        restart=restart,
        depends_on=(Dependency(target="api", restart=True), Dependency(target="cache"))[: 1 + variant % 2],
    )
    watched = {"kind": Kind.EXTERNAL} if variant % 4 else {"run": ("cache",), "restart": restart}
    cache = Spec(name="cache", liveness=PROBE, **watched)  # type: ignore[arg-type]
    report = Spec(
        name="report",
        run=("report",),
        type=Type.TASK,
        restart=Restart(policy=Policy.NEVER),
        depends_on=(Dependency(target="migrate", condition=Condition.COMPLETED, rerun=True),),
    )
    batch = Spec(
        name="batch",
        run=("batch",),
        type=Type.TASK,
        restart=Restart(policy=Policy.NEVER),
        schedule=Schedule(every=60),
    )
    box = Spec(
        name="box",
        kind=Kind.CONTAINER,
        restart=restart,
        startup=PROBE,
        readiness=PROBE,
        depends_on=(Dependency(target="db", condition=Condition.STARTED),),
        container=ContainerKeys(image=f"box:{variant % 2}"),
    )
    crate = Spec(
        name="crate",
        kind=Kind.CONTAINER,
        type=Type.TASK,
        restart=Restart(policy=Policy.NEVER),
        container=ContainerKeys(image="crate:1"),
    )
    specs = [db, migrate, api, web, cache, report, batch, box, crate]
    return specs if variant % 3 else [one for one in specs if one.name not in ("web", "batch")]


class Life:
    """A supervisor, its fake world, and what has been seen of them."""

    def __init__(self) -> None:
        self.supervisor, self.world = supervise(*stack(1))
        self.restarts: dict[str, list[float]] = {}
        """When each was restarted by its policy since a person last wished something of it."""
        self.ordered: dict[tuple[str, int], float] = {}
        """By when each run that was asked to end has ended."""
        self._guard(self.world, self.supervisor)
        self.reruns = Reruns(self.supervisor, self.world.clock, lambda _name, _why: None)

    def _guard(self, world: FakeWorld, supervisor: Supervisor) -> None:
        """Judge what is asked of the world, and have the keeper keep its promise about stops."""
        spawn, stop, tell = world.spawn, world.stop, world.tell

        def guarded(component: Component) -> None:
            name = component.name
            one = supervisor.components[name]
            assert one.desired is Desired.RUNNING, f"{name} is started, and not wanted"
            assert _conditions_hold(one, supervisor.components), f"{name} starts before its conditions"
            self.ordered.pop((name, one.run), None)  # what has left and come again counts its runs anew
            spawn(one)

        def ordered(component: Component) -> None:
            stop(component)
            order = (component.name, component.run)
            if order not in self.ordered:
                by = self.ordered[order] = world.clock.now() + component.spec.stop.timeout
                asyncio.get_running_loop().call_at(by, self._end_at_last, *order, by)

        def told(component: Component, what: Tell) -> None:
            tell(component, what)
            if what.kind == "restarting" and what.data.get("attempt") is not None:
                self.restarts.setdefault(what.name, []).append(world.clock.now())

        world.spawn, world.stop, world.tell = guarded, ordered, told  # type: ignore[method-assign]

    def _end_at_last(self, name: str, run: int, by: float) -> None:
        """The stop time-out is over: the keeper has killed it."""
        if self.world.live.get(name) == run and self.ordered.get((name, run)) == by:
            self.world.end(name, code=137)

    def forgive(self, name: str) -> None:
        """A person has wished something of it: its limit begins anew."""
        self.restarts.pop(name, None)

    def ends_in_time(self, one: Component) -> bool:
        """Whether what is being stopped was asked to end, and its time is not over."""
        by = self.ordered.get((one.name, one.run))
        return by is not None and self.world.clock.now() <= by

    def die_and_come_back(self) -> None:
        """The daemon is killed and the next one takes up what was saved and what the keeper knows."""
        kept = {name: saved(one) for name, one in self.supervisor.components.items()}
        specs = {name: one.spec for name, one in self.supervisor.components.items()}
        old_world, loop = self.world, asyncio.get_running_loop()
        self.supervisor.components.clear()  # its timers find nobody
        old_world.apply = lambda _name, _event: None
        self.supervisor, self.world = supervise(*specs.values())
        self.world.hold, self.world.live = old_world.hold, dict(old_world.live)
        self.world.broken = old_world.broken
        self.world.spawned, self.world.told = old_world.spawned, old_world.told
        self.world.containers, self.world.unplugged = old_world.containers, old_world.unplugged
        self.world.unseen = old_world.unseen
        self._guard(self.world, self.supervisor)
        components: dict[str, Component] = {}
        told: list[tuple[str, Event]] = []
        for name, spec in specs.items():
            if spec.kind is Kind.CONTAINER:
                components[name] = restored(spec, kept[name])
                continue
            live = None
            if name in self.world.live:
                run = self.world.live[name]
                asked = (name, run) in self.ordered
                live = Live(run=run, pid=1, started=loop.time(), wall=0.0, stopping=asked)
            components[name], events = adopt(restored(spec, kept[name]), live, loop.time(), 0.0)
            told += [(name, event) for event in events]
        self.supervisor.restore(components)
        for name, event in told:
            self.supervisor.apply(name, event)
        self.reruns = Reruns(self.supervisor, self.world.clock, lambda _name, _why: None)
        if self.world.unplugged:
            self._lose_containers()
        else:
            self._meet_containers()

    def unplug(self) -> None:
        """What containers run in is gone."""
        self.world.unplug()
        self._lose_containers()

    def plug(self) -> None:
        """It is back."""
        ended = self.world.plug()
        for name, exit in ended.items():
            self.supervisor.apply(name, Exited(exit))
        self._meet_containers()
        self.supervisor.look_again()

    def _lose_containers(self) -> None:
        for name, one in list(self.supervisor.components.items()):
            if one.spec.kind is Kind.CONTAINER and one.alive:
                if not one.there:
                    self.world.live.pop(name, None)
                if not one.there and one.state is State.STOPPING:
                    failed = SpawnFailed(run=one.run, message="never begun", wall=0.0)
                    self.supervisor.apply(name, failed)
                    continue
                self.supervisor.apply(name, Lost(run=one.run, reason="waiting for the engine"))

    def _meet_containers(self) -> None:
        for name, one in list(self.supervisor.components.items()):
            if one.spec.kind is Kind.CONTAINER and one.alive:
                run = self.world.live.get(name)
                seen = Live(run=run, container=f"{name}-{run}", started=0.0, wall=0.0) if run else None
                self.supervisor.meet(name, seen)

    def die_before_the_keeper_heard(self) -> None:
        """The same, and of one run in two that is being started the keeper was never asked."""
        unborn = [n for n, one in self.supervisor.components.items() if one.alive and not one.there]
        for name in unborn[::2]:
            del self.world.live[name]
        self.die_and_come_back()

    def probe(self, name: str, ok: bool, *kinds: ProbeKind) -> None:
        """Those of these probes, or of all, that run now, have looked."""
        for kind in kinds or ProbeKind:
            if kind in self.world.probes.get(name, ()):
                run = self.supervisor.components[name].run
                looked = Probed(run=run, kind=kind, result=Result(ok=ok, message="seen"))
                self.supervisor.apply(name, looked)

    def be_well(self) -> None:
        """The keeper answers, every probe passes, and every task ends as it should."""
        self.world.hold = False
        self.world.broken.clear()
        for name, one in list(self.supervisor.components.items()):
            if name in self.world.live:
                self.world.answer(name)
                self.probe(name, True)
            if name in self.world.live and one.spec.type is Type.TASK:
                self.world.end(name, code=0)


def _conditions_hold(one: Component, components: Mapping[str, Component]) -> bool:
    """INTERFACES §3, said once more: what is judged here shall not be its own judge."""
    others = [(edge.condition, components[edge.target]) for edge in one.spec.depends_on]
    return all(
        other.state is State.COMPLETED
        or (condition is Condition.READY and other.ready)
        or (condition is Condition.STARTED and other.state in (State.STARTING, State.RUNNING))
        for condition, other in others
    )
