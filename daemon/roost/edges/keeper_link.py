"""The daemon's end of the wire to its keeper: requests with their replies, events, handed-over descriptors.

Decides nothing.  A request is written at once and answered through a future; an event goes to `on_event` in
the order in which the keeper sent it; the end of the connection to `on_lost`, once.  Descriptors that came
with a reply or an event are in it under `DESCRIPTORS`; whoever gets them owns them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from ..keeper import wire
from ..platform.loop_channel import Channel, open_channel

Frame = dict[str, Any]

DESCRIPTORS = "descriptors"
TERMINAL = "terminal"
"""Which of the descriptors is a terminal's master; None or not there: none is."""


class KeeperError(Exception):
    """The keeper refused a request; `kind` is a word of keeper/wire.py, such as `exists` or `spawn_failed`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class KeeperGone(KeeperError):
    """The connection to the keeper ended before the answer came; whether the request was heard is unknown."""

    def __init__(self) -> None:
        super().__init__("gone", "the keeper's connection ended")


class KeeperLink:
    """One connection to the keeper, on the running loop."""

    def __init__(
        self,
        on_event: Callable[[Frame], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._decoder = wire.Decoder()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._next_id = 1
        self._channel: Channel | None = None

    @property
    def connected(self) -> bool:
        return self._channel is not None

    def open(self, where: str, timeout: float) -> None:
        """Connect to the keeper's endpoint.  Raises OSError if nobody answers within `timeout` seconds."""
        self._channel = open_channel(self._loop, where, timeout, self._received, self._closed)

    def request(self, verb: str, *fds: int, **arguments: object) -> asyncio.Future[Frame]:
        """Send a request now, with copies of descriptors; the future holds the result, KeeperError or KeeperGone."""
        future: asyncio.Future[Frame] = self._loop.create_future()
        if self._channel is None:
            future.set_exception(KeeperGone())
            return future
        number, self._next_id = self._next_id, self._next_id + 1
        self._waiting[number] = future
        carried = {"fds": len(fds)} if fds else {}
        self._channel.send(wire.encode({"id": number, "verb": verb, **carried, **arguments}), fds)
        return future

    def tell(self, verb: str, *fds: int, **arguments: object) -> None:
        """A request whose answer says nothing that the caller needs; a refusal is dropped."""
        self.request(verb, *fds, **arguments).add_done_callback(_drop)

    def close(self) -> None:
        """End the connection; `on_lost` is not called."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        self._fail_all()

    def _received(self, data: bytes, fds: list[int]) -> None:
        try:
            frames = self._decoder.feed(data)
        except wire.WireError:
            self._closed()
            return
        for frame in frames:
            count = _count(frame)
            mine, fds[:] = fds[:count], fds[count:]
            if "event" in frame:
                # not called here: a reply that came before it is heard in the loop's next turn, and goes first
                self._loop.call_soon(self._on_event, {**frame, DESCRIPTORS: mine} if mine else frame)
            else:
                self._answer(frame, mine)

    def _answer(self, frame: Frame, fds: list[int]) -> None:
        future = self._waiting.pop(frame.get("id", 0), None)
        if future is None or future.done():
            for fd in fds:
                os.close(fd)
            return
        error = frame.get("error")
        if error is None:
            future.set_result(
                {**(frame.get("result") or {}), DESCRIPTORS: fds, TERMINAL: frame.get(TERMINAL)}
            )
        else:
            future.set_exception(KeeperError(str(error.get("kind")), str(error.get("message"))))

    def _closed(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            return
        channel.close()
        self._fail_all()
        self._loop.call_soon(self._on_lost)

    def _fail_all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(KeeperGone())


def _count(frame: Frame) -> int:
    count = frame.get("fds", 0)
    return count if isinstance(count, int) else 0


def _drop(future: asyncio.Future[Frame]) -> None:
    if not future.cancelled():
        future.exception()
