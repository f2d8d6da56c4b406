"""Starting and ending containers: the second pair of hands beside the keeper's.

One job at a time for each component, and what goes wrong comes back as an event.  An engine that cannot be reached
fails no component: what was to be started waits, what was to be ended is ended when it is back, within bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ...core.model import Spec
from ...core.states import Component, Exit, Exited
from ...edges.engine.api import ContainerSeen, EngineError, ErrorKind
from . import finding, order
from .clearing import AWAY, PATIENCE, Clearing
from .figures import Figures
from .images import Images
from .jobs import Jobs
from .needs import Needs
from .starting import Starting

_HURRY = 1.0
"""Seconds that an end waits for an engine that does not answer, when everything is to be killed; and between two
attempts at what the engine refuses."""
_SAVE = 2.0
"""Seconds that the next run waits for the end of the last one to be on record; a disk in trouble stops nobody."""


class Hands:
    """Starts and ends; its owner says what, and hears of the ends that nobody asked for elsewhere (`sight`)."""

    def __init__(self, needs: Needs, images: Images, figures: Figures, lose: Callable[[str], str]) -> None:
        """`lose`: tells that the engine is away; gives what is said of who waits for it."""
        self._needs = needs
        self._engine = needs.engine
        self._figures = figures
        self._lose = lose
        self.jobs = Jobs(needs.complain, self._answer_for)
        self.clearing = Clearing(needs, self.jobs)
        self._starting = Starting(needs, images, figures, lose, self.clearing)
        self._known: set[str] = set()
        self._deaths: dict[str, asyncio.Event] = {}
        self._hurried: dict[str, asyncio.Event] = {}
        self._back = asyncio.Event()
        self._back.set()

    # -- what can be asked ---------------------------------------------------------------------------------

    def spawn(self, component: Component) -> None:
        """Start the present run."""
        self.jobs.do(component.name, self._begin(component))

    def stop(self, component: Component) -> None:
        """End the present run; one that is still being started is given up."""
        if component.container is not None:
            self.clearing.ours.add(component.container)
            self.jobs.do(component.name, self._finish(component, component.container))
        elif self.jobs.busy(component.name):
            self._starting.give_up(component)
        else:
            self._starting.fail(component.name, component.run, "it was never heard to have started")

    def kill(self, component: Component) -> None:
        """The end of patience."""
        self._hurried.setdefault(component.name, asyncio.Event()).set()
        if component.container is not None:
            self.clearing.ours.add(component.container)
            self.jobs.aside(self._engine.kill(component.container, limit=PATIENCE))

    def end(self, component: Component, code: int | None) -> None:
        """Its container has ended by itself; `code` where an event has said it."""
        if component.container is not None:
            self.jobs.do(component.name, self._end(component.name, component.container, code))

    # -- what is heard of elsewhere ------------------------------------------------------------------------

    def took_up(self, container: str) -> None:
        """This container is a component's present run."""
        self._known.add(container)
        self.clearing.left.pop(container, None)

    def knows(self, container: str) -> bool:
        """Whether it was started, or taken up, in this daemon's life."""
        return container in self._known

    def died(self, container: str) -> None:
        """Whoever waits for the end of this container need wait no longer; nor who hears of its start only later."""
        self._death(container).set()

    def has_died(self, container: str) -> bool:
        """Whether its end was told."""
        return container in self._deaths and self._deaths[container].is_set()

    def removed(self, container: str) -> None:
        """The engine has it no more: nothing further will be heard of it."""
        self.clearing.removed(container)
        self._deaths.pop(container, None)

    def engine_is(self, there: bool) -> None:
        """Those who wait for the engine hear of it."""
        if there:
            self._back.set()
        else:
            self._back.clear()

    # -- a beginning ---------------------------------------------------------------------------------------

    async def _begin(self, component: Component) -> None:
        seen = await self._starting.start(component)
        if seen is None:
            return
        self.took_up(seen.id)
        now = self._needs.owner.components.get(component.name)
        if now is None or now.container != seen.id:
            return
        if not seen.is_up:
            await self._end(now.name, seen.id, seen.exit_code)
        elif self.has_died(seen.id):  # after the look at it, before we knew its name
            await self._end(now.name, seen.id, None)

    def _answer_for(self, name: str, error: Exception) -> None:
        component = self._needs.owner.components.get(name)
        if component is not None and component.alive:
            self._starting.fail(name, component.run, f"a defect of roost: {type(error).__name__}: {error}")

    # -- an end --------------------------------------------------------------------------------------------

    async def _finish(self, component: Component, container: str) -> None:
        name, spec = component.name, self._needs.resolved(component.spec)
        hurry = self._hurried.setdefault(name, asyncio.Event())
        clock = self._needs.clock
        deadline = clock.now() + spec.stop.timeout + PATIENCE
        while True:
            try:
                await self._ask_to_end(spec, component, container, hurry)
                break
            except EngineError as error:
                if error.kind is ErrorKind.NO_SUCH_CONTAINER:
                    break
                if error.kind in AWAY:
                    self._lose(error.message)
                else:
                    self._needs.tell("stop_failed", f"it could not be stopped: {error}", component=name)
                    await asyncio.sleep(_HURRY)
                if clock.now() >= deadline or not await self._engine_back(deadline - clock.now(), hurry):
                    self._give_up(component, container, error.message)
                    return
        self._hurried.pop(name, None)
        await self._end(name, container, None)

    async def _ask_to_end(
        self, spec: Spec, component: Component, container: str, hurry: asyncio.Event
    ) -> None:
        clock = self._needs.clock
        end = clock.now() + (0.0 if hurry.is_set() else spec.stop.timeout)
        command = order.in_container(spec.stop.command)
        by_command = command if not hurry.is_set() else None
        if by_command is not None and await self._ends_by(by_command, component, container, end):
            return
        rest = 0.0 if hurry.is_set() else max(0.0, end - clock.now())
        await self._engine.stop(container, spec.stop.signal, rest, limit=PATIENCE)

    async def _ends_by(
        self, command: tuple[str, ...], component: Component, container: str, end: float
    ) -> bool:
        """Whether it has ended by its own way to be stopped.  Raises EngineError if the engine is to blame."""
        clock = self._needs.clock
        why = ""
        try:
            ended = await self._engine.execute(container, command, end - clock.now())
        except EngineError as error:
            if error.kind in AWAY or error.kind is ErrorKind.NO_SUCH_CONTAINER:
                raise
            why = f"cannot be run: {error}"
        else:
            if ended.code == 0:
                return await self._ends(container, max(0.0, end - clock.now()))
            why = "took too long" if ended.code is None else f"ended with {ended.code}"
        if not self.has_died(container):
            self._needs.tell("stop_failed", f"its stop command {why}", component=component.name)
        return False

    async def _ends(self, container: str, within: float) -> bool:
        try:
            await asyncio.wait_for(self._death(container).wait(), within)
        except TimeoutError:
            return False
        return True

    def _death(self, container: str) -> asyncio.Event:
        return self._deaths.setdefault(container, asyncio.Event())

    async def _engine_back(self, within: float, hurry: asyncio.Event) -> bool:
        """Whether the engine comes back in time; in a hurry nobody waits long."""
        waits = [asyncio.ensure_future(self._back.wait()), asyncio.ensure_future(hurry.wait())]
        try:
            await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if hurry.is_set() and not self._back.is_set():
                await asyncio.wait(waits[:1], timeout=_HURRY)
            return self._back.is_set()
        finally:
            for wait in waits:
                wait.cancel()

    def _give_up(self, component: Component, container: str, why: str) -> None:
        """It is said that it may still run; whoever comes next finds it by its labels."""
        name, clock = component.name, self._needs.clock
        message = f"its container could not be stopped and may still run: {why}"
        self.clearing.left[container] = f"{name}: {message}"
        self._hurried.pop(name, None)
        self._figures.forget(name)
        self._needs.tell("stop_failed", message, component=name, run=component.run)
        now, wall = clock.now(), clock.wall()
        ended = Exit(
            run=component.run,
            code=None,
            signal=None,
            known=False,
            at=now,
            wall=wall,
            uptime=max(0.0, now - (component.started or now)),
            cause=message,
        )
        self._needs.owner.apply(name, Exited(ended))

    async def _end(self, name: str, container: str, code: int | None) -> None:
        """All that it wrote first, then its end; the container goes once the end is on record."""
        needs = self._needs
        component = needs.owner.components.get(name)
        if component is None or component.container != container:
            return  # its end has been told meanwhile
        seen = await self._at_the_end(container)
        await self.clearing.drained(name, component.run)
        self._known.discard(container)
        self._figures.forget(name)
        now, wall = needs.clock.now(), needs.clock.wall()
        self.clearing.unsaved.add(container)
        needs.owner.apply(name, Exited(finding.exit_of(component, seen, code, now, wall)))
        saved = asyncio.Event()
        needs.saved(lambda: self._is_saved(name, component.run, container, saved))
        with contextlib.suppress(
            TimeoutError
        ):  # the next run begins by removing what a later daemon may have to ask
            await asyncio.wait_for(saved.wait(), _SAVE)

    async def _at_the_end(self, container: str) -> ContainerSeen | None:
        """The container as it has ended; None if it cannot be asked."""
        try:
            seen = await self._engine.inspect(container)
            if not seen.is_up:
                return seen
            self.clearing.ours.add(
                container
            )  # somebody has started it again: of this end only the event has told
            await self._engine.kill(container, limit=PATIENCE)
        except EngineError as error:
            if error.kind in AWAY:
                self._lose(error.message)
        return None

    def _is_saved(self, name: str, run: int, container: str, saved: asyncio.Event) -> None:
        saved.set()
        self.clearing.unsaved.discard(container)
        self.clearing.remove(name, run, container)
