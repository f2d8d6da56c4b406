"""What components say of themselves (sd_notify): from their sockets to the supervisor and the probes.

Said by a process that does not belong to the component's tree, it is not believed.  What has been said
stands here, by component and run; the probes look at it (`edges.probes.notify`), and what cannot wait for
the next look is told to the supervisor at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from ..core import notify
from ..core.health import Result
from ..core.model import ProbeKind, Spec
from ..core.notify import Standing
from ..core.states import Component, Event, Noted, Probed
from ..edges.clock import Clock
from ..edges.notices import Keep, NoticeSockets
from ..platform import notices
from .loop import Supervisor

Hasten = Callable[[str], None]
"""Have the notify probes of a component look now."""

Belongs = Callable[[int, int, dict[str, str]], bool]

NO_LEADER = -1
"""While it is not known which process leads the run, its mark alone tells who belongs to it."""

_EARLY_AT_MOST = 64


class _Early(Struct, frozen=True):
    """A datagram that came before the keeper's word that the run was started."""

    run: int
    data: bytes
    sender: int | None
    believed: bool


class Notifying:
    """Listens to every component that has a notify probe."""

    def __init__(
        self,
        supervisor: Supervisor,
        clock: Clock,
        path: Callable[[str], str],
        instance: Callable[[], str],
        hasten: Hasten,
        complain: Callable[[str], None],
        belongs: Belongs = notices.belongs,
        keep: Keep = lambda _name, _fd: None,
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._instance = instance
        self._hasten = hasten
        self._complain = complain
        self._belongs = belongs
        self._sockets = NoticeSockets(path, self.hear, keep)
        self._standing: dict[str, tuple[int, Standing]] = {}
        self._early: dict[str, list[_Early]] = {}
        supervisor.watch(self._changed)

    def begin(self) -> None:
        """Listen again to what was started before this daemon."""
        for component in self._supervisor.components.values():
            if component.alive and notify.speaks(component.spec):
                self.environment(component.spec)

    @property
    def sockets(self) -> dict[str, int]:
        """The descriptors on which we listen, by component."""
        return self._sockets.descriptors

    def inherit(self, name: str, fd: int) -> None:
        """Go on listening where the daemon before us did; the descriptor is ours."""
        component = self._supervisor.components.get(name)
        if component is None or not notify.speaks(component.spec):
            os.close(fd)
        else:
            self._sockets.inherit(name, fd)

    def environment(self, spec: Spec) -> dict[str, str]:
        """The variables by which a component that is about to start knows where to speak."""
        if not notify.speaks(spec) or not notices.SUPPORTED:
            return {}
        try:
            variables = {"NOTIFY_SOCKET": self._sockets.open(spec.name)}
        except OSError as error:
            self._complain(f"{spec.name} cannot be listened to (sd_notify): {error}")
            return {}
        microseconds = notify.watchdog_microseconds(spec)
        if microseconds is not None:
            variables["WATCHDOG_USEC"] = str(microseconds)
        return variables

    def standing(self, name: str) -> Standing:
        """What the present run has said; of one from before this daemon, what follows from how it is."""
        component = self._supervisor.components[name]
        known = self._standing.get(name)
        if known is not None and known[0] == component.run:
            return known[1]
        return Standing(ready=component.ready)

    def repair(self) -> list[str]:
        """Open again what somebody has deleted; the names of these components."""
        lost = self._sockets.lost()
        for name in lost:
            self._sockets.open(name)
        return lost

    def close(self) -> None:
        """Listen no more."""
        self._supervisor.unwatch(self._changed)
        self._sockets.close_all()

    @property
    def early(self) -> int:
        """How many datagrams wait for the keeper's word that their sender's run was started."""
        return sum(len(waiting) for waiting in self._early.values())

    def _changed(self, names: frozenset[str]) -> None:
        for name in names:
            component = self._supervisor.components.get(name)
            if component is None:
                self._sockets.close(name)
                self._standing.pop(name, None)
            if component is None or component.pid is not None or not component.alive:
                self._hear_early(name, component)

    def hear(self, name: str, data: bytes, sender: int | None) -> None:
        """A datagram has come."""
        component = self._supervisor.components.get(name)
        if component is None:
            return
        if component.pid is not None:
            self._hear_early(name, component)
            if self._believes(component, component.pid, sender):
                self._take(self._supervisor.components[name], data)
        elif component.alive and not component.there:
            waiting = self._early.setdefault(name, [])
            known = self._believes(component, NO_LEADER, sender)  # it may have gone before the answer comes
            waiting.append(_Early(component.run, data, sender, known))
            del waiting[:-_EARLY_AT_MOST]

    def _hear_early(self, name: str, component: Component | None) -> None:
        """What was said before the keeper had told of the run; nothing of it counts for another."""
        for early in self._early.pop(name, ()):
            if component is None or component.pid is None or early.run != component.run:
                continue
            if early.believed or self._believes(component, component.pid, early.sender):
                self._take(self._supervisor.components[name], early.data)

    def _take(self, component: Component, data: bytes) -> None:
        """Its own word."""
        name, notice = component.name, notify.parse(data)
        self._standing[name] = (component.run, notify.heard(self.standing(name), notice))
        if notice.status is not None and notice.status != (component.status_text or ""):
            self._apply(name, Noted(run=component.run, text=notice.status))
        if notice.trigger:
            self._insist(component, ProbeKind.LIVENESS, "it asks to be restarted (WATCHDOG=trigger)")
        if notice.reloading or notice.stopping:
            self._insist(component, ProbeKind.READINESS, notify.readiness(self.standing(name))[1])
        elif notice.ready:
            self._hasten(name)

    def _believes(self, component: Component, leader: int, sender: int | None) -> bool:
        if sender is None:
            return True  # where the system does not tell, the socket's folder is open to its owner alone
        marks = {"ROOST_COMPONENT": component.name, "ROOST_RUN": str(component.run)}
        return self._belongs(sender, leader, {**marks, "ROOST_INSTANCE": self._instance()})

    def _insist(self, component: Component, kind: ProbeKind, message: str) -> None:
        """A failure of which the component itself is sure needs no threshold."""
        probe = notify.listening(component.spec, kind)
        if probe is None or (
            kind is ProbeKind.READINESS and notify.readiness(self.standing(component.name))[0]
        ):
            return
        result = Result(ok=False, message=message, at=self._clock.wall())
        for _ in range(probe.failure_threshold):
            self._apply(component.name, Probed(run=component.run, kind=kind, result=result))

    def _apply(self, name: str, event: Event) -> None:
        self._supervisor.apply(name, event)
