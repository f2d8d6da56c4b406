"""Between the wish to start a process and the keeper's answer: what happens meanwhile wins."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import cast

import pytest

from roost.core.model import Port, Spec
from roost.core.states import Component, State
from roost.edges.keeper_link import Frame, KeeperLink
from roost.supervise.chronicle import Chronicle
from roost.supervise.contained import Contained
from roost.supervise.loop import Supervisor
from roost.supervise.world import World
from support.fake_world import project
from support.virtual_loop import VirtualClock, run_virtual

WEB = Spec(name="web", run=("serve",), cwd="/project", ports=(Port(name=None, port=4711),))


class Keeper:
    """Notes what is asked; never answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def request(self, verb: str, **fields: object) -> asyncio.Future[Frame]:
        self.asked.append((verb, fields["run"]))
        return asyncio.get_running_loop().create_future()

    def tell(self, verb: str, **fields: object) -> None:
        self.asked.append((verb, fields["run"]))


class Silent:
    """No record."""

    def tell(self, *args: object, **more: object) -> bool:
        return False


class Stand:
    """A supervisor with its real hands, a keeper in memory, and looks at ports that end when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks: list[asyncio.Future[str | None]] = []
        self.keeper = Keeper()
        loop, clock = asyncio.get_running_loop(), VirtualClock()
        monkeypatch.setattr(loop, "run_in_executor", self._look)
        nobody = Contained(lambda: pytest.fail("there is no container"))
        world = World(clock, cast(Chronicle, Silent()), "i", {}, lambda *_: None, nobody)
        world.link = cast(KeeperLink, self.keeper)
        self.supervisor = Supervisor(project(WEB), clock, world)
        world.serve(self.supervisor.apply, lambda: self.supervisor.project)

    def _look(self, _executor: Executor | None, *_call: object) -> asyncio.Future[str | None]:
        self.looks.append(asyncio.get_running_loop().create_future())
        return self.looks[-1]

    @property
    def web(self) -> Component:
        return self.supervisor.components["web"]


def test_what_is_stopped_while_its_ports_are_looked_at_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P8: a stop is done at once, and the look, when it comes, starts nothing that nobody wants."""

    async def scenario() -> None:
        stand = Stand(monkeypatch)
        stand.supervisor.start(["web"], "up")
        assert (stand.web.state, stand.keeper.asked) == (State.STARTING, [])
        stand.supervisor.stop(["web"], "stopped by request")
        assert (stand.web.state, stand.web.reason) == (State.STOPPED, "stopped by request")
        stand.looks[0].set_result(None)
        await asyncio.sleep(0)
        assert (stand.web.state, stand.keeper.asked) == (State.STOPPED, [])

    run_virtual(scenario())


def test_an_earlier_look_at_the_ports_says_nothing_of_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a stranger who was there then may be gone, and the other way round."""

    async def scenario() -> None:
        stand = Stand(monkeypatch)
        stand.supervisor.start(["web"], "up")
        stand.supervisor.restart(["web"], "restarted by request")
        assert (stand.web.state, stand.web.run) == (State.STARTING, 2)
        stand.looks[0].set_result("port 4711 is held by nginx (pid 1)")
        await asyncio.sleep(0)
        assert (stand.web.state, stand.keeper.asked) == (State.STARTING, [])
        stand.looks[1].set_result(None)
        await asyncio.sleep(0)
        assert stand.keeper.asked == [("spawn", 2)]

    run_virtual(scenario())
