"""Random lives of a whole project: whatever happens in whatever order, these things always hold.

A hypothesis state machine: its rules are what can happen (people, exits, probes, time, the keeper, the engine,
the configuration, deaths of the daemon), its invariants what must be true after each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from roost.core import gate, machine
from roost.core.model import ProbeKind
from roost.core.states import (
    Component,
    Desired,
    Due,
    Elapsed,
    Event,
    Exited,
    Found,
    Held,
    Lost,
    Noted,
    Overgrown,
    Planned,
    RestartWanted,
    Spawned,
    SpawnFailed,
    State,
    Unwanted,
    Wanted,
)
from roost.supervise import loop
from support.fake_world import project
from support.lives import AT_FIRST, BACKOFF, LIMIT, NAMES, Life, stack
from support.virtual_loop import VirtualLoop

names = st.sampled_from(NAMES)
some = st.lists(names, min_size=1, max_size=3, unique=True)
pauses = st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0, 10.0, 61.0])
_ROUNDING = 1e-6


class Lives(RuleBasedStateMachine):
    """One project, from its first `up` to its last `down`."""

    seen: ClassVar[set[tuple[State, str, State]]] = set()
    """Every transition that was made in any life."""
    present: ClassVar[Lives]

    def __init__(self) -> None:
        super().__init__()
        Lives.present = self
        self.faults: list[BaseException] = []
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(lambda _loop, what: self.faults.append(what["exception"]))
        self.loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        self.life = Life()
        self.life.supervisor.start(AT_FIRST, "up")

    @property
    def components(self) -> dict[str, Component]:
        return self.life.supervisor.components

    def apply(self, name: str, event: Event) -> None:
        self.do(lambda: self.life.supervisor.apply(name, event))

    def do(self, act: Callable[[], object]) -> None:
        """Do it inside the loop, and let what follows at once be done."""

        async def inside() -> None:
            act()

        self.loop.run_until_complete(inside())

    @classmethod
    def step(cls, component: Component, event: Event, now: float) -> machine.Step:
        """The machine's own step, looked at."""
        after, effects = machine.step(component, event, now)
        self = cls.present
        if isinstance(event, Wanted | RestartWanted) and event.anew:
            self.life.forgive(component.name)
        if after.state is not component.state:
            cls.seen.add((component.state, type(event).__name__, after.state))
            if isinstance(event, Elapsed):
                assert component.deadline is not None and now >= component.deadline - _ROUNDING
        if after.state is State.BACKOFF and component.state is not State.BACKOFF:
            assert after.deadline is not None
            assert BACKOFF.initial - _ROUNDING <= after.deadline - now <= BACKOFF.max + _ROUNDING
        return after, effects

    # -- people ------------------------------------------------------------------------------------------

    @rule(chosen=some)
    def start(self, chosen: list[str]) -> None:
        """INTERFACES §4: a person's start clears every `failed`, whatever follows."""
        known = [name for name in chosen if name in self.components]
        self.do(lambda: self.life.supervisor.start(known, "by hand"))
        for name in known:
            broken = name in self.life.world.broken
            assert self.components[name].state not in (State.FAILED, State.STOPPED) or broken

    @rule(chosen=some, boot=st.booleans())
    def up(self, chosen: list[str], boot: bool) -> None:
        known = [name for name in chosen if name in self.components]
        if boot:
            self.apply(chosen[0], Wanted(reason="boot", anew=False))
        else:
            self.do(lambda: self.life.supervisor.start(known, "up", again=False))

    @rule(name=names)
    def stop(self, name: str) -> None:
        """INTERFACES §5: valid in every state; a planned restart is off."""
        self.apply(name, Unwanted(reason="by hand"))
        if name in self.components:
            assert self.components[name].desired is Desired.STOPPED

    @rule(name=names, anew=st.booleans())
    def restart(self, name: str, anew: bool) -> None:
        self.apply(name, RestartWanted(reason="by hand", anew=anew))

    @rule(data=st.data(), ending=st.integers(0, 3), seconds=pauses)
    def down_and_up(self, data: st.DataObject, ending: int, seconds: float) -> None:
        """S25: from the first word of a shutdown on nothing starts, whatever ends before its turn."""
        for name in list(self.components):
            self.apply(name, Unwanted(reason="down", later=True))
        spawned = len(self.life.world.spawned)
        for _ in range(ending):
            if self.life.world.live:
                self.exit(data, 1, 0.5)
        self.wait(seconds)
        for name in reversed(list(self.components)):
            self.apply(name, Unwanted(reason="down"))
        assert self.life.world.spawned[spawned:] == []
        self.do(lambda: self.life.supervisor.start(AT_FIRST[:3], "up", again=False))

    @rule(variant=st.integers(0, 12))
    def reload(self, variant: int) -> None:
        """Components come, go, change, become external, and depend on others than before."""
        before = {name: one.spec.kind for name, one in self.components.items()}
        self.do(lambda: self.life.supervisor.reload(project(*stack(variant))))
        for name, kind in before.items():
            if name not in self.components or self.components[name].spec.kind is not kind:
                self.life.forgive(name)

    # -- what runs ---------------------------------------------------------------------------------------

    def _live(self) -> list[str]:
        return sorted(self.life.world.live)

    @precondition(lambda self: self.life.world.live)
    @rule(data=st.data(), code=st.sampled_from([0, 1]), uptime=st.sampled_from([0.0, 0.5, 11.0]))
    def exits(self, data: st.DataObject, code: int, uptime: float) -> None:
        self.exit(data, code, uptime)

    def exit(self, data: st.DataObject, code: int, uptime: float) -> None:
        name = data.draw(st.sampled_from(self._live()))
        self.do(lambda: self.life.world.end(name, code=code, uptime=uptime))

    @rule(name=names, lives=st.integers(2, 6), impatient=st.booleans())
    def crash_again_and_again(self, name: str, lives: int, impatient: bool) -> None:
        """As soon as it runs, it crashes; who is impatient starts it by hand during every second back-off."""
        for life in range(lives):
            if name in self.life.world.live:
                self.do(lambda: self.life.world.end(name, code=1))
            if impatient and life % 2 == 0 and name in self.components:
                self.apply(name, RestartWanted(reason="by hand"))
            self.wait(0.6 if impatient else BACKOFF.max)

    @precondition(lambda self: self.life.world.live)
    @rule(
        data=st.data(),
        kinds=st.lists(st.sampled_from(ProbeKind), min_size=1, max_size=3, unique=True),
        results=st.lists(st.booleans(), min_size=1, max_size=3),
    )
    def probe(self, data: st.DataObject, kinds: list[ProbeKind], results: list[bool]) -> None:
        name = data.draw(st.sampled_from([*self._live(), "cache"]))
        for ok in results:
            self.do(lambda ok=ok: self.life.probe(name, ok, *kinds))

    @rule()
    def be_well(self) -> None:
        """The keeper answers, every probe passes, and every task ends as it should."""
        self.do(self.life.be_well)

    @rule(name=names, data=st.data())
    def outgrow_or_note(self, name: str, data: st.DataObject) -> None:
        if name in self.components:
            run = self.components[name].run
            said = [
                Overgrown(run=run, message="too much"),
                Noted(run=run, text="loading"),
                Noted(run=run, text=""),
            ]
            self.apply(name, data.draw(st.sampled_from(said)))

    # -- time --------------------------------------------------------------------------------------------

    @rule(seconds=pauses)
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(event=st.sampled_from([Due(reason="due"), Planned(1000.0), Planned(2000.0)]))
    def schedule(self, event: Event) -> None:
        self.apply("batch", event)

    # -- the keeper, the engine, the daemon --------------------------------------------------------------

    @rule()
    def keeper_hesitates(self) -> None:
        self.life.world.hold = not self.life.world.hold

    @precondition(lambda self: self.life.world.live)
    @rule(data=st.data())
    def keeper_answers(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._live()))
        self.do(lambda: self.life.world.answer(name))

    @rule(name=names, wishes=st.lists(st.booleans(), max_size=3), born=st.booleans())
    def minds_are_changed_before_the_keeper_answers(self, name: str, wishes: list[bool], born: bool) -> None:
        world = self.life.world
        before, world.hold = world.hold, True
        for wanted in (True, False, *wishes):
            self.apply(name, Wanted(reason="by hand") if wanted else Unwanted(reason="by hand"))
        one = self.components.get(name)
        if one is not None and one.alive and not one.there and name in world.live:
            if born:
                self.do(lambda: world.answer(name))
            else:
                del world.live[name]
                self.apply(name, SpawnFailed(run=one.run, message="not born", wall=0.0))
        world.hold = before

    @rule(name=names)
    def program_breaks_or_is_mended(self, name: str) -> None:
        self.life.world.broken.symmetric_difference_update({name})

    @rule()
    def engine_comes_or_goes(self) -> None:
        self.do(self.life.plug if self.life.world.unplugged else self.life.unplug)

    @rule(unheard=st.booleans())
    def daemon_dies(self, unheard: bool) -> None:
        self.do(self.life.die_before_the_keeper_heard if unheard else self.life.die_and_come_back)

    @rule(name=names, data=st.data())
    def something_stale_is_heard(self, name: str, data: st.DataObject) -> None:
        """What an earlier run did, or the keeper tells again, changes nothing."""
        one = self.components.get(name)
        if one is None:
            return
        run, ended = one.run - 1, one.last_exit
        stale: list[Event] = [
            Spawned(run=run, pid=7, wall=0.0),
            SpawnFailed(run=run, message="no", wall=0.0),
            Overgrown(run=run, message="too much"),
            Lost(run=run, reason="gone"),
            Found(run=run),
            Noted(run=run, text="hello"),
            *([Exited(ended)] if ended is not None else []),
            *([Elapsed(), Held("held")] if one.settled and not one.watched_only else []),
        ]
        self.apply(name, data.draw(st.sampled_from(stale)))
        assert self.components[name] is one

    # -- what always holds -------------------------------------------------------------------------------

    @invariant()
    def nothing_is_raised_by_a_timer(self) -> None:
        """Neither by the supervisor nor by what looks over its shoulder here."""
        if self.faults:
            raise self.faults[0]

    @invariant()
    def each_says_why(self) -> None:
        """P10: every state has a reason."""
        assert [name for name, one in self.components.items() if not one.reason] == []

    @invariant()
    def belief_and_world_agree(self) -> None:
        """P8: one live run each, and that one; the world refuses a second."""
        believed = {name: one.run for name, one in self.components.items() if one.alive}
        assert believed == self.life.world.live

    @invariant()
    def what_is_wanted_and_down_has_a_deadline_or_a_gate(self) -> None:
        """P8: nothing waits for nothing."""
        for name, one in self.components.items():
            assert (one.deadline is not None) == (one.state is State.BACKOFF), name
            if one.state is State.WAITING and not one.watched_only:
                held = gate.unmet(one.spec, self.components) is not None
                assert held or self.life.world.obstacle(one) is not None, f"{name} waits for nothing"
            if one.state in (State.WAITING, State.BACKOFF):
                assert one.desired is Desired.RUNNING, name
            assert gate.outdated_by(one, self.components) is None, f"{name} should have restarted"

    @invariant()
    def what_is_only_watched_is_left_alone(self) -> None:
        """INTERFACES §4: `stopped` says that nobody asks."""
        for one in self.components.values():
            if one.watched_only:
                assert one.state in (State.STOPPED, State.WAITING, State.RUNNING)
                assert (one.state is State.STOPPED) == (one.desired is Desired.STOPPED)

    @invariant()
    def only_what_runs_is_ready(self) -> None:
        for one in self.components.values():
            assert not one.ready or (one.state is State.RUNNING and (one.there or one.watched_only)), one

    @invariant()
    def a_stop_ends_in_its_time(self) -> None:
        """P5: what is there and being stopped was asked to end, and is gone by its time-out."""
        for name, one in self.components.items():
            out_of_sight = name in self.life.world.containers and self.life.world.unplugged
            if one.state is State.STOPPING and one.there and not out_of_sight:
                assert self.life.ends_in_time(one), f"{name} is being stopped for ever"

    @invariant()
    def the_limit_holds(self) -> None:
        """S23: in every window, between two wishes of a person."""
        for name, times in self.life.restarts.items():
            for first in times:
                within = [at for at in times if 0 <= at - first < LIMIT.within]
                assert len(within) <= LIMIT.max, name

    def teardown(self) -> None:
        """INTERFACES §5: from wherever it is, a person can start everything and stop everything."""
        try:
            self.do(self._all_up_and_down)
            self.wait(LIMIT.within)
            self.nothing_is_raised_by_a_timer()
            assert {one.state for one in self.components.values()} == {State.STOPPED}
            assert self.life.world.live == {}
        finally:
            self.loop.close()

    def _all_up_and_down(self) -> None:
        world, supervisor = self.life.world, self.life.supervisor
        world.broken.clear()
        world.hold = False
        self.life.plug()
        for name in list(world.live):
            world.answer(name)
        supervisor.start(list(self.components), "by hand")
        assert all(one.state is not State.FAILED for one in self.components.values())
        supervisor.stop(list(self.components), "by hand")


@pytest.fixture(autouse=True)
def _watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(loop, "step", Lives.step)
    yield


def live(lives: int, happenings: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Lives,
        settings=settings(
            max_examples=lives,
            stateful_step_count=happenings,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_the_invariants_hold() -> None:
    """P8, S23, S74: and no transition is ever made that the table does not list; most of those are."""
    Lives.seen.clear()
    live(lives=150, happenings=60)

    assert Lives.seen <= machine.EDGES
    assert len(Lives.seen) > len(machine.EDGES) * 0.6, "the lives are too short to say anything"


@pytest.mark.slow
def test_whatever_happens_in_many_long_lives() -> None:
    """The same, for minutes."""
    live(lives=1500, happenings=200)

    assert Lives.seen <= machine.EDGES
