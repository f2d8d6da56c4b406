"""Questions about logs and events, answered from the disk in threads, so a slow one delays nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from ...api import errors
from ...api import types as t
from ...edges.rpc_server import Session
from ...records import entries as e
from ...records.cursor import BadCursor
from ...records.events import Event, read_events
from ...records.grep import GrepTimeout, Question, answer
from ...records.logs import log_names
from ...records.patterns import BadPattern
from ...records.times import BadTime, parse_moment, rfc3339
from ..daemon import Daemon

_ENVELOPE = 1024
"""Bytes of an answer around its events, generously."""


class RecordHandlers:
    """`logs.query`, `logs.clear`, `events.query`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> dict[str, Callable[..., object]]:
        return {
            "logs.query": self.logs,
            "logs.clear": self.clear,
            "events.query": self.events,
        }

    async def logs(self, params: t.LogQuery, _session: Session) -> t.LogPage:
        names = log_sources(self._daemon, params.names)
        question = Question(
            self._daemon.paths.logs,
            names,
            lines=params.lines,
            since_ns=moment(self._daemon, params.since),
            until_ns=moment(self._daemon, params.until, "until"),
            grep=params.grep,
            stream=params.stream,
            run=params.run,
            cursor=params.cursor,
        )
        try:
            page = await asyncio.get_running_loop().run_in_executor(None, answer, question)
        except (BadCursor, BadPattern) as error:
            raise errors.invalid_params("logs.query", str(error)) from error
        except GrepTimeout as error:
            raise too_slow(error) from error
        return t.LogPage(
            entries=[shown(entry) for entry in page.entries],
            cursor=page.cursor,
            more=page.more,
            missed=[shown_missed(missed) for missed in page.missed],
        )

    async def clear(self, params: t.LogClearParams, _session: Session) -> t.Cleared:
        names = log_sources(self._daemon, params.names)
        for name in names:
            component = self._daemon.supervisor.components.get(name)
            if not await self._daemon.contained.clear_log(component):
                await self._daemon.link.request("log", name=name, clear=True)
        return t.Cleared(cleared=names)

    async def events(self, params: t.EventQuery, _session: Session) -> t.EventPage:
        since_seq = params.since if isinstance(params.since, int) else None
        since = params.since if isinstance(params.since, str) else None
        ask = partial(
            _event_page,
            self._daemon.paths.events,
            since_seq=since_seq,
            since_ns=moment(self._daemon, since),
            limit=params.limit,
            component=params.component,
        )
        await self._daemon.disk.run(lambda: None)  # what has happened before the question is on record by now
        return await asyncio.get_running_loop().run_in_executor(None, ask)


def _event_page(path: str, **conditions: Any) -> t.EventPage:
    """As many of the events that fit the conditions as a page holds, the oldest first.  Blocking."""
    found = read_events(path, **conditions)
    events: list[t.Event] = []
    size = 0
    for event in found.events:
        shown = shown_event(event)
        size += len(msgspec.json.encode(shown)) + len(",")
        if events and size > e.PAGE_BYTES - _ENVELOPE:
            break
        events.append(shown)
    more = found.more or len(events) < len(found.events)
    return t.EventPage(events=events, cursor=events[-1].seq if events else None, more=more)


def log_sources(daemon: Daemon, names: list[str]) -> list[str]:
    """The components whose logs are meant: all that there are, or those that were named, groups expanded.

    Who is no component any more is shown when he is named, or when nobody else is there.

    Raises RpcError `no_such_component` for a name that is no component and has left no log either.
    """
    known = daemon.supervisor.components
    recorded = log_names(daemon.paths.logs)
    if not names:
        return list(known) or recorded
    found: dict[str, None] = {}
    for name in names:
        members = daemon.configuration.project.expand(name) or ((name,) if name in recorded else ())
        if not members:
            raise errors.no_such_component(name, list(known))
        found.update(dict.fromkeys(members))
    return list(found)


def too_slow(error: GrepTimeout) -> errors.RpcError:
    """A search that was given up, as the error that its caller gets."""
    return errors.timed_out(str(error), "use a simpler pattern, or a plain text")


def moment(daemon: Daemon, text: str | None, parameter: str = "since") -> int | None:
    """A `since` or `until` as nanoseconds.  Raises RpcError `invalid_params`, which names the parameter."""
    if text is None:
        return None
    try:
        return parse_moment(text, int(daemon.clock.wall() * 1e9))
    except BadTime as error:
        raise errors.invalid_params(parameter, str(error)) from error


def shown(entry: e.LogEntry) -> t.LogEntry:
    """A log entry as the interface has it."""
    return t.LogEntry(
        name=entry.name,
        at=rfc3339(entry.at_ns),
        stream=entry.stream,
        run=entry.run,
        text=entry.text,
        truncated=entry.truncated,
    )


def shown_missed(missed: e.Missed) -> t.Missed:
    """What was removed too early, as the interface has it."""
    return t.Missed(name=missed.name, bytes=missed.bytes, at=rfc3339(missed.at_ns))


def shown_event(event: Event) -> t.Event:
    """An event as the interface has it."""
    return t.Event(
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        component=event.component,
        run=event.run,
        message=event.message,
        data=dict(event.data),
    )
