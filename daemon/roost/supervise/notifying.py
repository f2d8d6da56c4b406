"""What components say of themselves (sd_notify): from their sockets to the supervisor and the probes.

Said by a process that does not belong to the component's tree, it is not believed.  What has been said
stands here, by component and run; the probes look at it (`edges.probes.notify`), and what cannot wait for
the next look is told to the supervisor at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable

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

    def _changed(self, names: frozenset[str]) -> None:
        for name in names:
            if name not in self._supervisor.components:
                self._sockets.close(name)
                self._standing.pop(name, None)

    def hear(self, name: str, data: bytes, sender: int | None) -> None:
        """A datagram has come."""
        component = self._supervisor.components.get(name)
        if component is None or component.pid is None or not self._believes(component, sender):
            return
        notice = notify.parse(data)
        self._standing[name] = (component.run, notify.heard(self.standing(name), notice))
        if notice.status is not None and notice.status != (component.status_text or ""):
            self._apply(name, Noted(run=component.run, text=notice.status))
        if notice.trigger:
            self._insist(component, ProbeKind.LIVENESS, "it asks to be restarted (WATCHDOG=trigger)")
        if notice.reloading or notice.stopping:
            self._insist(component, ProbeKind.READINESS, notify.readiness(self.standing(name))[1])
        elif notice.ready:
            self._hasten(name)

    def _believes(self, component: Component, sender: int | None) -> bool:
        if sender is None or component.pid is None:
            return True  # where the system does not tell, the socket's folder is open to its owner alone
        marks = {"ROOST_COMPONENT": component.name, "ROOST_RUN": str(component.run)}
        return self._belongs(sender, component.pid, {**marks, "ROOST_INSTANCE": self._instance()})

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
