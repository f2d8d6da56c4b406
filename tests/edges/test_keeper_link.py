"""The daemon's end of the wire: what the keeper said first is heard first."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from roost.edges.keeper_link import KeeperGone, KeeperLink
from roost.keeper import wire

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has its own kind of endpoint")


class Rig:
    """A link, the other end of its connection, and what it told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.link = KeeperLink(self._event, lambda: self.told.append("lost"))
        self.keeper: socket.socket

    def _event(self, frame: dict[str, Any]) -> None:
        self.told.append(str(frame["event"]))

    def say(self, *frames: dict[str, object]) -> None:
        self.keeper.sendall(b"".join(wire.encode(frame) for frame in frames))

    async def hear(self, count: int) -> None:
        """Wait until so much was told."""
        async with asyncio.timeout(60):
            while len(self.told) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(folder, "k")
        listener.bind(path)
        listener.listen()
        made.link.open(f"unix:{path}", 1.0)
        made.keeper, _ = listener.accept()
        try:
            yield made
        finally:
            made.link.close()
            made.keeper.close()


def test_a_reply_is_heard_before_the_events_that_came_after_it() -> None:
    """wire.py: the reply to `spawn` comes before anything else of the run, also when all come at once."""

    async def scenario() -> None:
        async with rig() as one:
            spawned = one.link.request("spawn")
            spawned.add_done_callback(lambda _: one.told.append("reply"))
            one.say({"id": 1, "result": {"pid": 7}}, {"event": "exited"}, {"event": "drained"})
            await one.hear(3)

            assert one.told == ["reply", "exited", "drained"]

    asyncio.run(scenario())


def test_what_was_said_before_the_end_is_heard_before_the_end() -> None:
    """P2: an exit that a dying keeper still told is not lost, and comes before the loss of the keeper."""

    async def scenario() -> None:
        async with rig() as one:
            waiting = one.link.request("spawn")
            one.say({"event": "exited"})
            one.keeper.close()
            with pytest.raises(KeeperGone):
                await waiting
            await one.hear(2)

            assert one.told == ["exited", "lost"]

    asyncio.run(scenario())
