"""api.Engine through the `docker` library: every method is one call on a thread, translated both ways."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..clock import RealClock
from . import faults, images, podman, rendering, seen, stopping
from .api import (
    QUICK,
    SLOW,
    Build,
    ContainerOrder,
    ContainerSeen,
    ContainerUsage,
    EngineError,
    EngineEvent,
    EngineSeen,
    ErrorKind,
    ExecResult,
    ImageSeen,
    LogReader,
    NetworkSeen,
    Progress,
    Pull,
    Session,
)
from .calls import Row
from .client import Client
from .events import ANSWER, events
from .execs import Execs
from .hijack import attach
from .locate import Endpoint
from .logs import EngineLog
from .sessions import EngineSession

if TYPE_CHECKING:
    from docker.api.client import APIClient

T = TypeVar("T")

QUICK_THREADS = 8
PATIENT_THREADS = 64
"""Calls that make the engine work (create, start, stop, remove, pull, build, exec): many, or one would wait for
another, and a question for all of them."""


_WHILE_ANOTHER_REMOVES = 0.05


class DockerEngine:
    """An engine wherever `locate` finds it.  Making one costs nothing and imports nothing."""

    def __init__(self, locate: Callable[[], Endpoint]) -> None:
        self._client = Client(locate)
        self._quick = Row("roost-engine", QUICK_THREADS)
        self._patient = Row("roost-engine-long", PATIENT_THREADS)
        self._execs = Execs(self._client, self._quick, self._patient)
        self._marks: dict[str, seen.CpuMark] = {}
        self._locate = locate

    @property
    def endpoint(self) -> str:
        known = self._client.endpoint
        if known is not None:
            return known.url
        with contextlib.suppress(EngineError):
            return self._locate().url
        return ""

    @property
    def busy(self) -> int:
        """Threads that wait for the engine at this moment; never more than both rows have."""
        return self._quick.busy + self._patient.busy

    async def close(self) -> None:
        await self._execs.close()
        self._client.close()

    async def seen(self, limit: float = QUICK) -> EngineSeen:
        await self.ping(limit)
        return seen.engine(self._client.version, self._client.is_podman, self.endpoint)

    async def ping(self, limit: float = QUICK) -> None:
        await self._ask(lambda sdk: sdk.ping(), limit, "the engine")

    # -- containers

    async def list(self, labels: Mapping[str, str], limit: float = QUICK) -> tuple[ContainerSeen, ...]:
        what = "listing containers"
        try:
            async with asyncio.timeout(limit + 1):  # the calls' own limits come first
                found = await self._ask(
                    lambda sdk: sdk.containers(all=True, filters=rendering.filters(dict(labels))), limit, what
                )
                looks = [self._inspect_or_none(each["Id"], limit) for each in found]
                containers = [each for each in await asyncio.gather(*looks) if each is not None]
        except TimeoutError:
            raise faults.of_silence(what, limit) from None  # each was in time, all together were not
        return tuple(sorted(containers, key=lambda container: container.created_at or 0.0))

    async def inspect(self, container: str, limit: float = QUICK) -> ContainerSeen:
        what = f"looking at container {container}"
        found = await self._ask(lambda sdk: sdk.inspect_container(container), limit, what)
        return seen.container(found, self._client.is_podman)

    async def _inspect_or_none(self, container: str, limit: float) -> ContainerSeen | None:
        try:
            return await self.inspect(container, limit)
        except EngineError as error:
            if error.kind is ErrorKind.NO_SUCH_CONTAINER:
                return None  # removed since it was listed
            raise

    async def create(self, order: ContainerOrder, limit: float = SLOW) -> str:
        def create(sdk: APIClient) -> str:
            body = rendering.create_body(order, self._client.is_podman)
            return str(sdk.create_container_from_config(body, order.name)["Id"])

        return await self._ask_long(create, limit, f"creating container {order.name}")

    async def start(self, container: str, limit: float = SLOW) -> None:
        await self._ask_long(lambda sdk: sdk.start(container), limit, f"starting container {container}")

    async def stop(self, container: str, signal: str, timeout: float, limit: float = SLOW) -> None:
        what = f"stopping container {container}"
        within = timeout + limit
        await self._ask_long(
            lambda sdk: stopping.stop(sdk, container, signal, timeout, self._client.is_podman), within, what
        )

    async def kill(self, container: str, signal: str = "KILL", limit: float = QUICK) -> None:
        what = f"sending {signal} to container {container}"
        await self._ask(lambda sdk: sdk.kill(container, stopping.plain(signal)), limit, what)

    async def unpause(self, container: str, limit: float = QUICK) -> None:
        await self._ask(lambda sdk: sdk.unpause(container), limit, f"unpausing container {container}")

    async def remove(self, container: str, limit: float = SLOW) -> None:
        self._marks.pop(container, None)
        what = f"removing container {container}"
        end = asyncio.get_running_loop().time() + limit
        while True:
            try:
                await self._gone_is_fine(
                    lambda sdk: sdk.remove_container(container, v=True, force=True), limit, what
                )
                return
            except EngineError as error:
                if "already in progress" not in error.message or asyncio.get_running_loop().time() > end:
                    raise
            await asyncio.sleep(_WHILE_ANOTHER_REMOVES)

    async def rename(self, container: str, name: str, limit: float = QUICK) -> None:
        what = f"renaming container {container} to {name}"
        await self._ask(lambda sdk: sdk.rename(container, name), limit, what)

    async def usage(self, container: str, limit: float = QUICK) -> ContainerUsage:
        what = f"asking what container {container} uses"
        found = await self._ask(lambda sdk: _stats(sdk, container), limit, what)
        used, mark = seen.usage(found, self._marks.get(container))
        if mark is not None:
            self._marks[container] = mark
        return used

    # -- images, networks, volumes

    async def image(self, reference: str, limit: float = QUICK) -> ImageSeen:
        found = await self._ask(lambda sdk: sdk.inspect_image(reference), limit, f"image {reference}")
        return seen.image(found)

    async def ensure_image(self, reference: str, pull: Pull, progress: Progress | None = None) -> ImageSeen:
        say = self._teller(progress)
        return await self._patient.run(
            lambda: images.ensure(self._client, reference, pull, say, RealClock().now),
            None,
            f"pulling {reference}",
        )

    async def build(self, build: Build, progress: Progress | None = None) -> ImageSeen:
        say = self._teller(progress)
        return await self._patient.run(
            lambda: images.build(self._client, build, say), None, f"building {build.tag}"
        )

    async def ensure_network(self, name: str, labels: Mapping[str, str], limit: float = SLOW) -> str:
        def ensure(sdk: APIClient) -> str:
            for each in sdk.networks(names=[name]):
                if each["Name"] == name:
                    return str(each["Id"])
            return str(sdk.create_network(name, labels=dict(labels), check_duplicate=True)["Id"])

        return await self._ask_long(ensure, limit, f"making network {name}")

    async def networks(self, labels: Mapping[str, str], limit: float = QUICK) -> tuple[NetworkSeen, ...]:
        found = await self._ask(
            lambda sdk: sdk.networks(filters=rendering.filters(dict(labels))), limit, "listing networks"
        )
        return tuple(seen.network(each) for each in found)

    async def remove_network(self, network: str, limit: float = SLOW) -> None:
        def remove(sdk: APIClient) -> None:
            is_podman = self._client.is_podman
            sdk.remove_network(podman.network_name(network, sdk.networks()) if is_podman else network)

        await self._gone_is_fine(remove, limit, f"removing network {network}")

    async def ensure_volume(self, name: str, labels: Mapping[str, str], limit: float = SLOW) -> None:
        await self._ask_long(
            lambda sdk: sdk.create_volume(name, labels=dict(labels)), limit, f"making volume {name}"
        )

    # -- inside a container

    async def execute(
        self,
        container: str,
        command: tuple[str, ...],
        timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        return await self._execs.execute(container, command, timeout, environment)

    async def open_exec(
        self,
        container: str,
        command: tuple[str, ...],
        tty: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Session:
        return await self._execs.open(container, command, tty, environment)

    async def attach(self, container: str) -> Session:
        found = await self.inspect(container)
        tty, what = found.tty, f"attaching to container {container}"
        if not found.is_up:  # Podman would make it ready to begin again
            raise EngineError(ErrorKind.REFUSED, f"{what}: it is not running")
        wire = await self._ask(lambda sdk: attach(sdk, container), QUICK, what)
        return EngineSession(self._client, self._quick, wire, container, None, tty)

    # -- streams

    def events(self, labels: Mapping[str, str], since: float | None = None) -> AsyncIterator[EngineEvent]:
        return events(self._client, labels, since, lambda: self.ping(ANSWER))

    def logs(self, container: str, since_ns: int = 0, follow: bool = True) -> LogReader:
        return EngineLog(self._client, container, since_ns, follow)

    # -- the ways of a call

    async def _ask(self, work: Callable[[APIClient], T], limit: float, what: str) -> T:
        return await self._quick.run(lambda: self._client.call(work, limit, what), limit, what)

    async def _ask_long(self, work: Callable[[APIClient], T], limit: float, what: str) -> T:
        return await self._patient.run(lambda: self._client.call(work, limit, what), limit, what)

    async def _gone_is_fine(self, work: Callable[[APIClient], object], limit: float, what: str) -> None:
        try:
            await self._ask_long(work, limit, what)
        except EngineError as error:
            if error.kind is not ErrorKind.NO_SUCH_CONTAINER and "not found" not in error.message.lower():
                raise

    def _teller(self, progress: Progress | None) -> Callable[[str], None]:
        if progress is None:
            return lambda text: None
        loop = asyncio.get_running_loop()

        def say(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                loop.call_soon_threadsafe(progress, text)

        return say


def _stats(sdk: APIClient, container: str) -> Mapping[str, Any]:
    one_shot = True if stopping.is_at_least(sdk.api_version, 1, 41) else None
    found: Mapping[str, Any] = sdk.stats(container, stream=False, one_shot=one_shot)
    return found
