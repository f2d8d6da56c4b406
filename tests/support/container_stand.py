"""A supervisor on the second pair of hands alone, with an engine in memory and in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from roost.core.model import Backoff, ContainerKeys, Kind, ProbeKind, Project, Restart, Spec, Stop
from roost.core.states import Component, Tell
from roost.edges.engine.api import Capture, Engine
from roost.supervise.containers.naming import Place
from roost.supervise.containers.needs import Needs
from roost.supervise.containers.whole import Containers
from roost.supervise.loop import Supervisor
from support.fake_engine import FakeCapture, FakeEngine
from support.fake_world import project
from support.virtual_loop import VirtualClock

PLACE = Place(project="test", root="/project", host="here", folder="1:1")
BOX = Spec(
    name="box",
    kind=Kind.CONTAINER,
    container=ContainerKeys(image="box:1"),
    restart=Restart(backoff=Backoff(initial=1)),
    stop=Stop(timeout=2),
)


class Stand:
    """A supervisor whose only hands are those for containers."""

    def __init__(self, *specs: Spec) -> None:
        self.clock = VirtualClock()
        self.engine = FakeEngine(self.clock)
        self.capture = FakeCapture()
        self.told: list[str] = []
        self.disk: list[Callable[[], None]] | None = None
        """What waits for a disk that stands still; None: it does not."""
        self.supervisor = Supervisor(project(*(specs or (BOX,))), self.clock, self)
        self.needs = Needs(
            engine=cast(Engine, self.engine),
            clock=self.clock,
            place=PLACE,
            owner=self.supervisor,
            tell=self._tell,
            capture=cast(Capture, self.capture),
            project=lambda: self.supervisor.project,
            resolved=lambda spec: spec,
            instance=lambda: "i",
            saved=self._saved,
            is_keepers=lambda component: False,
            hasten=lambda name: None,
            complain=self.told.append,
        )
        self.containers = Containers(self.needs)

    def _saved(self, then: Callable[[], None]) -> None:
        if self.disk is None:
            asyncio.get_running_loop().call_soon(then)
        else:
            self.disk.append(then)

    def _tell(self, kind: str, message: str, **more: object) -> None:
        self.told.append(f"{kind}: {message}")

    def obstacle(self, component: Component) -> str | None:
        return self.containers.obstacle

    def spawn(self, component: Component) -> None:
        self.containers.spawn(component)

    def stop(self, component: Component) -> None:
        self.containers.stop(component)

    def probe(self, component: Component, kinds: tuple[ProbeKind, ...]) -> None:
        return

    def tell(self, component: Component, what: Tell) -> None:
        return

    @property
    def box(self) -> Component:
        return self.supervisor.components["box"]

    def project_of(self, *specs: Spec) -> Project:
        """A configuration of these alone."""
        return project(*specs)

    async def up(self, *names: str) -> Stand:
        self.supervisor.start(names or ("box",), "up")
        await settle()
        return self

    async def engine_away(self) -> None:
        self.engine.away = True
        await self.containers.look()

    async def engine_back(self) -> None:
        self.engine.away = False
        await asyncio.sleep(3)


async def settle() -> None:
    await asyncio.sleep(0.05)
