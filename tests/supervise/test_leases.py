"""Leases: whose a component is, when a lease ends, and what stops then, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from roost.core.model import Dependency, Spec
from roost.core.states import State
from roost.edges.store import Holder, SavedLeases
from roost.supervise.leases import Leases
from roost.supervise.leasing import FIRST, GRACE, Leasing
from roost.supervise.loop import Supervisor
from roost.supervise.withdrawal import Withdrawal
from support.fake_world import FakeWorld, supervise
from support.virtual_loop import VirtualClock, run_virtual

CLIENT = Holder(pid=4711, start_time=1, boot_id="boot")


def service(name: str, *needs: str) -> Spec:
    return Spec(name=name, run=("true",), depends_on=tuple(Dependency(target=need) for need in needs))


# -- bookkeeping ----------------------------------------------------------------------------------------


def test_what_another_lease_needs_stays() -> None:
    """S87, S88: the workers of one run share a project; the last one releases, whoever came first."""
    leases = Leases()
    leases.grant("a", ["db", "api"], ["db", "api"], None, launched=False)
    leases.grant("b", ["db"], [], None, launched=False)
    leases.end("a")
    assert leases.unneeded() == ["api"]
    leases.end("b")
    assert leases.unneeded() == ["api", "db"]


def test_what_ran_before_is_nobodys_to_stop() -> None:
    """S82: it is needed by the lease and was not started for it."""
    leases = Leases()
    leases.grant("a", ["db", "api"], ["api"], None, launched=False)
    leases.end("a")
    assert leases.unneeded() == ["api"]


def test_up_makes_it_a_persons_and_a_start_does_not() -> None:
    """A person who says `up` in the middle keeps the project; a test that restarts its database does not."""
    leases = Leases()
    leases.grant("a", ["db", "api"], ["db", "api"], None, launched=True)
    leases.note_start(["db"])
    leases.note_up(["api"])
    leases.end("a")
    assert leases.unneeded() == ["db"]
    assert not leases.whole_project


def test_a_stop_by_a_person_is_remembered_until_somebody_wants_it() -> None:
    """S84 rests on it; a stop in the middle of a test is forgotten with the lease."""
    leases = Leases()
    leases.note_stop(["db", "api"])
    assert leases.stopped_by_person("db")
    leases.note_start(["db"])
    assert not leases.stopped_by_person("db")
    leases.forget(["api"])
    assert not leases.stopped_by_person("api")


def test_all_of_it_outlives_the_daemon() -> None:
    """What is saved and loaded again answers every question in the same way."""
    leases = Leases()
    leases.grant("a", ["db", "api"], ["api"], CLIENT, launched=True)
    leases.complete("a")
    leases.note_stop(["web"])
    again = Leases(leases.saved())
    assert again.saved() == leases.saved()
    assert again.held["a"].holder == CLIENT and again.held["a"].granted
    assert again.whole_project and again.stopped_by_person("web") and again.started_for_leases("api")


# -- withdrawal -----------------------------------------------------------------------------------------


def test_dependents_stop_first() -> None:
    """The order is that of `down`: nobody loses what it needs while it still runs."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"), service("api", "db"), service("web", "api"))
        supervisor.start(["web"], "test")
        withdrawal = asyncio.ensure_future(Withdrawal(supervisor, ["db", "api", "web"], "done").run())
        for name in ("web", "api", "db"):
            await asyncio.sleep(1)
            assert [stopped for _, stopped, _ in world.stopped][-1] == name
            world.end(name)
        assert await withdrawal == ["db", "api", "web"]

    run_virtual(scenario())


def test_what_is_wanted_again_meanwhile_is_left_running() -> None:
    """A new wish wins: the withdrawal ends without stopping it again."""

    async def scenario() -> None:
        supervisor, world = supervise(service("db"), service("api", "db"))
        supervisor.start(["api"], "test")
        withdrawal = asyncio.ensure_future(Withdrawal(supervisor, ["db", "api"], "done").run())
        await asyncio.sleep(1)
        supervisor.start(["api"], "wanted again")
        world.end("api")
        await asyncio.sleep(1)
        assert await withdrawal == []
        assert [one.state for one in supervisor.components.values()] == [State.RUNNING, State.RUNNING]

    run_virtual(scenario())


# -- the end of a lease ---------------------------------------------------------------------------------


class Rig:
    """Leasing on a fake world; `alive` says whether the clients live."""

    def __init__(self, kept: SavedLeases | None = None) -> None:
        self.supervisor: Supervisor
        self.world: FakeWorld
        self.supervisor, self.world = supervise(service("db"), service("api", "db"))
        self.alive = True
        self.left = 0
        self.told: list[str] = []
        self.closing: list[Callable[[], None]] = []
        self.leasing = Leasing(
            kept or SavedLeases(),
            self.supervisor,
            VirtualClock(),
            tell=lambda kind, message, *, data=None: self.told.append(message),
            mark=lambda: None,
            leave=self._leave,
            is_alive=lambda _holder: self.alive,
        )

    def _leave(self) -> None:
        self.left += 1

    def acquire(self, name: str, holder: Holder | None = CLIENT, launched: bool = False) -> None:
        started = [one for one, it in self.supervisor.components.items() if it.state is State.STOPPED]
        self.supervisor.start(["api"], "needed by a lease")
        self.leasing.leases.grant(name, ["db", "api"], started, holder, launched)
        self.leasing.follow(name, object(), self.closing.append)

    async def stopping(self) -> None:
        """End what was asked to end, as long as something is."""
        for _ in range(4):
            await asyncio.sleep(0.01)
            for name in list(self.world.live):
                if self.supervisor.components[name].state is State.STOPPING:
                    self.world.end(name)

    @property
    def running(self) -> list[str]:
        return sorted(self.world.live)


def test_a_lease_ends_when_its_process_is_gone() -> None:
    """S88: also after kill -9; a connection that is merely lost ends nothing."""

    async def scenario() -> None:
        rig = Rig()
        rig.acquire("a")
        rig.closing[0]()
        await asyncio.sleep(100)
        assert rig.running == ["api", "db"]
        rig.alive = False
        await asyncio.sleep(1.1)
        await rig.stopping()
        assert rig.running == [] and rig.left == 0
        assert rig.told == ["a lease has ended: its client (pid 4711) is gone"]

    run_virtual(scenario())


def test_a_lost_connection_makes_us_look_at_once() -> None:
    """A killed client's components do not run on for a second: its sockets close as it dies."""

    async def scenario() -> None:
        rig = Rig()
        rig.acquire("a")
        rig.alive = False
        rig.closing[0]()
        await asyncio.sleep(0.06)
        await rig.stopping()
        assert rig.running == []

    run_virtual(scenario())


def test_a_client_that_the_system_does_not_name_has_half_a_minute() -> None:
    """From another container there is no pid: its connection stands for it, and it may come back."""

    async def scenario() -> None:
        rig = Rig()
        rig.acquire("a", holder=None)
        rig.closing[0]()
        await asyncio.sleep(GRACE - 1)
        rig.leasing.follow("a", "another connection", rig.closing.append)
        rig.closing[0]()  # the old one, once more: it is not the client's any longer
        await asyncio.sleep(GRACE + 2)
        assert rig.running == ["api", "db"]
        rig.closing[1]()
        await asyncio.sleep(GRACE + 1.1)
        await rig.stopping()
        assert rig.running == []

    run_virtual(scenario())


def test_claims_on_one_connection_are_noted_once() -> None:
    """A test run of a day claims ten thousand times; nothing may pile up."""

    async def scenario() -> None:
        rig = Rig()
        rig.acquire("a")
        for _ in range(10):
            rig.leasing.follow("a", "connection", rig.closing.append)
        assert len(rig.closing) == 2

    run_virtual(scenario())


def test_after_a_restart_of_the_daemon_a_lease_has_to_be_claimed() -> None:
    """INTERFACES.md §6: 30 s without a claim end it, and what was started for it stops."""

    async def scenario() -> None:
        before = Leases()
        before.grant("claimed", ["db"], ["db"], CLIENT, launched=False)
        before.grant("forgotten", ["db", "api"], ["api"], CLIENT, launched=False)
        rig = Rig(before.saved())
        rig.supervisor.start(["api"], "they were running")
        rig.leasing.begin()
        await asyncio.sleep(10)
        rig.leasing.follow("claimed", object(), rig.closing.append)
        await asyncio.sleep(GRACE - 9)
        await rig.stopping()
        assert rig.running == ["db"]
        assert list(rig.leasing.leases.held) == ["claimed"]

    run_virtual(scenario())


def test_what_an_ended_lease_left_behind_stops_after_a_restart_of_the_daemon() -> None:
    """The daemon was killed between the end of the lease and the end of what it had started."""

    async def scenario() -> None:
        rig = Rig(SavedLeases(started=("api", "db")))
        rig.supervisor.start(["api"], "they were running")
        rig.leasing.begin()
        await rig.stopping()
        assert rig.running == []

    run_virtual(scenario())


def test_a_daemon_that_was_started_for_a_lease_goes_with_the_last_one() -> None:
    """S83: nothing stays, and nothing goes before the last."""

    async def scenario() -> None:
        rig = Rig()
        rig.acquire("a", launched=True)
        rig.acquire("b")
        first = rig.leasing.end("a", "it was released")
        assert await first == [] and rig.left == 0
        last = rig.leasing.end("b", "it was released")
        await rig.stopping()
        assert sorted(await last) == ["api", "db"] and rig.left == 1

    run_virtual(scenario())


def test_a_daemon_leaves_when_nobody_asks_for_the_lease_that_it_was_started_for() -> None:
    """S88: its client died in between."""

    async def scenario() -> None:
        rig = Rig()
        rig.leasing.await_first()
        await asyncio.sleep(FIRST - 0.1)
        assert rig.left == 0
        await asyncio.sleep(0.2)
        assert rig.left == 1

    run_virtual(scenario())


@pytest.mark.parametrize("ask", ["acquire", "up", "start", "stop"])
def test_a_daemon_stays_once_anybody_has_asked_it_for_anything(ask: str) -> None:
    """A person who says `up` to a daemon that was started for a lease finds it there, whatever autostarts."""

    async def scenario() -> None:
        rig = Rig()
        rig.leasing.await_first()
        match ask:
            case "acquire":
                rig.acquire("a", launched=True)
            case "up":
                rig.leasing.leases.note_up([])
            case "start":
                rig.leasing.leases.note_start([])
            case "stop":
                rig.leasing.leases.note_stop([])
        await asyncio.sleep(FIRST + 1.0)
        assert rig.left == 0

    run_virtual(scenario())


def test_a_daemon_stays_for_what_a_person_wants() -> None:
    """A component that somebody started beside the lease keeps it."""

    async def scenario() -> None:
        rig = Rig()
        rig.acquire("a", launched=True)
        rig.leasing.leases.note_up(["db"])
        last = rig.leasing.end("a", "it was released")
        await rig.stopping()
        assert await last == ["api"]
        assert rig.running == ["db"] and rig.left == 0

    run_virtual(scenario())
