"""Follows the engine and compares: what it tells, what a look at it shows, and what is believed.

Events come as they happen; a look (at every return of the engine, with each `status`, and with the watchdog) finds
what was missed.  Both end in the same: the finding is told to the supervisor, and what somebody else has done to a
container of ours is put on record as drift.
"""

from __future__ import annotations

import asyncio

from ...core.model import Kind
from ...core.states import Component, Desired, Lost, RestartWanted, State
from ...core.words import signal_name
from ...edges.engine.api import Action, Connected, ContainerSeen, EngineError, EngineEvent, Happened
from ...edges.engine.api import Lost as EngineLost
from ..contained import concerns
from . import finding, naming, order
from .figures import Figures
from .finding import Finding, Verdict
from .hands import Hands
from .needs import Needs

WAITING = "waiting for the container engine"
_LOOK = 5.0
"""Seconds that a look may take; an engine that needs longer does not answer."""
_LOOKS = 3
"""How often a look begins anew because something was started or ended meanwhile."""
_AGAIN = (0.2, 0.5, 1.0, 2.0)
"""Seconds until a lost engine is looked for again; the last one for ever."""


class Sight:
    """The one who knows whether the engine is there."""

    def __init__(self, needs: Needs, figures: Figures) -> None:
        self._needs = needs
        self._figures = figures
        self.hands: Hands
        self.obstacle: str | None = f"{WAITING} to answer"
        """Why no container can be started at present; None when one can."""
        self.wall_looked: float | None = None
        """When all containers were last compared with what is believed (S80)."""
        self._expected: dict[str, int] = {}
        """Signals that we have sent to a container and have not heard of yet."""
        self._signalled: dict[str, str] = {}
        """The last signal that somebody else has sent to it."""
        self._looking: asyncio.Task[bool] | None = None
        self._seeking: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on."""
        self._following = asyncio.get_running_loop().create_task(self._follow())

    def close(self) -> None:
        """No more."""
        for task in (self._following, self._seeking, self._looking):
            if task is not None:
                task.cancel()

    # -- whether it is there -------------------------------------------------------------------------------

    def lose(self, why: str) -> str:
        """The engine does not answer: everything of it waits.  What is said of who does."""
        reason = f"{WAITING}: {why}"
        known, self.obstacle = self.obstacle, reason
        self.hands.engine_is(there=False)
        owner = self._needs.owner
        if known != reason:
            for name, component in list(owner.components.items()):
                if concerns(component) and not self.hands.jobs.busy(name):
                    owner.apply(name, Lost(run=component.run, reason=reason))
            owner.look_again()
        if self._seeking is None or self._seeking.done():
            self._seeking = asyncio.get_running_loop().create_task(self._seek())
        return reason

    async def _seek(self) -> None:
        """Look until there is an answer."""
        pauses = iter(_AGAIN)
        pause = next(pauses)
        while self.obstacle is not None:
            await self._needs.clock.sleep_until(self._needs.clock.now() + pause)
            pause = next(pauses, pause)
            if self.obstacle is None or await self.look():
                return

    async def look(self) -> bool:
        """Compare everything with what is believed; whether the engine answered.  Never raises, ends in time."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> bool:
        for _ in range(_LOOKS):
            began = self.hands.jobs.now()
            try:
                found = await self._needs.engine.list(self._needs.place.filter(), limit=_LOOK)
            except EngineError as error:
                self.lose(error.message)
                return False
            if await self._compare(found, began):
                break
        return True

    async def _compare(self, found: tuple[ContainerSeen, ...], began: int) -> bool:
        """What was seen with what is believed; False if it is too old to say everything.

        A component that was started or ended since the look began (`began`) is left alone: what the engine said
        may be older than that.
        """
        jobs, late = self.hands.jobs, False
        ours = finding.by_component(one for one in found if self._needs.place.owns(one.labels))
        was_away, self.obstacle = self.obstacle is not None, None
        self.hands.engine_is(there=True)
        owner = self._needs.owner
        for name, component in list(owner.components.items()):
            mine = ours.pop(name, [])
            if not (concerns(component) or mine) or jobs.busy(name):
                continue
            if not jobs.quiet_since(name, began):
                late = True
            else:
                await self._reconcile(component, finding.judge(component, mine))
        for name, strays in ours.items():
            self._clear(name, tuple(strays), "it is no longer in the configuration")
        self.hands.left.clear()  # whatever was left has been seen now, and is ended
        self.wall_looked = self._needs.clock.wall()
        if was_away:
            owner.look_again()
        return not late

    def expect_signal(self, container: str) -> None:
        """We are about to send one."""
        self._expected[container] = self._expected.get(container, 0) + 1

    # -- what a look shows ---------------------------------------------------------------------------------

    async def _reconcile(self, component: Component, found: Finding) -> None:
        name, seen = component.name, found.seen
        now, wall = self._needs.clock.now(), self._needs.clock.wall()
        if seen is not None and seen.is_up and self._figures.note(name, seen):
            self._needs.hasten(name)
        if seen is not None and self.hands.knows(seen.id):
            self._needs.take_output(component, seen.id)  # how much of it is kept may have been changed
        match found.verdict:
            case Verdict.HERE if seen is not None:
                self._take_up(component, seen, now, wall)
            case Verdict.AS_BELIEVED if seen is not None and not self.hands.knows(seen.id):
                self._take_up(component, seen, now, wall)
            case Verdict.PAUSED if seen is not None:
                self._acquaint(component, seen)
                await self._go_on(component, seen)
            case Verdict.RESTARTED if seen is not None:
                self._drift(component, "its container was started again by somebody; another replaces it")
                self.hands.end(component, None)
            case Verdict.ENDED if seen is not None:
                if component.container is None:
                    self._needs.owner.meet(name, finding.live(seen, now, wall))
                self._acquaint(self._needs.owner.components[name], seen)
                self.hands.end(self._needs.owner.components[name], seen.exit_code)
            case Verdict.GONE:
                if component.container is not None and component.container not in self.hands.ours:
                    self._drift(component, f"its container {finding.short(component.container)} is gone")
                self._needs.owner.meet(name, None)
        self._clear(
            name, found.strays, f"{name} is {component.state}" if not component.alive else "another runs"
        )

    def _take_up(self, component: Component, seen: ContainerSeen, now: float, wall: float) -> None:
        """It runs and goes on; unless it is not what is wanted any more."""
        name, owner = component.name, self._needs.owner
        owner.meet(name, finding.live(seen, now, wall))
        taken = owner.components[name]
        self._acquaint(taken, seen)
        if self.hands.has_died(seen.id):  # since the look at it
            self.hands.end(taken, None)
        elif taken.state is State.STOPPING:
            self.hands.stop(taken)
        elif taken.desired is Desired.RUNNING and self._is_outdated(taken, seen):
            owner.apply(name, RestartWanted(reason="its configuration changed", anew=False))

    def _acquaint(self, component: Component, seen: ContainerSeen) -> None:
        """A container that was there before us: what it wrote meanwhile goes into its log, and what it writes."""
        if not self.hands.knows(seen.id):
            self._needs.take_output(component, seen.id)
            self.hands.took_up(seen.id)

    def _is_outdated(self, component: Component, seen: ContainerSeen) -> bool:
        if component.spec.container is None:
            return component.spec.kind is not Kind.CONTAINER  # else its configuration is not known at present
        try:
            spec = self._needs.resolved(component.spec)
        except OSError:
            return False
        wanted = order.digest(spec, self._needs.project(), self._needs.place)
        return seen.labels.get(naming.ORDER) != wanted

    async def _go_on(self, component: Component, seen: ContainerSeen) -> None:
        """Somebody has paused it; it is wanted running."""
        self._drift(component, "its container was paused by somebody; it goes on")
        try:
            await self._needs.engine.unpause(seen.id)
        except EngineError as error:
            self._needs.complain(f"{component.name}: its container cannot go on: {error}")

    def _clear(self, name: str, strays: tuple[ContainerSeen, ...], why: str) -> None:
        for stray in strays:
            if stray.id in self.hands.unsaved:
                continue
            if stray.is_up and stray.id not in self.hands.ours:
                what = f"{finding.short(stray.id)} of {finding.labelled_run(stray.labels)}"
                message = f"a container ({what}) was running although {why}; it was removed"
                self._needs.tell("drift", message, component=name, data={"container": stray.id})
            self.hands.remove(stray.id)

    def _drift(self, component: Component, message: str) -> None:
        data: dict[str, object] = {"container": component.container}
        self._needs.tell("drift", message, component=component.name, run=component.run, data=data)

    # -- what the engine tells -----------------------------------------------------------------------------

    async def _follow(self) -> None:
        async for event in self._needs.engine.events(self._needs.place.filter()):
            await self._hear(event)

    async def _hear(self, event: EngineEvent) -> None:
        match event:
            case Connected():
                await self.look()
            case EngineLost():
                self.lose(event.reason)
            case Happened() if self._needs.place.owns(event.labels):
                await self._happened(event, event.labels.get(naming.COMPONENT, ""))

    async def _happened(self, event: Happened, name: str) -> None:
        if event.action is Action.DIED:
            self.hands.died(event.container)
        component, by_us = self._needs.owner.components.get(name), event.container in self.hands.ours
        if event.action is Action.REMOVED:
            self.hands.removed(event.container)
            self._expected.pop(event.container, None)
            self._signalled.pop(event.container, None)
        if by_us:
            return
        if component is None:
            return
        if component.container != event.container:
            await self._foreign(event, component)
            return
        match event.action:
            case Action.KILLED:
                self._note_signal(event)
            case Action.DIED if not self.hands.jobs.busy(name):
                signal = self._signalled.pop(event.container, None)
                if signal is not None:
                    self._drift(component, f"its container was ended by somebody, with {signal}")
                self.hands.end(component, event.exit_code)
            case Action.RENAMED:
                await self._name_again(component, event)
            case Action.PAUSED | Action.HEALTH | Action.REMOVED:
                await self.look()

    def _note_signal(self, event: Happened) -> None:
        ours = self._expected.get(event.container, 0)
        if ours:
            self._expected[event.container] = ours - 1
        elif event.signal is not None and event.signal.isdigit():
            self._signalled[event.container] = signal_name(int(event.signal))

    async def _foreign(self, event: Happened, component: Component) -> None:
        """Not the container of the present run, or of one that is over."""
        if event.action is Action.STARTED and not self.hands.jobs.busy(component.name):
            await self.look()
        elif event.action is Action.REMOVED:
            short = finding.short(event.container)
            self._drift(component, f"its container {short} was removed by somebody")

    async def _name_again(self, component: Component, event: Happened) -> None:
        wanted = self._needs.place.container(component.name)
        if event.name == wanted:
            return
        self._drift(
            component, f"its container was renamed to {event.name} by somebody; it gets its name back"
        )
        try:
            await self._needs.engine.rename(event.container, wanted)
        except EngineError as error:
            self._needs.complain(f"{component.name}: its container cannot get its name back: {error}")
