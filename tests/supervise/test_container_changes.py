"""Reloads that make a container of a process, or a process of a container, while it is being started."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from msgspec.structs import replace

from roost.core.model import Kind, Spec
from roost.core.states import Exit, Exited, State
from roost.edges.keeper_link import Frame, KeeperLink
from roost.supervise.chronicle import Chronicle
from roost.supervise.contained import Contained
from roost.supervise.world import World
from support.container_stand import BOX, Stand, settle
from support.virtual_loop import run_virtual

PROCESS = Spec(name="box", kind=Kind.PROCESS, run=("serve",), cwd="/project")


class Keeper:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, asyncio.Future[Frame]]] = []
        self.told: list[tuple[str, object]] = []

    def request(self, what: str, **fields: object) -> asyncio.Future[Frame]:
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self.asked.append((what, cast(int, fields["run"]), answer))
        return answer

    def tell(self, what: str, **fields: object) -> None:
        self.told.append((what, fields.get("run")))


class Silent:
    """No record."""

    def tell(self, *args: object, **more: object) -> bool:
        return False


class Both(Stand):
    """A supervisor with both pairs of hands."""

    def __init__(self, *specs: Spec) -> None:
        super().__init__(*specs)
        self.keeper = Keeper()
        self.world = World(
            self.clock,
            cast(Chronicle, Silent()),
            "i",
            {},
            lambda component, spec, kinds: None,
            Contained(lambda: self.containers),
        )
        self.world.link = cast(KeeperLink, self.keeper)
        self.world.serve(self.supervisor.apply, lambda: self.supervisor.project)
        self.needs.is_keepers = self.world.is_keepers
        self.obstacle = self.world.obstacle  # type: ignore[method-assign]
        self.spawn = self.world.spawn  # type: ignore[method-assign]
        self.stop = self.world.stop  # type: ignore[method-assign]

    def ended(self, run: int) -> None:
        """The keeper tells the end of a process."""
        now, wall = self.clock.now(), self.clock.wall()
        ended = Exit(run=run, code=0, signal=None, known=True, at=now, wall=wall, uptime=1.0)
        self.supervisor.apply("box", Exited(ended))


def test_a_container_that_fetches_its_image_becomes_a_process() -> None:
    """S55: the fetching is given up at once, and the process is started."""

    async def scenario() -> None:
        stand = Both(BOX)
        stand.engine.hold["pull"] = asyncio.Event()
        await stand.up()
        assert stand.box.state is State.STARTING
        stand.supervisor.reload(stand.project_of(PROCESS))
        await settle()
        ((what, run, answer),) = stand.keeper.asked
        assert (what, run) == ("spawn", 2)
        answer.set_result({"pid": 7})
        await settle()
        assert (stand.box.state, stand.box.pid, stand.box.run) == (State.RUNNING, 7, 2)
        assert stand.engine.containers == {}

    run_virtual(scenario())


def test_a_container_that_is_being_made_becomes_a_process() -> None:
    """S55: what comes of it is ended first, by the engine."""

    async def scenario() -> None:
        stand = Both(BOX)
        held = stand.engine.hold["start"] = asyncio.Event()
        await stand.up()
        stand.supervisor.reload(stand.project_of(PROCESS))
        await settle()
        assert stand.keeper.asked == []
        held.set()
        await settle()
        assert [(what, run) for what, run, _ in stand.keeper.asked] == [("spawn", 2)]
        assert stand.engine.containers == {}

    run_virtual(scenario())


@pytest.mark.parametrize("looks", [False, True], ids=["unseen", "looked at"])
def test_a_process_that_is_being_started_becomes_a_container(looks: bool) -> None:
    """S55: what comes of it is ended first, by the keeper, whatever the engine is asked meanwhile."""

    async def scenario() -> None:
        stand = Both(PROCESS)
        await stand.up()
        ((_, run, answer),) = stand.keeper.asked
        stand.supervisor.reload(stand.project_of(BOX))
        if looks:
            assert await stand.containers.look()
            await stand.engine_away()
            await stand.engine_back()
        await settle()
        assert (stand.box.state, stand.box.run, run) == (State.STOPPING, 1, 1)
        assert stand.engine.containers == {} and stand.keeper.told == []
        answer.set_result({"pid": 7})
        await settle()
        assert stand.box.pid == 7 and stand.keeper.told == [("stop", 1)]

    run_virtual(scenario())


def test_a_process_that_becomes_a_container_and_ends() -> None:
    """S55: then the container is started."""

    async def scenario() -> None:
        stand = Both(PROCESS)
        await stand.up()
        stand.keeper.asked[0][2].set_result({"pid": 7})
        await settle()
        stand.supervisor.reload(stand.project_of(BOX))
        assert await stand.containers.look()
        assert stand.keeper.told == [("stop", 1)] and stand.engine.containers == {}
        stand.ended(1)
        await settle()
        assert (stand.box.state, stand.box.run, stand.box.container) == (State.RUNNING, 2, "c1")
        stand.supervisor.reload(stand.project_of(replace(PROCESS, shell=("sh",))))
        await settle()
        assert stand.engine.containers == {} and [run for _, run, _ in stand.keeper.asked] == [1, 3]

    run_virtual(scenario())
