"""Random lives of a project: whatever happens in whatever order, these things always hold."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roost.core import gate, machine
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
from roost.core.states import (
    Component,
    Desired,
    Due,
    Event,
    Exited,
    Lost,
    Overgrown,
    Planned,
    Probed,
    RestartWanted,
    SpawnFailed,
    State,
    Unwanted,
    Wanted,
)
from roost.edges.store import restored, saved
from roost.supervise import loop
from roost.supervise.loop import Supervisor
from roost.supervise.reruns import Reruns
from support.fake_world import FakeWorld, project, supervise
from support.virtual_loop import run_virtual

LIMIT = Limit(max=3, within=60)
PROBE = Probe(handler=TcpProbe(port="1"), failure_threshold=2)
NAMES = ("db", "migrate", "api", "web", "cache", "report", "batch", "box", "crate")


def stack(variant: int = 0) -> list[Spec]:
    """Nine components with every kind of edge; `variant` changes what a reload would see."""
    restart = Restart(limit=LIMIT, backoff=Backoff(initial=1, max=8))
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
        depends_on=(Dependency(target="api", restart=True), Dependency(target="cache")),
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
        self._guard_spawns(self.world, self.supervisor)
        self.reruns = Reruns(self.supervisor, self.world.clock, lambda _name, _why: None)

    def _guard_spawns(self, world: FakeWorld, supervisor: Supervisor) -> None:
        spawn = world.spawn

        def guarded(component: object) -> None:
            name = component.name  # type: ignore[attr-defined]
            one = supervisor.components[name]
            assert gate.unmet(one.spec, supervisor.components) is None, f"{name} starts before its conditions"
            spawn(one)

        world.spawn = guarded  # type: ignore[method-assign]

    def die_and_come_back(self) -> None:
        """The daemon is killed and the next one takes up what was saved and what the keeper knows."""
        kept = {name: saved(one) for name, one in self.supervisor.components.items()}
        specs = {name: one.spec for name, one in self.supervisor.components.items()}
        old_world, loop = self.world, asyncio.get_running_loop()
        old_world.apply = lambda _name, _event: None
        self.supervisor, self.world = supervise(*specs.values())
        self.world.hold, self.world.live = old_world.hold, dict(old_world.live)
        self.world.broken = old_world.broken
        self.world.spawned, self.world.told = old_world.spawned, old_world.told
        self.world.containers, self.world.unplugged = old_world.containers, old_world.unplugged
        self.world.unseen = old_world.unseen
        self._guard_spawns(self.world, self.supervisor)
        components: dict[str, Component] = {}
        told: list[tuple[str, Event]] = []
        for name, spec in specs.items():
            if spec.kind is Kind.CONTAINER:
                components[name] = restored(spec, kept[name])
                continue
            live = None
            if name in self.world.live:
                live = Live(run=self.world.live[name], pid=1, started=loop.time(), wall=0.0)
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

    def be_well(self) -> None:
        """The keeper answers, every probe passes, and every task ends as it should."""
        self.world.hold = False
        self.world.broken.clear()
        for name, one in list(self.supervisor.components.items()):
            if name in self.world.live:
                self.world.answer(name)
                for kind in ProbeKind:
                    _probe(self, name, kind, True)
            if name in self.world.live and one.spec.type is Type.TASK:
                self.world.end(name, code=0)


def _probe(life: Life, name: str, kind: ProbeKind, ok: bool) -> None:
    run = life.supervisor.components[name].run
    result = Result(ok=ok, message="seen")
    life.supervisor.apply(name, Probed(run=run, kind=kind, result=result))


def _overgrown(life: Life, name: str) -> Overgrown:
    return Overgrown(run=life.supervisor.components[name].run, message="too much memory")


def act(life: Life, action: str, name: str, number: int) -> None:
    """One thing that can happen."""
    known = name in life.supervisor.components
    apply = life.supervisor.apply
    acts: dict[str, Callable[[], object]] = {
        "answer": lambda: name in life.world.live and life.world.answer(name),
        "hold": lambda: setattr(life.world, "hold", not life.world.hold),
        "well": lambda: life.be_well(),
        "exit": lambda: (
            name in life.world.live and life.world.end(name, code=number % 2, uptime=number * 3.0)
        ),
        "start": lambda: known and life.supervisor.start([name], "by hand"),
        "stop": lambda: apply(name, Unwanted(reason="by hand")),
        "restart": lambda: apply(name, RestartWanted(reason="by hand")),
        "boot": lambda: apply(name, Wanted(reason="boot", anew=False)),
        "up": lambda: known and life.supervisor.start([name], "up", again=False),
        "grow": lambda: known and apply(name, _overgrown(life, name)),
        "due": lambda: apply("batch", Due(reason="due")),
        "plan": lambda: apply("batch", Planned(1000.0 + number)),
        "good": lambda: known and [_probe(life, name, kind, True) for kind in ProbeKind],
        "bad": lambda: known and [_probe(life, name, kind, False) for kind in ProbeKind],
        "break": lambda: life.world.broken.symmetric_difference_update({name}),
        "reload": lambda: life.supervisor.reload(project(*stack(number))),
        "die": life.die_and_come_back,
        "lose": life.die_before_the_keeper_heard,
        "wait": lambda: None,
        "unplug": life.unplug,
        "plug": life.plug,
    }
    acts[action]()


ACTIONS = (
    *("well", "exit", "exit", "good", "bad", "bad", "answer", "wait", "start", "stop", "restart"),
    *("boot", "break", "reload", "die", "hold", "up", "due", "due", "plan", "grow", "lose", "unplug", "plug"),
)
steps = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from(NAMES), st.integers(0, 12)), min_size=15, max_size=120
)


def check(life: Life) -> None:
    """What must be true after whatever happened."""
    for name, one in life.supervisor.components.items():
        assert one.reason, f"{name} does not say why"
        if name in life.world.live:
            assert one.alive, f"{name} runs, and is believed to be {one.state}"
            assert life.world.live[name] == one.run
        if one.alive and name not in life.world.live:
            raise AssertionError(f"{name} is believed to be {one.state}, and does not run")
        if one.state is State.BACKOFF:
            assert one.deadline is not None
        else:
            assert one.deadline is None
        if one.watched_only:
            assert one.state in (State.STOPPED, State.WAITING, State.RUNNING)
            assert (one.state is State.STOPPED) == (one.desired is Desired.STOPPED)
        elif one.state is State.WAITING:
            assert one.desired is Desired.RUNNING
            unplugged = life.world.obstacle(one) is not None
            held = gate.unmet(one.spec, life.supervisor.components) is not None
            assert held or unplugged, f"{name} waits for nothing"
        if one.ready:
            assert one.state is State.RUNNING
        assert gate.outdated_by(one, life.supervisor.components) is None, f"{name} should have restarted"


def check_limit(life: Life) -> None:
    """No window of the policy holds more restarts by policy than it allows, between two wishes of a person."""
    for one in life.supervisor.components.values():
        times = [ended.at for ended in one.history]
        for first in times:
            assert sum(1 for at in times if 0 <= at - first < LIMIT.within) <= LIMIT.max


class Watched:
    """Notes every transition that the machine makes."""

    seen: ClassVar[set[tuple[State, str, State]]] = set()

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loop, "step", self.step)

    def step(self, component: Component, event: Event, now: float) -> machine.Step:
        after, effects = machine.step(component, event, now)
        if after.state is not component.state:
            self.seen.add((component.state, type(event).__name__, after.state))
        return after, effects


def test_only_listed_transitions_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    """S74: in long random lives no transition is seen that the table does not list, and most of those are."""
    watched = Watched(monkeypatch)
    for seed in range(60):
        dice = random.Random(seed)
        life = [(dice.choice(ACTIONS), dice.choice(NAMES), dice.randrange(13)) for _ in range(150)]
        run_virtual(live(life))

    assert watched.seen <= machine.EDGES
    assert len(watched.seen) > len(machine.EDGES) * 0.75, "the lives are too short to say anything"


@settings(max_examples=300, deadline=None)
@given(steps)
def test_whatever_happens_the_invariants_hold(actions: list[tuple[str, str, int]]) -> None:
    """P8: one live run each, a reason for everything, a deadline or gate for what is wanted, limits kept."""
    run_virtual(live(actions))


async def live(actions: list[tuple[str, str, int]]) -> None:
    """One life, looked at after each thing that happens."""
    life = Life()
    life.supervisor.start(NAMES[:6], "up")
    for action, name, number in actions:
        act(life, action, name, number)
        check(life)
        check_limit(life)
        await asyncio.sleep(number * 0.5)
        check(life)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_a_person_can_always_start_and_stop_everything(actions: list[tuple[str, str, int]]) -> None:
    """INTERFACES §4: every `failed` is cleared by a person's start; `stop` is valid in every state."""

    async def scenario() -> None:
        life = Life()
        for action, name, number in actions:
            act(life, action, name, number)
            await asyncio.sleep(number * 0.5)
        life.world.broken.clear()
        life.world.hold = False
        life.plug()
        for name in list(life.world.live):
            life.world.answer(name)
        names = list(life.supervisor.components)
        life.supervisor.start(names, "by hand")
        assert all(one.state is not State.FAILED for one in life.supervisor.components.values())
        life.supervisor.stop(names, "by hand")
        for name in list(life.world.live):
            life.world.answer(name)
            life.world.end(name)
        assert {one.state for one in life.supervisor.components.values()} == {State.STOPPED}
        assert life.world.live == {}

    run_virtual(scenario())
