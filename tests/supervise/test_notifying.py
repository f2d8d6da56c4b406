"""sd_notify from datagram to state, in virtual time, with the real probe runner."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from roost.core.health import Result
from roost.core.model import Backoff, NotifyProbe, Probe, ProbeKind, Restart, Spec
from roost.core.notify import Standing
from roost.core.states import Component, Probed, State
from roost.edges.probes.answer import Context
from roost.edges.probes.notify import NotifyWatch
from roost.edges.probes.runner import ProbeRunner
from roost.supervise.loop import Supervisor
from roost.supervise.notifying import NO_LEADER, Notifying
from support.fake_world import FakeWorld, project
from support.virtual_loop import VirtualClock, run_virtual

LISTEN = Probe(handler=NotifyProbe(), period=10.0, failure_threshold=3)
CHILD, STRANGER = 1234, 666


class ListeningWorld(FakeWorld):
    """A fake world whose probes are the real ones."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)

        def report(name: str, run: int, kind: ProbeKind, result: Result) -> None:
            self.apply(name, Probed(run=run, kind=kind, result=result))

        self.runner = ProbeRunner(clock, report)
        self.notifying: Notifying

    def probe(self, component: Component, kinds: tuple[ProbeKind, ...]) -> None:
        self.runner.stop(component.name, [kind for kind in ProbeKind if kind not in kinds])
        probes = {kind: component.spec.probes()[kind] for kind in kinds}
        standing = lambda: self.notifying.standing(component.name)  # noqa: E731
        context = Context(folder="/", environment=dict, lines=lambda: None, standing=standing)  # type: ignore[arg-type,return-value]
        self.runner.start(component.name, component.run, probes, context, component.started or 0.0)

    def say(self, text: str, sender: int | None = CHILD) -> None:
        self.notifying.hear("web", text.encode(), sender)


def listening(**probes: Probe) -> tuple[Supervisor, ListeningWorld]:
    world = ListeningWorld(VirtualClock())
    spec = Spec(name="web", run=("true",), restart=Restart(backoff=Backoff(initial=0)), **probes)
    supervisor = Supervisor(project(spec), world.clock, world)
    world.apply = supervisor.apply
    world.notifying = Notifying(
        supervisor,
        world.clock,
        lambda name: f"/nowhere/{name}",
        lambda: "instance",
        world.runner.hasten,
        lambda _: None,
        belongs=lambda pid, leader, marks: (
            pid == CHILD and leader in (1001, 1002, NO_LEADER) and marks["ROOST_COMPONENT"] == "web"
        ),
    )
    return supervisor, world


def test_ready_is_known_in_the_instant_in_which_it_is_said() -> None:
    """READY=1 makes it ready at once, not at the next period."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        supervisor.start(["web"], "up")
        await asyncio.sleep(3)
        assert not supervisor.components["web"].ready
        world.say("READY=1\nSTATUS=serving")
        await asyncio.sleep(0.01)
        web = supervisor.components["web"]
        assert (web.ready, web.status_text) == (True, "serving")
        await asyncio.sleep(300)
        assert supervisor.components["web"].ready, "said once, it holds"

    run_virtual(scenario())


def test_what_is_said_before_the_keeper_has_answered_is_heard() -> None:
    """READY=1 may overtake the keeper's word that it was started; in its order, and of this run alone."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        world.hold = True
        supervisor.start(["web"], "up")
        world.say("STATUS=loading")
        world.say("READY=1")
        world.say("STATUS=lies", STRANGER)
        world.say("STATUS=serving")
        assert supervisor.components["web"].pid is None
        world.answer("web")
        await asyncio.sleep(0.01)
        web = supervisor.components["web"]
        assert (web.ready, web.status_text) == (True, "serving")

    run_virtual(scenario())


def test_what_came_before_the_answer_goes_before_what_comes_after_it() -> None:
    """Also when both are heard in the same turn."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        world.hold = True
        supervisor.start(["web"], "up")
        world.say("STATUS=loading")
        world.answer("web")
        world.say("STATUS=serving")
        await asyncio.sleep(0.01)
        assert supervisor.components["web"].status_text == "serving"

    run_virtual(scenario())


def test_what_is_said_too_early_is_bounded_and_ends_with_its_run() -> None:
    """A flood before the keeper's answer costs little, and a run that never came leaves no words behind."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        world.hold = True
        supervisor.start(["web"], "up")
        for number in range(1000):
            world.say(f"STATUS={number}")
        world.say("READY=1")
        supervisor.stop(["web"], "stopped")
        world.end("web")
        world.hold = False
        supervisor.start(["web"], "up")
        await asyncio.sleep(0.01)
        web = supervisor.components["web"]
        assert (web.run, web.ready, web.status_text) == (2, False, None)
        assert world.notifying.early == 0

    run_virtual(scenario())


def test_a_reload_and_a_stop_are_taken_at_its_word() -> None:
    """RELOADING=1 makes it unready at once, READY=1 ready again; STOPPING=1 for good."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        supervisor.start(["web"], "up")
        for text, ready in (
            ("READY=1", True),
            ("RELOADING=1", False),
            ("READY=1", True),
            ("STOPPING=1", False),
        ):
            world.say(text)
            await asyncio.sleep(0.01)
            assert supervisor.components["web"].ready is ready, text
        assert "STOPPING=1" in supervisor.components["web"].reason
        assert world.stopped == []

    run_virtual(scenario())


def test_a_startup_probe_may_listen() -> None:
    """READY=1 passes it; without it the component is restarted after `period * failure_threshold` (S11)."""

    async def scenario() -> None:
        supervisor, world = listening(startup=LISTEN)
        supervisor.start(["web"], "up")
        await asyncio.sleep(1)
        assert supervisor.components["web"].state is State.STARTING
        world.say("READY=1")
        await asyncio.sleep(0.01)
        assert supervisor.components["web"].state is State.RUNNING

        supervisor.restart(["web"], "again")
        world.end("web")
        await asyncio.sleep(31)
        assert world.stopped[-1][1:] == ("web", 2)

    run_virtual(scenario())


def test_a_silent_watchdog_restarts_and_a_punctual_one_does_not() -> None:
    """WATCHDOG=1 at half of WATCHDOG_USEC is enough for ever; silence for all of it is the end (S11)."""

    async def scenario() -> None:
        supervisor, world = listening(liveness=LISTEN)
        supervisor.start(["web"], "up")
        for _ in range(40):
            await asyncio.sleep(15)
            world.say("WATCHDOG=1")
        assert world.stopped == []
        silent_since = world.clock.now()
        while not world.stopped:
            await asyncio.sleep(0.5)
        assert 30 <= world.stopped[0][0] - silent_since <= 40
        assert "no WATCHDOG=1" in supervisor.components["web"].reason

    run_virtual(scenario())


def test_a_component_may_ask_to_be_restarted() -> None:
    """WATCHDOG=trigger needs no threshold."""

    async def scenario() -> None:
        supervisor, world = listening(liveness=LISTEN)
        supervisor.start(["web"], "up")
        world.say("WATCHDOG=trigger")
        assert [name for _, name, _ in world.stopped] == ["web"]

    run_virtual(scenario())


def test_a_stranger_is_not_believed() -> None:
    """The sender's pid has to be of the component's tree."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        supervisor.start(["web"], "up")
        world.say("READY=1\nSTATUS=hello", sender=STRANGER)
        await asyncio.sleep(20)
        web = supervisor.components["web"]
        assert (web.ready, web.status_text) == (False, None)

    run_virtual(scenario())


def test_what_one_run_said_says_nothing_of_the_next() -> None:
    """READY=1 and STATUS= end with their run."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        supervisor.start(["web"], "up")
        world.say("READY=1\nSTATUS=hello")
        await asyncio.sleep(0.01)
        supervisor.restart(["web"], "again")
        world.end("web")
        await asyncio.sleep(5)
        web = supervisor.components["web"]
        assert (web.run, web.ready, web.status_text) == (2, False, None)

    run_virtual(scenario())


def test_what_was_ready_before_a_restart_of_the_daemon_stays_so() -> None:
    """P1: nobody says READY=1 a second time for a new daemon."""

    async def scenario() -> None:
        supervisor, world = listening(readiness=LISTEN)
        supervisor.start(["web"], "up")
        supervisor.components["web"] = replace(supervisor.components["web"], ready=True)

        assert world.notifying.standing("web") == Standing(ready=True)

    run_virtual(scenario())


def test_the_first_look_of_a_watchdog_accuses_nobody() -> None:
    """Silence is measured from the first look on, also by a daemon that has just come back."""
    standing = Standing()
    watch = NotifyWatch(ProbeKind.LIVENESS, lambda: standing)

    assert [watch.answer().ok for _ in range(2)] == [True, False]


def test_only_who_speaks_is_given_a_socket(tmp_path: Path) -> None:
    """NOTIFY_SOCKET and WATCHDOG_USEC are set for components with notify probes alone."""

    async def scenario() -> None:
        supervisor, world = listening(liveness=LISTEN)
        notifying = Notifying(
            supervisor,
            world.clock,
            lambda name: str(tmp_path / name),
            lambda: "i",
            lambda _: None,
            lambda _: None,
        )
        spec = supervisor.components["web"].spec
        assert notifying.environment(replace(spec, liveness=None)) == {}
        variables = notifying.environment(spec)
        assert variables == {"NOTIFY_SOCKET": str(tmp_path / "web"), "WATCHDOG_USEC": "30000000"}
        (tmp_path / "web").unlink()
        assert notifying.repair() == ["web"]
        assert (tmp_path / "web").is_socket()
        notifying.close()
        assert not (tmp_path / "web").exists()

    asyncio.run(scenario())
