"""All that the daemon does with containers, under one roof; what it needs is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...core.checkup import Checkup
from ...core.model import Spec
from ...core.states import Component, Desired, RestartWanted
from ...edges.engine.api import ContainerUsage, EngineError, ImageSeen, Session
from ...edges.probes.answer import Answer
from . import order
from .figures import Figure, Figures
from .hands import Hands
from .images import Images
from .needs import Needs
from .sight import Sight

_FAREWELL = 4.0
"""Seconds for what is left when every component has ended (S48: the daemon follows within 5)."""
_MEETING = 3.0
"""Seconds that a new daemon gives an engine to say what runs, before anybody is answered."""
_LINE_ROOM = 200


class Containers:
    """The containers of one project."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._engine = needs.engine
        self.images = Images(needs.engine, needs.place, needs.clock)
        self.figures = Figures(needs.engine, needs.clock)
        self.sight = Sight(needs, self.figures)
        self.hands = Hands(needs, self.images, self.figures, self.sight.lose)
        self.sight.begin(self.hands)

    # -- what is done ----------------------------------------------------------------------------------------

    @property
    def obstacle(self) -> str | None:
        """Why no container can be started at present."""
        return self.sight.obstacle

    def spawn(self, component: Component) -> None:
        self.hands.spawn(component)

    def stop(self, component: Component) -> None:
        self.hands.stop(component)

    def kill(self, component: Component) -> None:
        self.hands.kill(component)

    async def signal(self, component: Component, signal: str) -> None:
        """Send a signal to its first process.  Raises EngineError."""
        container = _container(component)
        self.sight.drift.expect_signal(container)
        try:
            await self._engine.kill(container, signal)
        except EngineError:
            self.sight.drift.expect_none(container)
            raise

    async def execute(self, component: Component, command: tuple[str, ...], timeout: float) -> Answer:
        """Run a command in it: exit code 0 is success.  Never raises EngineError."""
        try:
            ended = await self._engine.execute(_container(component), command, timeout)
        except EngineError as error:
            return Answer(False, f"cannot run {command[0]}: {error}")
        if ended.code is None:
            return Answer(False, f"timed out: {' '.join(command)}")
        lines = [
            line.strip() for line in ended.output.decode("utf-8", "replace").splitlines() if line.strip()
        ]
        text = f"exit code {ended.code}"
        return Answer(ended.code == 0, f"{text}: {lines[-1][:_LINE_ROOM]}" if lines else text)

    async def open_exec(self, component: Component, command: tuple[str, ...], tty: bool) -> Session:
        """A command in it, with its output in hand.  Raises EngineError."""
        return await self._engine.open_exec(_container(component), command, tty)

    async def attach(self, component: Component) -> Session:
        """Input and output of its first process.  Raises EngineError."""
        return await self._engine.attach(_container(component))

    async def clear_log(self, component: Component) -> None:
        """Empty the log of a component whose container is there.  Raises OSError."""
        log = component.spec.log
        await self._needs.capture.clear(component.name, component.run, log.max_size, log.max_files)

    # -- what is seen ----------------------------------------------------------------------------------------

    def figure(self, name: str) -> Figure | None:
        """What is known of a component's container."""
        return self.figures.of(name)

    def usage(self, name: str) -> ContainerUsage | None:
        """What it used last; asking sees to it that this is renewed."""
        self.figures.refresh([name])
        figure = self.figures.of(name)
        return figure.usage if figure is not None else None

    def checkup(self, name: str) -> Checkup:
        """What the engine's own health check says of it."""
        figure = self.figures.of(name)
        return figure.checkup if figure is not None else Checkup()

    async def look(self) -> bool:
        """Compare everything with what is believed; whether the engine answered."""
        return await self.sight.look()

    async def meet(self) -> None:
        """Look for what is believed to run; while the engine has not answered, it waits.  Takes a moment at most."""
        looking = asyncio.ensure_future(self.sight.look())
        await asyncio.wait([looking], timeout=_MEETING)
        if not looking.done():
            self.sight.lose("it has not answered yet")

    async def watch_over(self) -> bool:
        """The same for the watchdog, and whether the logs are where they belong."""
        self._needs.capture.look_after()
        return await self.sight.look()

    # -- on demand -------------------------------------------------------------------------------------------

    async def build(self, names: Iterable[str], say: Callable[[str, str], None]) -> dict[str, str]:
        """Build the images of these anew, and replace what runs from an older one; what failed, and why."""
        failed: dict[str, str] = {}
        done: set[str] = set()
        for name in names:
            component = self._needs.owner.components.get(name)
            if (
                component is None
                or component.spec.container is None
                or component.spec.container.build is None
            ):
                continue
            tag = order.image_of(component.spec, self._needs.place)
            try:
                if tag not in done:
                    await self._build(component.spec, say)
                    done.add(tag)
            except EngineError as error:
                failed[name] = error.message
                continue
            await self._replace_if_older(name, tag)
        return failed

    async def leave(self) -> list[str]:
        """Everything has ended: remove what is still there of ours.  What could not be ended or removed."""
        trouble: list[str] = []
        try:
            async with asyncio.timeout(_FAREWELL):
                await self.hands.jobs.close(_FAREWELL / 2)
                if self.sight.obstacle is None:
                    await self._sweep()
                    self.hands.clearing.left.clear()
        except (TimeoutError, EngineError) as error:
            why = str(error) or "it took too long"
            trouble.append(f"what is left on the container engine could not be removed: {why}")
        self.sight.close()
        self.figures.close()
        await self._needs.capture.close()
        return [*self.hands.clearing.left.values(), *trouble]

    async def _sweep(self) -> None:
        place = self._needs.place
        for seen in await self._engine.list(place.filter()):
            await self._engine.remove(seen.id)
        for network in await self._engine.networks(place.filter()):
            await self._engine.remove_network(network.id)

    async def _build(self, spec: Spec, say: Callable[[str, str], None]) -> ImageSeen:
        return await self.images.anew(self._needs.resolved(spec), lambda text: say(spec.name, text))

    async def _replace_if_older(self, name: str, tag: str) -> None:
        await self.hands.jobs.idle(name)  # what is just being started may have been given the old one
        component = self._needs.owner.components.get(name)
        if component is None or component.container is None:
            return
        try:
            image, seen = await self._engine.image(tag), await self._engine.inspect(component.container)
        except EngineError:
            return  # it has ended meanwhile; the next run has the new image
        now = self._needs.owner.components.get(name)
        goes_on = now is not None and now.container == seen.id and now.desired is Desired.RUNNING
        if goes_on and seen.image_id != image.id:
            self._needs.owner.apply(name, RestartWanted(reason="its image was built anew"))


def _container(component: Component) -> str:
    if component.container is None:
        raise AssertionError(f"{component.name} has no container")
    return component.container
