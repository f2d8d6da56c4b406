"""Notifications: on edges only, once, gathered, and never about what a person did (P15)."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from roost.client.shapes import ComponentStatus
from roost_tray.model import Notice, Urgency
from roost_tray.notices import GATHER, GRACE, MINUTE, STEADY
from roost_tray.watcher import NoticeWatcher
from roost_tray.world import Level, Presence, World
from support.virtual_loop import run_virtual
from tray.scenes import component, project, restarting, stopped, world

API = component("api")
CRASHED = restarting("api", 4, reason="exit code 1; restart 1 of 10 in 4 s")
STARTING = component("api", state="starting", ready=False, reason="starting")
GIVEN_UP = component(
    "api", state="failed", ready=False, restarts=10, reason="exit code 1; restarted 10 times"
)


class Ear:
    """Hears the notifications, with the second in which each came."""

    def __init__(self, level: Level = Level.ALL) -> None:
        self.loop = asyncio.get_running_loop()
        self.level = level
        self.heard: list[tuple[float, Notice]] = []
        self.watcher = NoticeWatcher(self.tell, self.last_line)

    def tell(self, notice: Notice) -> None:
        self.heard.append((self.loop.time(), notice))

    async def last_line(self, root: str, name: str) -> str | None:
        return f"{name}: no such table\n" if name == "api" else None

    def see(self, *components: ComponentStatus, presence: Presence = Presence.RUNNING) -> None:
        self.see_world(world(project(*components, presence=presence)))

    def see_world(self, seen: World) -> None:
        self.watcher.world_changed(seen, self.level)

    async def settle(self) -> None:
        """Past the grace after a start."""
        await asyncio.sleep(GRACE + 1)

    @property
    def titles(self) -> list[str]:
        return [notice.title for _, notice in self.heard]


def test_a_failure_is_told_with_its_cause_and_last_line() -> None:
    """Half a second after it, once, however long it lasts."""

    async def work() -> None:
        ear = Ear(Level.FAILURES)
        ear.see(API)
        await ear.settle()
        ear.see(CRASHED)
        begin = ear.loop.time()
        await asyncio.sleep(300)
        ((when, notice),) = ear.heard
        assert when == begin + GATHER
        assert notice.title == "shop: api failed"
        assert notice.body == "exit code 1; restart 1 of 10 in 4 s\napi: no such table"
        assert (notice.root, notice.component, notice.urgency) == ("/home/jo/shop", "api", Urgency.NORMAL)

    run_virtual(work())


def test_a_crash_loop_is_one_story() -> None:
    """Crash, start, crash, start …: one notification; then one that it was given up, a minute later at least."""

    async def work() -> None:
        ear = Ear()
        ear.see(API)
        await ear.settle()
        for _ in range(10):
            ear.see(CRASHED)
            await asyncio.sleep(2)
            ear.see(STARTING)
            await asyncio.sleep(1)
            ear.see(API)  # for a moment
            await asyncio.sleep(1)
        ear.see(GIVEN_UP)
        await asyncio.sleep(300)
        assert ear.titles == ["shop: api failed", "shop: api was given up"]
        assert ear.heard[1][0] == ear.heard[0][0] + MINUTE
        assert ear.heard[1][1].urgency is Urgency.HIGH

    run_virtual(work())


def test_what_has_recovered_is_told_when_it_lasts() -> None:
    """Ten seconds of being well; and only to those who want all."""

    async def work(level: Level) -> list[str]:
        ear = Ear(level)
        ear.see(API)
        await ear.settle()
        ear.see(CRASHED)
        await asyncio.sleep(100)
        ear.see(API)
        await asyncio.sleep(STEADY - 1)
        assert len(ear.heard) == 1
        await asyncio.sleep(2)
        return ear.titles

    assert run_virtual(work(Level.ALL)) == ["shop: api failed", "shop: api is well again"]
    assert run_virtual(work(Level.FAILURES)) == ["shop: api failed"]


def test_at_most_one_for_a_component_in_a_minute() -> None:
    """A component that fails and recovers all the time is heard of once a minute."""

    async def work() -> None:
        ear = Ear()
        ear.see(API)
        await ear.settle()
        for _ in range(40):
            ear.see(CRASHED)
            await asyncio.sleep(5)
            ear.see(API)
            await asyncio.sleep(12)
        times = [when for when, _ in ear.heard]
        assert len(times) > 5
        assert all(later - sooner >= MINUTE for sooner, later in itertools.pairwise(times))

    run_virtual(work())


def test_those_of_one_moment_are_told_together() -> None:
    """A database that takes three others with it is one notification."""

    async def work() -> None:
        ear = Ear()
        names = ["db", "api", "web", "mail"]
        ear.see(*(component(name) for name in names))
        await ear.settle()
        ear.see(component("mail"), *(restarting(name, 4) for name in names[:3]))
        await asyncio.sleep(20)
        ((_, notice),) = ear.heard
        assert (notice.title, notice.body) == ("shop: 3 components failed", "db, api, web")

    run_virtual(work())


def test_what_was_so_when_the_tray_came_is_no_news() -> None:
    """The icon shows it; a notification is for what happens."""

    async def work() -> None:
        ear = Ear()
        ear.see(GIVEN_UP)
        await asyncio.sleep(300)
        assert ear.heard == []

    run_virtual(work())


def test_at_the_start_of_a_project_nothing_is_told_at_once() -> None:
    """Whoever brought it up is looking at it; what is still wrong after ten seconds is told."""

    async def work() -> None:
        ear = Ear()
        ear.see(STARTING)
        ear.see(CRASHED)
        await asyncio.sleep(GRACE - 1)
        assert ear.heard == []
        await asyncio.sleep(2)
        assert ear.titles == ["shop: api failed"]

    run_virtual(work())


@pytest.mark.parametrize("after", [stopped("api"), stopped("api", state="failed")])
def test_what_a_person_did_is_no_news(after: ComponentStatus) -> None:
    """Stopping is told to nobody, whatever the component makes of it."""

    async def work() -> None:
        ear = Ear()
        ear.see(API)
        await ear.settle()
        ear.see(component("api", state="stopping", ready=False, reason="stopped by request"))
        await asyncio.sleep(5)
        ear.see(after)
        await asyncio.sleep(300)
        ear.see(API)
        await asyncio.sleep(300)
        assert ear.heard == []

    run_virtual(work())


def test_a_lost_daemon_is_told_if_it_stays_away() -> None:
    """It is usually back in a second; after ten it is news, and so is its return."""

    async def work() -> None:
        ear = Ear()
        ear.see(API)
        await ear.settle()
        ear.see(API, presence=Presence.UNREACHABLE)
        await asyncio.sleep(2)
        ear.see(API)
        await asyncio.sleep(100)
        assert ear.heard == []
        ear.see(API, presence=Presence.UNREACHABLE)
        await asyncio.sleep(STEADY + 1)
        assert ear.titles == ["shop: the daemon does not answer"]
        ear.see(API)
        await asyncio.sleep(MINUTE)
        assert ear.titles[1:] == ["shop: the daemon is back"]

    run_virtual(work())


def test_an_orderly_end_is_no_loss() -> None:
    """`roost down` is told to nobody."""

    async def work() -> None:
        ear = Ear()
        ear.see(API)
        await ear.settle()
        ear.see(presence=Presence.STOPPED)
        await asyncio.sleep(300)
        assert ear.heard == []

    run_virtual(work())


def test_switched_off_is_silent_and_stays_so() -> None:
    """What happened meanwhile is not told when notifications are wanted again."""

    async def work() -> None:
        ear = Ear(Level.OFF)
        ear.see(API)
        await ear.settle()
        ear.see(CRASHED)
        await asyncio.sleep(100)
        ear.level = Level.ALL
        ear.see(CRASHED)
        await asyncio.sleep(100)
        assert ear.heard == []
        ear.see(GIVEN_UP)
        await asyncio.sleep(100)
        assert ear.titles == ["shop: api was given up"]

    run_virtual(work())


def test_an_unhealthy_component_is_a_failure() -> None:
    """With what its liveness probe says."""

    async def work() -> None:
        ear = Ear()
        ear.see(API)
        await ear.settle()
        ear.see(component("api", health="unhealthy", reason="liveness probe failed: HTTP 503"))
        await asyncio.sleep(5)
        ((_, notice),) = ear.heard
        assert notice.title == "shop: api is unhealthy"
        assert notice.body.startswith("liveness probe failed: HTTP 503\n")

    run_virtual(work())


def test_two_of_a_thousand_changes_cost_no_timer() -> None:
    """Nothing is planned while nothing is to be told."""

    async def work() -> None:
        ear = Ear()
        for pid in range(1000):
            ear.see(component("api", pid=pid))
        assert ear.watcher._timer is None

    run_virtual(work())
