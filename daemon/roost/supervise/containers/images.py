"""Images: fetched or built for a start, each once however many components wait for it, and on demand again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...core.model import Spec
from ...edges.clock import Clock
from ...edges.engine.api import Engine, EngineError, ErrorKind, ImageSeen, Pull
from . import order
from .naming import Place

_PAUSE = 0.25
"""Seconds between two words about how far it is."""

Say = Callable[[str], None]


class Images:
    """The images of one project."""

    def __init__(self, engine: Engine, place: Place, clock: Clock) -> None:
        self._engine = engine
        self._place = place
        self._clock = clock
        self._turns: dict[str, asyncio.Lock] = {}

    async def ready(self, spec: Spec, say: Say) -> ImageSeen:
        """The image of a component that is about to start.  Raises EngineError."""
        reference = order.image_of(spec, self._place)
        build = order.build_of(spec, self._place)
        async with self._turn(reference):
            if build is None:
                pull = Pull(order.keys_of(spec).pull)
                return await self._engine.ensure_image(reference, pull, self._paced(say))
            try:
                return await self._engine.image(reference)
            except EngineError as error:
                if error.kind is not ErrorKind.NO_SUCH_IMAGE:
                    raise
            return await self._engine.build(build, self._paced(say))

    async def anew(self, spec: Spec, say: Say) -> ImageSeen:
        """Build it, whether it is there or not.  Raises EngineError."""
        build = order.build_of(spec, self._place)
        if build is None:
            raise AssertionError(f"{spec.name} is not built")
        async with self._turn(build.tag):
            return await self._engine.build(build, self._paced(say))

    def _turn(self, reference: str) -> asyncio.Lock:
        return self._turns.setdefault(reference, asyncio.Lock())

    def _paced(self, say: Say) -> Say:
        """Not every layer's every kilobyte is worth a word."""
        said = -_PAUSE

        def pace(text: str) -> None:
            nonlocal said
            now = self._clock.now()
            if now - said >= _PAUSE:
                said = now
                say(text)

        return pace
