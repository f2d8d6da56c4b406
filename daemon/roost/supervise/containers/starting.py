"""How a container begins: nothing of an earlier one is left, the image is there, nobody is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...core.model import Spec
from ...core.states import Component, Held, Lost, Spawned, SpawnFailed
from ...edges import ports
from ...edges.engine.api import ContainerOrder, ContainerSeen, EngineError, ErrorKind, ImageSeen
from . import naming, order
from .clearing import AWAY, Clearing
from .figures import Figures
from .images import Images
from .needs import Needs

_LOCAL = ("unix:", "npipe:")


class _Unwanted(Exception):
    """It was stopped before it had started."""


class Starting:
    """Starts runs; what goes wrong comes back as an event."""

    def __init__(
        self, needs: Needs, images: Images, figures: Figures, lose: Callable[[str], str], clearing: Clearing
    ) -> None:
        self._needs = needs
        self._engine = needs.engine
        self._images = images
        self._figures = figures
        self._lose = lose
        self._clearing = clearing
        self._fetching: dict[str, asyncio.Future[ImageSeen]] = {}
        self._unwanted: set[tuple[str, int]] = set()
        self._network = asyncio.Lock()

    def give_up(self, component: Component) -> None:
        """What is being started is not wanted any more; an image that is on its way is not waited for."""
        self._unwanted.add((component.name, component.run))
        fetching = self._fetching.get(component.name)
        if fetching is not None:
            fetching.cancel()

    def fail(self, name: str, run: int, message: str) -> None:
        """Nothing came of it."""
        wall = self._needs.clock.wall()
        self._needs.owner.apply(name, SpawnFailed(run=run, message=message, wall=wall))

    async def start(self, component: Component) -> ContainerSeen | None:
        """Start the present run, and tell it.  The container as it was then; None if nothing came of it."""
        name, run = component.name, component.run
        try:
            return await self._start(component)
        except _Unwanted:
            self.fail(name, run, "stopped before it had started")
        except OSError as error:
            self.fail(name, run, f"cannot be started: {error.strerror or error}")
        except EngineError as error:
            if error.kind not in AWAY:
                self.fail(name, run, error.message)
                return None
            reason = self._lose(error.message)
            if (name, run) in self._unwanted:
                self.fail(name, run, reason)
            else:
                self._needs.owner.apply(name, Lost(run=run, reason=reason))
        finally:
            self._unwanted.discard((name, run))
        return None

    async def _start(self, component: Component) -> ContainerSeen:
        needs, name, run = self._needs, component.name, component.run
        spec = needs.resolved(component.spec)
        await self._clear(name)
        image = await self._fetch(name, run, spec)
        if needs.engine.endpoint.startswith(_LOCAL):
            await self._refuse_strangers(spec)
        wanted = order.render(spec, needs.project(), needs.place, run, needs.instance())
        if wanted.network == needs.place.network():
            async with self._network:
                await self._engine.ensure_network(wanted.network, needs.place.labels())
        self._check_wanted(name, run)
        seen = await self._run(spec, wanted)
        self._figures.note(name, seen, image)
        needs.take_output(component, seen.id)
        began = seen.started_at if seen.started_at is not None else needs.clock.wall()
        needs.owner.apply(name, Spawned(run=run, container=seen.id, wall=began))
        return seen

    async def _run(self, spec: Spec, wanted: ContainerOrder) -> ContainerSeen:
        container = await self._create(wanted)
        try:
            await self._engine.start(container)
            return await self._engine.inspect(container)
        except EngineError as error:
            if error.kind in AWAY:
                self._clearing.doubt(spec.name, container, error.message)
            else:
                self._clearing.ours.add(container)
                await self._engine.remove(container)
            if error.kind is ErrorKind.PORT_TAKEN:
                await self._refuse_strangers(spec)
            raise

    async def _clear(self, name: str) -> None:
        """One name, and one life at a time."""
        for seen in await self._engine.list({**self._needs.place.filter(), naming.COMPONENT: name}):
            await self._clearing.clear_away(name, naming.run_of(seen.labels), seen.id, seen.is_up)

    async def _fetch(self, name: str, run: int, spec: Spec) -> ImageSeen:
        self._check_wanted(name, run)

        def say(text: str) -> None:
            if (
                not fetching.done() and (name, run) not in self._unwanted
            ):  # the engine goes on with what was given up
                self._needs.owner.apply(name, Held(text))

        fetching = asyncio.ensure_future(self._images.ready(spec, say))
        self._fetching[name] = fetching
        try:
            return await fetching
        except asyncio.CancelledError:
            self._check_wanted(name, run)
            raise
        finally:
            del self._fetching[name]

    def _check_wanted(self, name: str, run: int) -> None:
        if (name, run) in self._unwanted:
            raise _Unwanted

    async def _refuse_strangers(self, spec: Spec) -> None:
        found = await asyncio.get_running_loop().run_in_executor(None, ports.obstacle, spec.ports)
        if found is not None:
            raise EngineError(ErrorKind.PORT_TAKEN, found)

    async def _create(self, wanted: ContainerOrder) -> str:
        try:
            return await self._engine.create(wanted)
        except EngineError as error:
            if error.kind is not ErrorKind.NAME_TAKEN:
                raise
        other = await self._engine.inspect(wanted.name)
        if not self._needs.place.owns(other.labels):
            raise EngineError(
                ErrorKind.NAME_TAKEN,
                f"the name {wanted.name} belongs to a container that is not Roost's; remove or rename that one",
            )
        self._clearing.ours.add(other.id)
        await self._engine.remove(other.id)
        return await self._engine.create(wanted)
