"""A container engine in memory, for the orchestration around one; what an engine really does, the real one shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from msgspec.structs import replace

from roost.edges.engine.api import (
    Action,
    Build,
    Connected,
    ContainerOrder,
    ContainerSeen,
    EngineError,
    EngineEvent,
    ErrorKind,
    ExecResult,
    Happened,
    ImageSeen,
    Lost,
    NetworkSeen,
    Progress,
    Pull,
    Status,
)
from support.virtual_loop import VirtualClock

GONE = EngineError(ErrorKind.UNAVAILABLE, "no container engine answers")


class FakeEngine:
    """Keeps containers; `away` makes every call fail, `hold` makes the calls named so wait, `late` their answers."""

    endpoint = "tcp://elsewhere"

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.containers: dict[str, ContainerSeen] = {}
        self.calls: list[str] = []
        self.away = False
        self.hold: dict[str, asyncio.Event] = {}
        self.late: dict[str, asyncio.Event] = {}
        self._late: dict[str, asyncio.Event] = {}
        self._failing: dict[str, EngineError] = {}
        self.refuse: dict[str, EngineError] = {}
        self.on_kill: Callable[[], None] = lambda: None
        self.exits_at_once: int | None = None
        self.stubborn = False
        """Whether containers end only when they are killed."""
        self.command: ExecResult | None = None
        """How a command in a container ends; None: the engine refuses to run it."""
        self.images: dict[str, str] = {}
        self.pulls: list[Progress] = []
        self._events: asyncio.Queue[EngineEvent] = asyncio.Queue()
        self._count = 0

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hold:
            await self.hold[name].wait()
        if self.away:
            raise GONE
        if name in self.refuse:
            raise self.refuse.pop(name)

    async def _answer(self, name: str) -> None:
        if name in self.late:
            late = self._late[name] = self.late.pop(name)
            await late.wait()
            if name in self._failing:
                raise self._failing.pop(name)

    def let_go(self, name: str) -> None:
        """Let a late answer come."""
        self._late.pop(name).set()

    def fail_late(self, name: str, error: EngineError) -> None:
        """Let the late answer be this error."""
        self._failing[name] = error

    def _found(self, container: str) -> ContainerSeen:
        for one in self.containers.values():
            if container in (one.id, one.name):
                return one
        raise EngineError(ErrorKind.NO_SUCH_CONTAINER, "no such container")

    def happen(
        self, action: Action, container: str, code: int | None = None, signal: str | None = None
    ) -> None:
        """Let an event be told."""
        one = self._found(container)
        self._events.put_nowait(
            Happened(
                action=action,
                container=one.id,
                name=one.name,
                labels=one.labels,
                at_ns=0,
                exit_code=code,
                signal=signal,
            )
        )

    def end(self, container: str, code: int) -> None:
        """Let a container end by itself."""
        self.containers[container] = replace(
            self.containers[container], status=Status.EXITED, exit_code=code, finished_at=self.clock.wall()
        )
        self.happen(Action.DIED, container, code)

    def pause(self, container: str) -> None:
        """Let somebody pause it."""
        self.containers[container] = replace(self.containers[container], status=Status.PAUSED)
        self.happen(Action.PAUSED, container)

    def lose(self) -> None:
        """It is gone, and whoever follows its events hears that."""
        self.away = True
        self._events.put_nowait(Lost(GONE.message))

    def running(self) -> list[str]:
        return [one.id for one in self.containers.values() if one.is_up]

    def put(
        self,
        order_labels: Mapping[str, str],
        name: str,
        status: Status = Status.RUNNING,
        image: str = "box:1",
    ) -> str:
        """A container that somebody has made."""
        self._count += 1
        identity = f"c{self._count}"
        self.containers[identity] = ContainerSeen(
            id=identity, name=name, labels=dict(order_labels), image=image,
            image_id=self.images.get(image, "sha256:1"), status=status, started_at=self.clock.wall(),
        )  # fmt: skip
        return identity

    async def list(self, labels: Mapping[str, str], limit: float = 0) -> tuple[ContainerSeen, ...]:
        await self._call("list")
        found = tuple(
            one
            for one in self.containers.values()
            if all(one.labels.get(key) == value for key, value in labels.items())
        )
        await self._answer("list")
        return found

    async def inspect(self, container: str, limit: float = 0) -> ContainerSeen:
        await self._call("inspect")
        found = self._found(container)
        await self._answer("inspect")
        return found

    async def create(self, order: ContainerOrder, limit: float = 0) -> str:
        await self._call("create")
        if any(one.name == order.name for one in self.containers.values()):
            raise EngineError(ErrorKind.NAME_TAKEN, "taken")
        return self.put(order.labels, order.name, Status.CREATED, order.image)

    async def start(self, container: str, limit: float = 0) -> None:
        await self._call("start")
        one = replace(self._found(container), status=Status.RUNNING, started_at=self.clock.wall())
        if self.exits_at_once is not None:
            one = replace(
                one, status=Status.EXITED, exit_code=self.exits_at_once, finished_at=self.clock.wall()
            )
        self.containers[one.id] = one
        if not one.is_up:
            self.happen(Action.DIED, one.id, one.exit_code)

    async def stop(self, container: str, signal: str, timeout: float, limit: float = 0) -> None:
        await self._call("stop")
        await asyncio.sleep(self.stubborn and timeout)
        if self._found(container).is_up:
            self.end(container, 0)

    async def kill(self, container: str, signal: str = "KILL", limit: float = 0) -> None:
        await self._call("kill")
        if not self._found(container).is_up:
            raise EngineError(ErrorKind.REFUSED, "the container is not running")
        self.end(container, 137)
        self.on_kill()

    async def remove(self, container: str, limit: float = 0) -> None:
        await self._call("remove")
        self.containers.pop(container, None)

    async def rename(self, container: str, name: str, limit: float = 0) -> None:
        await self._call("rename")
        one = self._found(container)
        self.containers[one.id] = replace(one, name=name)

    async def unpause(self, container: str, limit: float = 0) -> None:
        await self._call("unpause")
        one = self._found(container)
        self.containers[one.id] = replace(one, status=Status.RUNNING)

    async def ensure_image(self, reference: str, pull: Pull, progress: Progress | None = None) -> ImageSeen:
        if progress is not None:
            self.pulls.append(progress)
            progress(f"pulling {reference}: 1 of 2 MB")
        await self._call("pull")
        return ImageSeen(id="sha256:1")

    async def image(self, reference: str, limit: float = 0) -> ImageSeen:
        await self._call("image")
        if reference not in self.images:
            raise EngineError(ErrorKind.NO_SUCH_IMAGE, "no such image")
        return ImageSeen(id=self.images[reference])

    async def build(self, build: Build, progress: Progress | None = None) -> ImageSeen:
        await self._call("build")
        number = self.calls.count("build")
        self.images[build.tag] = f"sha256:built{number}"
        await self._answer("build")
        return ImageSeen(id=f"sha256:built{number}")

    async def execute(
        self, container: str, command: tuple[str, ...], timeout: float, environment: object = None
    ) -> ExecResult:
        await self._call("execute")
        if self.command is None:
            raise EngineError(ErrorKind.REFUSED, "the container is not running")
        return self.command

    async def ensure_network(self, name: str, labels: Mapping[str, str], limit: float = 0) -> str:
        await self._call("network")
        return name

    async def networks(self, labels: Mapping[str, str], limit: float = 0) -> tuple[NetworkSeen, ...]:
        await self._call("networks")
        return ()

    async def events(
        self, labels: Mapping[str, str], since: float | None = None
    ) -> AsyncIterator[EngineEvent]:
        yield Connected()
        while True:
            yield await self._events.get()


class FakeCapture:
    """Notes whose output is taken; `late` is told of nothing more until it is set."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, str]] = []
        self.late: asyncio.Event | None = None

    def start(self, name: str, run: int, container: str, max_size: int, max_files: int) -> None:
        if (name, run, container) not in self.taken:
            self.taken.append((name, run, container))

    async def drained(self, name: str, run: int) -> None:
        if self.late is not None:
            await self.late.wait()

    async def clear(self, name: str, run: int, max_size: int, max_files: int) -> None:
        return

    def abandon(self, name: str, run: int) -> None:
        return

    def settings(self, name: str, max_size: int, max_files: int) -> None:
        return

    def look_after(self) -> None:
        return

    async def close(self) -> None:
        return
