"""What people and probes see of running containers: image with digest, health, processor and memory.

Nobody ever waits for a figure: what is asked for is what is known, and asking sees to it that more is known soon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ...core.checkup import Checkup
from ...edges.clock import Clock
from ...edges.engine.api import ContainerSeen, ContainerUsage, Engine, EngineError, Health, ImageSeen

_FRESH = 1.0
"""Seconds for which a figure is good."""


class Figure(Struct, frozen=True, kw_only=True):
    """What is known of the container of one component."""

    container: str
    image: str
    checkup: Checkup
    usage: ContainerUsage = ContainerUsage()


class Figures:
    """The last figure of each component whose container runs."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._known: dict[str, Figure] = {}
        self._asked: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def of(self, name: str) -> Figure | None:
        """What is known of a component's container."""
        return self._known.get(name)

    def note(self, name: str, seen: ContainerSeen, image: ImageSeen | None = None) -> bool:
        """A look at the container; whether its health has changed."""
        before = self._known.get(name)
        same = before is not None and before.container == seen.id
        if before is not None and same and image is None:
            after = replace(before, checkup=_checkup(seen))
        else:
            digest = (image.digest or image.id) if image is not None else seen.image_id
            after = Figure(container=seen.id, image=_named(seen.image, digest), checkup=_checkup(seen))
        self._known[name] = after
        return before is None or before.checkup != after.checkup

    def forget(self, name: str) -> None:
        """It runs no more."""
        self._known.pop(name, None)
        self._asked.pop(name, None)

    def refresh(self, names: Iterable[str]) -> None:
        """Ask how much these use, each at most once a second and never twice at once."""
        now = self._clock.now()
        for name in names:
            figure = self._known.get(name)
            if figure is None or name in self._asking or now - self._asked.get(name, -_FRESH) < _FRESH:
                continue
            self._asked[name] = now
            task = asyncio.get_running_loop().create_task(self._ask(name, figure.container))
            self._asking[name] = task
            task.add_done_callback(lambda _task, name=name: self._asking.pop(name, None))  # type: ignore[misc]

    async def _ask(self, name: str, container: str) -> None:
        try:
            usage = await self._engine.usage(container)
        except EngineError:
            usage = ContainerUsage()  # unknown; that the engine is away is noticed elsewhere
        figure = self._known.get(name)
        if figure is not None and figure.container == container:
            self._known[name] = replace(figure, usage=usage)

    def close(self) -> None:
        """Ask nothing more."""
        for task in list(self._asking.values()):
            task.cancel()


def _named(image: str, digest: str) -> str:
    """`postgres:16@sha256:…`; one that was ordered by its digest is as it was ordered."""
    return image if "@" in image or image == digest else f"{image}@{digest}"


def _checkup(seen: ContainerSeen) -> Checkup:
    if seen.health is Health.NONE:
        return Checkup()
    output = seen.health_output.strip()
    line = output.splitlines()[-1].strip() if output else ""
    return Checkup(known=True, state=seen.health.value, said=line)
