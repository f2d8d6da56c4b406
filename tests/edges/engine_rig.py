"""What the tests of the engine share: an engine to talk to, containers that are removed again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from roost.edges.engine.api import ContainerOrder, Engine, EngineError
from roost.edges.engine.connect import connect
from support.engine import RealEngine

T = TypeVar("T")

TEST_LABEL = "roost.test"
_numbers = itertools.count(1)


def run(test: Callable[[], Awaitable[T]], within: float = 120.0) -> T:
    """Run a test's coroutine, bounded."""

    async def bounded() -> T:
        async with asyncio.timeout(within):
            return await test()

    return asyncio.run(bounded())


@contextlib.asynccontextmanager
async def talking_to(real: RealEngine) -> AsyncIterator[Engine]:
    """An engine; what was made with `order` is removed at the end."""
    engine = connect(real.environment)
    try:
        yield engine
    except BaseException:
        with contextlib.suppress(EngineError):  # the first failure is the one to be told
            await _clear(engine)
        raise
    else:
        await _clear(engine)
    finally:
        await engine.close()


async def _clear(engine: Engine) -> None:
    for container in await engine.list({TEST_LABEL: ""}, limit=60):
        await engine.remove(container.id)


def order(*command: str, **fields: Any) -> ContainerOrder:
    """A container of busybox with a name of its own."""
    labels = {TEST_LABEL: "1", **fields.pop("labels", {})}
    name = fields.pop("name", f"roost-test-{os.getpid()}-{next(_numbers)}")
    given = {"image": "localtest/busybox:1", "command": command or ("sleep", "600"), **fields}
    return ContainerOrder(name=name, labels=labels, **given)


async def until(look: Callable[[], Awaitable[T]], what: str, within: float = 30.0) -> T:
    """The first true value of `look`."""
    deadline = time.monotonic() + within
    while not (value := await look()):
        assert time.monotonic() < deadline, f"{what} did not come true within {within:g} s: {value!r}"
        await asyncio.sleep(0.03)
    return value
