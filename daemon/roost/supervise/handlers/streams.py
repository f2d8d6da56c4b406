"""Subscriptions: log entries, events and status, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from msgspec import UNSET

from ...api import errors
from ...api import types as t
from ...core.snapshot import color_of
from ...edges.rpc_server import Session, Subscription
from ...records.cursor import BadCursor
from ...records.events import Event, read_events
from ...records.grep import Following, GrepTimeout, Question, follower
from ...records.patterns import BadPattern
from ..daemon import Daemon
from ..view import View
from .records import log_sources, moment, shown, shown_event, shown_missed, too_slow

_GATHER = 0.05
"""Seconds in which lines of a chatterbox are gathered before they are read; the first goes out at once."""
_CATCH_UP = 10_000
"""So many past events are sent to who asks for what has happened since."""


class StreamHandlers:
    """`logs.stream`, `events.stream`, `status.stream`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._view = View(daemon)

    def table(self) -> dict[str, Callable[..., object]]:
        return {"logs.stream": self.logs, "events.stream": self.events, "status.stream": self.status}

    async def logs(self, params: t.LogFollow, session: Session) -> t.Subscribed:
        wanted = partial(log_sources, self._daemon, params.names)
        names = wanted()
        question = Question(
            self._daemon.paths.logs,
            names,
            lines=params.lines,
            since_ns=moment(self._daemon, params.since),
            grep=params.grep,
            stream=params.stream,
            run=params.run,
            cursor=params.cursor,
        )
        try:
            following = await asyncio.get_running_loop().run_in_executor(None, follower, question)
        except (BadCursor, BadPattern) as error:
            raise errors.invalid_params("logs.stream", str(error)) from error
        except GrepTimeout as error:
            raise too_slow(error) from error
        subscription = session.subscribe("logs")
        LogStream(self._daemon, subscription, following, names, wanted).begin()
        return t.Subscribed(subscription=subscription.id, cursor=following.start or UNSET)

    def events(self, params: t.EventFollow, session: Session) -> t.Subscribed:
        subscription = session.subscribe("events")
        chronicle = self._daemon.chronicle
        sent = 0

        def send(event: Event) -> None:
            nonlocal sent
            if event.seq > sent:
                sent = event.seq
                subscription.send("events.event", shown_event(event))

        if params.since is not None:
            since_seq = params.since if isinstance(params.since, int) else None
            since_ns = moment(self._daemon, params.since if isinstance(params.since, str) else None)
            page = read_events(
                self._daemon.paths.events, since_seq=since_seq, since_ns=since_ns, limit=_CATCH_UP
            )
            for event in page.events:
                send(event)
        chronicle.follow(send)
        subscription.on_close(lambda: chronicle.unfollow(send))
        return t.Subscribed(subscription=subscription.id)

    def status(self, _params: t.Nothing, session: Session) -> t.Subscribed:
        subscription = session.subscribe("status")
        supervisor, view = self._daemon.supervisor, self._view

        def snapshot() -> None:
            subscription.send("status.snapshot", view.project_status())

        def changed(names: frozenset[str]) -> None:
            here = [supervisor.components[name] for name in names if name in supervisor.components]
            subscription.send(
                "status.changed",
                t.StatusChanged(
                    color=color_of(view.components()),
                    components=[view.component(one) for one in here],
                    removed=sorted(name for name in names if name not in supervisor.components),
                ),
            )

        def told(event: Event) -> None:
            if event.component is not None and "last_lines" in event.data:
                changed(frozenset({event.component}))

        def ended() -> None:
            supervisor.unwatch(changed)
            self._daemon.chronicle.unfollow(told)

        snapshot()
        subscription.on_drained(snapshot)
        supervisor.watch(changed)
        self._daemon.chronicle.follow(told)
        subscription.on_close(ended)
        return t.Subscribed(subscription=subscription.id)


class LogStream:
    """One follower: reads when a log has grown, sends when the client has room; the files are its buffer.

    `wanted` says whom it is to follow, now that there are others than before.
    """

    def __init__(
        self,
        daemon: Daemon,
        subscription: Subscription,
        follower: Following,
        names: list[str],
        wanted: Callable[[], list[str]],
    ) -> None:
        self._daemon = daemon
        self._subscription = subscription
        self._follower = follower
        self._names = names
        self._wanted = wanted
        self._seen = frozenset(names)
        self._new: list[str] = []
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Follow until the subscription ends."""
        for name in self._names:
            self._daemon.growth.listen(name, self._grown.set)
        self._daemon.supervisor.watch(self._changed)
        self._subscription.on_close(self._end)
        self._task = asyncio.ensure_future(self._run())

    def _changed(self, names: frozenset[str]) -> None:
        """A component that came with a reload is followed from its first line on, if it is meant."""
        if names <= self._seen:
            return
        self._seen |= names
        try:
            new = [name for name in self._wanted() if name not in self._names]
        except errors.RpcError:
            return  # it is the other way round: all that were named have gone
        for name in new:
            self._daemon.growth.listen(name, self._grown.set)
        self._names += new
        self._new += new
        self._grown.set()

    def _end(self) -> None:
        self._daemon.supervisor.unwatch(self._changed)
        for name in self._names:
            self._daemon.growth.unlisten(name, self._grown.set)
        if self._task is not None:
            self._task.cancel()
        self._follower.close()

    async def _run(self) -> None:
        try:
            await self._follow()
        except GrepTimeout as error:
            self._daemon.log.info("a follower was given up", why=error)
            await self._subscription.drained()
            self._subscription.send("logs.entries", t.LogEntries(error=_failure(too_slow(error))))
            self._subscription.close()

    async def _follow(self) -> None:
        loop, clock = asyncio.get_running_loop(), self._daemon.clock
        while not self._subscription.closed:
            self._grown.clear()
            looked = clock.now()
            new, self._new = self._new, []
            self._follower.add(new)
            entries = await loop.run_in_executor(None, self._follower.poll, looked)
            missed = self._follower.missed
            if entries or missed:
                await self._subscription.drained()
                told = t.LogEntries(
                    entries=[shown(one) for one in entries],
                    cursor=self._follower.cursor(),
                    missed=[shown_missed(one) for one in missed],
                )
                self._subscription.lagged += len(missed)
                self._subscription.send("logs.entries", told, count=len(entries))
            if not self._follower.more:
                await self._rest()
                await clock.sleep_until(looked + _GATHER)

    async def _rest(self) -> None:
        """Until a log grows, or an unfinished line has waited long enough."""
        due = self._follower.due
        timeout = None if due is None else max(0.0, due - self._daemon.clock.now())
        try:
            await asyncio.wait_for(self._grown.wait(), timeout)
        except TimeoutError:
            return


def _failure(error: errors.RpcError) -> t.Failure:
    """An error as the last that a stream says."""
    data = t.FailureData(kind=error.kind, hint=error.hint)
    return t.Failure(code=error.code, message=error.message, data=data)
