"""How often the icon changes: at once when something happens, and never more than twice a second (P15)."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

from roost_tray.menu import Settings
from roost_tray.model import Capabilities, Rendered, State
from roost_tray.presenter import SPACING, Presenter
from roost_tray.world import Level, World
from support.virtual_loop import run_virtual
from tray.scenes import LINUX, SHOP, WALL, WINDOWS, component, project, restarting, world

WELL = world(project(component("api")))
FAILED = world(project(component("api", state="failed", ready=False, reason="exit code 1")))


class Screen:
    """Remembers what was shown, and when."""

    def __init__(self, capabilities: Capabilities = LINUX) -> None:
        self.loop = asyncio.get_running_loop()
        self.shown: list[tuple[float, Rendered]] = []
        self.presenter = Presenter(self.show, capabilities, wall=lambda: WALL + self.loop.time())

    def show(self, rendered: Rendered) -> None:
        self.shown.append((self.loop.time(), rendered))

    @property
    def states(self) -> list[State]:
        return [rendered.state for _, rendered in self.shown]

    @property
    def times(self) -> list[float]:
        return [when for when, _ in self.shown]


def test_a_change_after_quiet_is_seen_in_the_same_instant() -> None:
    """A crash does not wait for a timer."""

    async def work() -> None:
        screen = Screen()
        screen.presenter.show_world(WELL)
        await asyncio.sleep(7)
        screen.presenter.show_world(FAILED)
        assert screen.shown[-1][0] == 7
        assert screen.states == [State.WELL, State.FAILED]

    run_virtual(work())


def test_a_storm_of_changes_is_two_a_second() -> None:
    """A thousand changes in ten seconds become one each half second, and the last of them is seen."""

    async def work() -> None:
        screen = Screen()
        for number in range(1000):
            screen.presenter.show_world(WELL if number % 2 else world(project(component(f"c{number}"))))
            await asyncio.sleep(0.01)
        screen.presenter.show_world(FAILED)
        await asyncio.sleep(5)
        gaps = [later - sooner for sooner, later in itertools.pairwise(screen.times)]
        assert min(gaps) >= SPACING - 1e-6
        assert len(screen.shown) <= 22
        assert screen.states[-1] is State.FAILED

    run_virtual(work())


def test_what_looks_the_same_is_not_shown_again() -> None:
    """Neither a new pid nor more memory changes a menu; and what is back as it was does not blink."""

    async def work() -> None:
        screen = Screen()
        screen.presenter.show_world(WELL)
        await asyncio.sleep(1)
        for rss in range(100):
            same = project(component("api", pid=rss, rss_bytes=rss, uptime_s=float(rss)))
            screen.presenter.show_world(world(same))
            await asyncio.sleep(1)
        assert len(screen.shown) == 1
        screen.presenter.show_world(FAILED)
        screen.presenter.show_world(WELL)
        screen.presenter.show_world(FAILED)
        await asyncio.sleep(5)
        assert screen.states == [State.WELL, State.FAILED]

    run_virtual(work())


def test_a_countdown_runs_where_labels_change_in_place() -> None:
    """Once a second while something is about to be restarted; on Windows the line stands as it is."""

    async def work(capabilities: Capabilities) -> list[str]:
        screen = Screen(capabilities)
        screen.presenter.show_world(world(project(restarting("api", 3))))
        await asyncio.sleep(20)
        return [rendered.menu.items[0].label for _, rendered in screen.shown]

    assert run_virtual(work(LINUX)) == [
        "shop: 0 of 1 ready, api restarting in 3 s",
        "shop: 0 of 1 ready, api restarting in 2 s",
        "shop: 0 of 1 ready, api restarting in 1 s",
        "shop: 0 of 1 ready, api restarting now",
    ]
    assert len(run_virtual(work(WINDOWS))) == 1


def test_nothing_is_done_while_nothing_happens() -> None:
    """Without a countdown there is no timer: an hour of quiet costs nothing."""

    async def work() -> None:
        screen = Screen()
        screen.presenter.show_world(WELL)
        assert screen.presenter._timer is None
        await asyncio.sleep(3600)
        assert len(screen.shown) == 1

    run_virtual(work())


def test_a_setting_is_seen_at_once() -> None:
    """What was chosen in the menu is marked there, within the same limit."""

    async def work() -> None:
        screen = Screen()
        screen.presenter.show_world(WELL)
        screen.presenter.show_settings(Settings(Level.OFF))
        await asyncio.sleep(SPACING)
        assert len(screen.shown) == 2
        assert screen.times[1] == SPACING

    run_virtual(work())


def test_a_new_icon_is_shown_everything() -> None:
    """When the icon moves (the panel came late) it gets what is known, made for what it can do."""

    async def work() -> None:
        screen = Screen()
        screen.presenter.show_world(world(SHOP))
        elsewhere: list[Rendered] = []
        screen.presenter.move(elsewhere.append, dataclasses.replace(LINUX, menu=False))
        await asyncio.sleep(SPACING)
        assert [(one.state, one.menu.items) for one in elsewhere] == [(State.DEGRADED, ())]
        screen.presenter.close()

    run_virtual(work())


def test_an_empty_world_is_shown_too() -> None:
    """The icon says that nothing has been brought up yet."""

    async def work() -> None:
        screen = Screen()
        screen.presenter.show_world(World())
        assert screen.states == [State.STOPPED]

    run_virtual(work())
