"""A world without processes for the supervisor: it notes what was asked and answers when the test says so."""

from __future__ import annotations

from collections.abc import Callable

from roost.core.model import Kind, ProbeKind, Project, Spec
from roost.core.states import Component, Event, Exit, Exited, Spawned, SpawnFailed, Tell
from roost.supervise.loop import Supervisor
from support.virtual_loop import VirtualClock


class FakeWorld:
    """Keeps the runs that live; a spawn is answered at once unless `hold` is set."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.live: dict[str, int] = {}
        self.spawned: list[tuple[float, str, int]] = []
        self.stopped: list[tuple[float, str, int]] = []
        self.told: list[tuple[float, Tell]] = []
        self.probes: dict[str, tuple[ProbeKind, ...]] = {}
        self.hold = False
        self.broken: set[str] = set()
        self.ending: set[str] = set()
        """What has ended, and nobody has been told."""
        self.unplugged = False
        """What containers run in cannot be reached."""
        self.containers: set[str] = set()
        self.unseen: dict[str, Exit] = {}
        """How containers ended meanwhile."""
        self.apply: Callable[[str, Event], None] = lambda _name, _event: None

    def obstacle(self, component: Component) -> str | None:
        return "waiting for the engine" if self.unplugged and _contained(component) else None

    def spawn(self, component: Component) -> None:
        assert not (self.unplugged and _contained(component)), f"{component.name} has nothing to run in"
        assert component.name not in self.live, f"{component.name} would run twice"
        self.spawned.append((self.clock.now(), component.name, component.run))
        if component.name in self.broken:
            self.apply(component.name, SpawnFailed(run=component.run, message="no such program", wall=0.0))
            return
        self.live[component.name] = component.run
        if _contained(component):
            self.containers.add(component.name)
        if not self.hold:
            self.answer(component.name)

    def answer(self, name: str) -> None:
        run, wall = self.live[name], self.clock.wall()
        if name in self.containers:
            self.apply(name, Spawned(run=run, container=f"{name}-{run}", wall=wall))
        else:
            self.apply(name, Spawned(run=run, pid=1000 + run, wall=wall))

    def stop(self, component: Component) -> None:
        self.stopped.append((self.clock.now(), component.name, component.run))

    def probe(self, component: Component, kinds: tuple[ProbeKind, ...]) -> None:
        self.probes[component.name] = kinds

    def tell(self, component: Component, what: Tell) -> None:
        self.told.append((self.clock.now(), what))

    def lives(self, component: Component) -> bool:
        """Whether it does, told or not."""
        return component.name in self.live and component.name not in self.ending

    def end(self, name: str, code: int = 0, uptime: float = 0.0) -> None:
        """Let the live run of a component end."""
        run = self.live[name]
        now = self.clock.now()
        ended = Exit(
            run=run, code=code, signal=None, known=True, at=now, wall=self.clock.wall(), uptime=uptime
        )
        if self.unplugged and name in self.containers:
            self.unseen.setdefault(name, ended)
            return
        del self.live[name]
        self.apply(name, Exited(ended))

    def unplug(self) -> None:
        """The engine is gone; what it was asked to start and had not yet is never started."""
        self.unplugged = True

    def plug(self) -> dict[str, Exit]:
        """It is back; gives the containers that ended meanwhile, which are no longer there."""
        self.unplugged = False
        ended, self.unseen = self.unseen, {}
        for name in ended:
            del self.live[name]
        return ended


def _contained(component: Component) -> bool:
    return component.spec.kind is Kind.CONTAINER


def project(*specs: Spec) -> Project:
    """A project of these components."""
    return Project(
        name="test", root="/project", config_path="/project/roost.yaml", components={s.name: s for s in specs}
    )


def supervise(*specs: Spec) -> tuple[Supervisor, FakeWorld]:
    """A supervisor over a fake world, on the running (virtual) loop."""
    clock = VirtualClock()
    world = FakeWorld(clock)
    supervisor = Supervisor(project(*specs), clock, world)
    world.apply = supervisor.apply
    return supervisor, world
