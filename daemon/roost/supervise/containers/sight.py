"""Follows the engine and compares: what it tells, what a look at it shows, and what is believed.

Events come as they happen; a look (at every return of the engine, with each `status`, and with the watchdog) finds
what was missed.  Both end in the same: the finding is told to the supervisor, and what somebody else has done to a
container of ours is put on record as drift.
"""

from __future__ import annotations

import asyncio

from ...core.model import Kind
from ...core.states import Component, Desired, Lost, RestartWanted, State
from ...edges.engine.api import Action, Connected, ContainerSeen, EngineError, EngineEvent, Happened
from ...edges.engine.api import Lost as EngineLost
from ..contained import concerns
from . import finding, naming, order
from .drift import Drift
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
        self.obstacle: str | None = f"{WAITING} to answer"
        """Why no container can be started at present; None when one can."""
        self.wall_looked: float | None = None
        """When all containers were last compared with what is believed (S80)."""
        self._losses = 0
        self._looking: asyncio.Task[bool] | None = None
        self._next_look: asyncio.Task[bool] | None = None
        self._seeking: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None

    def begin(self, hands: Hands) -> None:
        """From now on."""
        self.hands = hands
        self.drift = Drift(self._needs, hands.jobs)
        self._following = asyncio.get_running_loop().create_task(self._follow())

    def close(self) -> None:
        """No more."""
        for task in (self._following, self._seeking, self._looking, self._next_look):
            if task is not None:
                task.cancel()

    # -- whether it is there -------------------------------------------------------------------------------

    def lose(self, why: str) -> str:
        """The engine does not answer: everything of it waits.  What is said of who does."""
        reason = f"{WAITING}: {why}"
        known, self.obstacle = self.obstacle, reason
        self._losses += 1
        self.hands.engine_is(there=False)
        owner = self._needs.owner
        for name, component in list(owner.components.items()):
            if known == reason and component.state not in (State.STARTING, State.RUNNING):
                continue  # it has been told
            if concerns(component) and not self._is_elsewhere(component):
                owner.apply(name, Lost(run=component.run, reason=reason))
        if known != reason:
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
        """Compare everything with what is believed; whether the engine answered.  Never raises, ends in time.

        It begins after the call: one that is under way may have asked before that happened for which this is called.
        """
        if self._next_look is None:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.get_running_loop().create_task(self._look())
                return await asyncio.shield(self._looking)
            self._next_look = asyncio.get_running_loop().create_task(self._look_after(self._looking))
        return await asyncio.shield(self._next_look)

    async def _look_after(self, before: asyncio.Task[bool]) -> bool:
        await asyncio.wait([before])
        self._looking, self._next_look = self._next_look, None
        return await self._look()

    async def _look(self) -> bool:
        for _ in range(_LOOKS):
            began, losses = self.hands.jobs.now(), self._losses
            try:
                found = await self._needs.engine.list(self._needs.place.filter(), limit=_LOOK)
            except EngineError as error:
                self.lose(error.message)
                return False
            if losses == self._losses and self._compare(found, began):
                return True
        return self.obstacle is None

    def _compare(self, found: tuple[ContainerSeen, ...], began: int) -> bool:
        """What was seen with what is believed; False if it is too old to say everything.

        A component that was started or ended since the look began (`began`) is left alone: what the engine said
        may be older than that.
        """
        jobs, late = self.hands.jobs, False
        ours = finding.by_component(one for one in found if self._needs.place.owns(one.labels))
        self.hands.engine_is(there=True)
        owner = self._needs.owner
        for name in list(owner.components):
            component, mine = owner.components.get(name), ours.pop(name, [])
            if component is None or not (concerns(component) or mine) or self._is_elsewhere(component):
                continue
            if not jobs.quiet_since(name, began):
                late = True
            else:
                self._reconcile(component, finding.judge(component, mine))
        for name, strays in ours.items():
            self._clear(name, tuple(strays), "it is no longer in the configuration")
        self.hands.clearing.saw_all({one.id for one in found})
        self.wall_looked = self._needs.clock.wall()
        was_away, self.obstacle = self.obstacle is not None, None  # not before all that runs is known to
        if was_away:
            owner.look_again()
        return not late

    def _is_elsewhere(self, component: Component) -> bool:
        """Whether somebody is at work on it who will tell what comes of it."""
        return self.hands.jobs.busy(component.name) or self._needs.is_keepers(component)

    # -- what a look shows ---------------------------------------------------------------------------------

    def _reconcile(self, component: Component, found: Finding) -> None:
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
            case Verdict.RESTARTED if seen is not None:
                self.drift.tell(component, "its container was started again by somebody; another replaces it")
                self.hands.end(component, None)
            case Verdict.ENDED if seen is not None:
                if component.container is None:
                    self._needs.owner.meet(name, finding.live(seen, now, wall))
                self._acquaint(self._needs.owner.components[name], seen)
                self.hands.end(self._needs.owner.components[name], seen.exit_code)
            case Verdict.GONE:
                if component.container is not None and component.container not in self.hands.clearing.ours:
                    self.drift.tell(component, f"its container {finding.short(component.container)} is gone")
                self._needs.owner.meet(name, None)
        if found.is_paused and seen is not None:
            self.drift.go_on(self._needs.owner.components[name], seen)
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

    def _clear(self, name: str, strays: tuple[ContainerSeen, ...], why: str) -> None:
        for stray in strays:
            if stray.id in self.hands.clearing.unsaved:
                continue
            if stray.is_up and stray.id not in self.hands.clearing.ours:
                what = f"{finding.short(stray.id)} of {finding.labelled_run(stray.labels)}"
                message = f"a container ({what}) was running although {why}; it was removed"
                self._needs.tell("drift", message, component=name, data={"container": stray.id})
            self.hands.clearing.remove(name, naming.run_of(stray.labels), stray.id, stray.is_up)

    # -- what the engine tells -----------------------------------------------------------------------------

    async def _follow(self) -> None:
        async for event in self._needs.engine.events(self._needs.place.filter()):
            try:
                await self._hear(event)
            except Exception as error:  # noqa: BLE001 - a defect of ours, which must not make us deaf
                self._needs.complain(f"{event}: {type(error).__name__}: {error}")

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
        component, by_us = self._needs.owner.components.get(name), event.container in self.hands.clearing.ours
        if event.action is Action.REMOVED:
            self.hands.removed(event.container)
            self.drift.removed(event.container)
        if by_us:
            return
        if component is None:
            return
        if component.container != event.container:
            await self._foreign(event, component)
            return
        match event.action:
            case Action.KILLED:
                self.drift.note_signal(event)
            case Action.DIED:
                self.drift.ended(component, event.container)
                if not self.hands.jobs.busy(name):  # else a look has found it ended, say
                    self.hands.end(component, event.exit_code)
            case Action.RENAMED:
                self.drift.name_again(component, event)
            case Action.PAUSED | Action.HEALTH | Action.REMOVED:
                await self.look()

    async def _foreign(self, event: Happened, component: Component) -> None:
        """Not the container of the present run, or of one that is over."""
        if event.action is Action.STARTED and not self.hands.jobs.busy(component.name):
            await self.look()
        elif event.action is Action.REMOVED:
            short = finding.short(event.container)
            self.drift.tell(component, f"its container {short} was removed by somebody")
