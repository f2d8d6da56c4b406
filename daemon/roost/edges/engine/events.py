"""What happens to containers, as one stream that survives its engine.

A thread reads GET /events and begins again whenever that ends; the loop looks whether a silent engine still
answers.  An event is told once: a new connection asks from a little before the last event and leaves out what was
told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from . import rendering, seen
from .api import Action, Connected, EngineError, EngineEvent, Happened, Lost
from .client import Client, Stream

SILENCE = 10.0
"""Seconds without an event after which the engine is asked whether it is there."""
ANSWER = 5.0
"""Seconds that it may take to say so."""
FIRST_RETRY, LAST_RETRY = 0.1, 2.0
OVERLAP_NS = 1_000_000_000
"""The engine stamps an event before it is that event's turn, and its clock may be set: times are no order."""
_REMEMBERED = 4096

_OTHER_NAMES = {"died": Action.DIED, "remove": Action.REMOVED}  # Podman's
_DOCKER_ACTIONS = [str(action) for action in Action]


async def events(
    client: Client, labels: Mapping[str, str], since: float | None, ping: Callable[[], Awaitable[None]]
) -> AsyncIterator[EngineEvent]:
    """See api.Engine.events.  `ping` raises EngineError where nobody answers within ANSWER seconds."""
    told: asyncio.Queue[EngineEvent] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(event: EngineEvent) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(told.put_nowait, event)

    reader = _Reader(client, dict(labels), since, tell)
    threading.Thread(target=reader.run, name="roost-engine-events", daemon=True).start()
    hangs = False
    try:
        while True:
            try:
                async with asyncio.timeout(ANSWER if hangs else SILENCE):
                    event = await told.get()
            except TimeoutError:
                was, hangs = hangs, await _hangs(ping)
                if hangs and not was and not reader.is_lost:
                    yield Lost("the container engine does not answer; it hangs or is overloaded")
                elif was and not hangs and not reader.is_lost:
                    yield Connected()
                continue
            if hangs and isinstance(event, Happened):
                yield Connected()
            hangs = hangs and isinstance(event, Lost)
            yield event
    finally:
        reader.close()


async def _hangs(ping: Callable[[], Awaitable[None]]) -> bool:
    try:
        await ping()
    except EngineError:
        return True
    return False


class _Reader:
    """The thread: connects, reads, connects again."""

    def __init__(
        self, client: Client, labels: dict[str, str], since: float | None, tell: Callable[[EngineEvent], None]
    ) -> None:
        self._client = client
        self._labels = labels
        self._tell = tell
        self._since_ns = None if since is None else int(since * 1e9)
        self._told: dict[tuple[int, str, str], None] = {}
        """The last ones, for a new connection begins a little before them."""
        self._stream: Stream | None = None
        self._closed = threading.Event()
        self.is_lost = False

    def close(self) -> None:
        self._closed.set()
        if self._stream is not None:
            self._stream.close()

    def run(self) -> None:
        pause = FIRST_RETRY
        while not self._closed.is_set():
            try:
                stream = self._connect()
            except EngineError as error:
                self._lost(error.message)
            else:
                pause = FIRST_RETRY
                self._read(stream)
                self._check()
            if self.is_lost:
                self._closed.wait(pause)
                pause = min(pause * 2, LAST_RETRY)

    def _connect(self) -> Stream:
        # Podman leaves out events that it was asked for by name; Docker would tell each probe's exec thrice.
        self._client.call(lambda sdk: None, ANSWER, "events")
        filters: dict[str, list[str]] = {"type": ["container"], **rendering.filters(self._labels)}
        if not self._client.is_podman:
            filters["event"] = _DOCKER_ACTIONS
        params = {"filters": json.dumps(filters)}
        since_ns = self._begin()
        if since_ns is not None:
            seconds, rest = divmod(since_ns, 1_000_000_000)
            params["since"] = f"{seconds}.{rest:09d}"
        self._stream = stream = self._client.stream("/events", params, "the engine's events")
        if self._closed.is_set():
            stream.close()
        return stream

    def _begin(self) -> int | None:
        """From which time on events are asked for; what came before the first that was told is not ours to tell."""
        if not self._told:
            return self._since_ns
        first, _, _ = next(iter(self._told))
        last = self._since_ns or first
        return max(last - OVERLAP_NS, min(first, last))

    def _read(self, stream: Stream) -> None:
        self.is_lost = False
        self._tell(Connected())
        for found in documents(stream):
            event = happened(found)
            if event is not None and self._is_new(event):
                self._tell(event)
        stream.finish()

    def _check(self) -> None:
        """The stream has ended, which alone says nothing: ask."""
        if self._closed.is_set():
            return
        try:
            self._client.call(lambda sdk: sdk.ping(), ANSWER, "the engine")
        except EngineError as error:
            self._lost(error.message)

    def _lost(self, reason: str) -> None:
        if not self.is_lost and not self._closed.is_set():
            self.is_lost = True
            self._tell(Lost(reason))

    def _is_new(self, event: Happened) -> bool:
        key = event.at_ns, event.container, f"{event.action} {event.health}"
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._since_ns = event.at_ns
        return True


def documents(blocks: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of a stream, however it is cut into blocks."""
    decoder = json.JSONDecoder()
    held = ""
    for block in blocks:
        held = (held + block.decode("utf-8", "replace")).lstrip()
        while held:
            try:
                found, end = decoder.raw_decode(held)
            except ValueError:
                break
            held = held[end:].lstrip()
            if isinstance(found, dict):
                yield found


def happened(found: Mapping[str, Any]) -> Happened | None:
    """One event of the engine; None if it is none of ours."""
    word, _, _ = str(found.get("Action") or found.get("status") or "").partition(":")
    try:
        action = _OTHER_NAMES.get(word) or Action(word)
    except ValueError:
        return None
    actor = found.get("Actor") or {}
    attributes = {str(key): str(value) for key, value in (actor.get("Attributes") or {}).items()}
    code = attributes.get("exitCode") or attributes.get("containerExitCode")
    return Happened(
        action=action,
        container=str(actor.get("ID") or found.get("id") or ""),
        name=attributes.get("name", ""),
        labels=attributes,
        at_ns=int(found.get("timeNano") or int(found.get("time") or 0) * 1_000_000_000),
        signal=attributes.get("signal") if action is Action.KILLED else None,
        exit_code=int(code)
        if action is Action.DIED and code is not None and code.lstrip("-").isdigit()
        else None,
        health=seen.health_of(str(found.get("Action") or found.get("status") or ""))
        or seen.health_of(f":{attributes['health_status']}" if "health_status" in attributes else ""),
    )
