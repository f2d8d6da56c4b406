"""The asynchronous client: any number of calls at once on one connection (INTERFACES.md §7).

It behaves as the blocking one does: a connection that has ended is made again by the next call, calls under
way then raise DaemonNotRunning, and a stream has a connection of its own, which is not read on while its
items wait to be taken.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct

from ..api import types as t
from ..platform.paths import ProjectPaths
from . import messages
from .async_methods import AsyncMethods
from .errors import DaemonNotRunning, RoostError, silent, went_away
from .locate import CONNECT_TIMEOUT, connect, endpoints, project_of
from .messages import SILENCE, Incoming
from .methods import OnProgress, T
from .streams import Lagged

Item = TypeVar("Item", covariant=True)

_MOST_WAITING = 1000
"""Items of a stream that wait to be taken, from which on its connection is not read."""


class AsyncClient(AsyncMethods):
    """Talks to the daemon of the project that `project` (a folder, or one inside it) belongs to.

    Nothing is connected before the first call, and no daemon is started.  `silence`: seconds without answer
    or progress after which a call is given up.
    """

    def __init__(
        self,
        project: str | os.PathLike[str] | ProjectPaths = ".",
        *,
        environ: Mapping[str, str] | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        silence: float = SILENCE,
    ) -> None:
        self.paths = project_of(project, os.environ if environ is None else environ)
        self._connect_timeout = connect_timeout
        self._silence = silence
        self._link: _Link | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; the next call makes a new one."""
        if self._link is not None:
            self._link.close()
            self._link = None

    # -- calls -----------------------------------------------------------------------------------------

    async def call(self, method: str, params: object = None, on_progress: OnProgress = None) -> Any:
        """Any method by its name; `params` is a dict, a list or None, the result plain JSON values."""
        return messages.result(await self._exchange(method, params, on_progress), Any)

    async def _ask(self, method: str, params: t.Params, kind: type[T], on_progress: OnProgress = None) -> T:
        result: T = messages.result(await self._exchange(method, params, on_progress), kind)
        return result

    async def _exchange(self, method: str, params: object, on_progress: OnProgress) -> Incoming:
        """One call.  A question is repeated if an old connection turns out to have ended; an order is not."""
        link = self._link
        if link is not None and not link.ended and messages.may_repeat(method):
            try:
                return await link.ask(method, params, self._silence, on_progress)
            except DaemonNotRunning:
                pass
        link = await self._linked()
        return await link.ask(method, params, self._silence, on_progress)

    async def _linked(self) -> _Link:
        async with self._connecting:
            if self._link is None or self._link.ended:
                self._link = await _open(self.paths, self._connect_timeout)
            return self._link

    # -- streams ---------------------------------------------------------------------------------------

    async def logs_stream(
        self,
        *names: str,
        lines: int = 100,
        since: str | None = None,
        grep: str | None = None,
        stream: t.Stream | None = None,
        run: int | Literal["last"] | None = None,
        cursor: str | None = None,
    ) -> AsyncStream[t.LogEntries]:
        """The last `lines` entries (or what follows `cursor`), then what comes."""
        params = t.LogFollow(
            names=list(names), lines=lines, since=since, grep=grep, stream=stream, run=run, cursor=cursor
        )
        return await self._stream("logs.stream", params)

    async def events_stream(self, *, since: int | str | None = None) -> AsyncStream[t.Event]:
        """What has happened since, then what happens."""
        return await self._stream("events.stream", t.EventFollow(since=since))

    async def status_stream(self) -> AsyncStream[t.ProjectStatus | t.StatusChanged]:
        """The status once, then what changes of it."""
        return await self._stream("status.stream", t.Nothing())

    async def component_attach(
        self,
        name: str,
        *,
        columns: int | None = None,
        rows: int | None = None,
        watch: bool = False,
        cursor: str | None = None,
    ) -> AsyncStream[t.TerminalAttached | t.TerminalOutput | t.TerminalEnded]:
        """What the terminal of a component shows, and (first of all) how `terminal_write` names it."""
        params = t.AttachParams(name=name, columns=columns, rows=rows, watch=watch, cursor=cursor)
        return await self._stream("component.attach", params)

    async def _stream(self, method: str, params: t.Params) -> AsyncStream[Any]:
        link = await _open(self.paths, self._connect_timeout)
        stream: AsyncStream[Any] = AsyncStream(link, messages.kinds_of(method))
        try:
            answer = await link.ask(method, params, self._silence, None)
            stream.subscription = messages.result(answer, t.Subscribed).subscription
        except BaseException:
            link.close()
            raise
        return stream


class AsyncStream(Generic[Item]):
    """What a subscription brings, one after the other; `Lagged` where something was missed.

    Ends with DaemonNotRunning when the daemon goes away.  Close it, or use it with `async with`.
    """

    def __init__(self, link: _Link, kinds: dict[str, Any]) -> None:
        self.subscription = ""
        self._link = link
        self._kinds = kinds
        self._notices: deque[Incoming] = deque()
        self._items: deque[Item | Lagged] = deque()
        self._news = asyncio.Event()
        link.on_notice = self._take
        link.on_end = self._news.set

    async def __aenter__(self) -> AsyncStream[Item]:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> AsyncStream[Item]:
        return self

    async def __anext__(self) -> Item | Lagged:
        while not self._items:
            if self._notices:
                notice = self._notices.popleft()
                self._items.extend(messages.stream_items(notice, self.subscription, self._kinds))
                continue
            if self._link.ended:
                raise went_away()
            self._link.read_on()
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()

    def close(self) -> None:
        """End the subscription with its connection."""
        self._link.close()

    def _take(self, notice: Incoming) -> None:
        self._notices.append(notice)
        self._news.set()
        if len(self._notices) >= _MOST_WAITING:
            self._link.read_no_more()


class _Pending(Struct):
    """A request that has no answer yet."""

    answer: asyncio.Future[Incoming]
    heard: Callable[[], None]
    on_progress: OnProgress


class _Link(asyncio.Protocol):
    """One connection: requests out, answers to whoever waits for them."""

    def __init__(self) -> None:
        self.ended = False
        self.on_notice: Callable[[Incoming], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._buffer = bytearray()
        self._searched = 0

    async def ask(self, method: str, params: object, silence: float, on_progress: OnProgress) -> Incoming:
        """Send a request and wait for its answer; progress starts the time-out anew."""
        if self.ended or self._transport is None:
            raise went_away()
        loop = asyncio.get_running_loop()
        identity = next(self._ids)
        try:
            async with asyncio.timeout(silence) as limit:
                pending = _Pending(
                    loop.create_future(), lambda: limit.reschedule(loop.time() + silence), on_progress
                )
                self._pending[identity] = pending
                self._transport.write(messages.encode(identity, method, params))
                return await pending.answer
        except TimeoutError:
            raise silent(silence) from None
        finally:
            self._pending.pop(identity, None)

    # -- the connection ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(memoryview(self._buffer)[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            self._message(line)
        self._searched = len(self._buffer)

    def eof_received(self) -> None:
        self._end(went_away())

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(went_away())

    def read_no_more(self) -> None:
        """Leave what comes where it is, so that the daemon notices a slow reader."""
        if self._transport is not None:
            self._transport.pause_reading()

    def read_on(self) -> None:
        """The opposite of `read_no_more`."""
        if self._transport is not None and not self.ended:
            self._transport.resume_reading()

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.close()
        self._end(went_away())

    # -- messages ----------------------------------------------------------------------------------------

    def _message(self, line: bytes) -> None:
        try:
            message = messages.read(line)
        except RoostError as error:
            self._end(error)
            self.close()
            return
        if message.method is not msgspec.UNSET:
            self._notice(message)
        elif isinstance(message.id, int) and message.id in self._pending:
            answer = self._pending[message.id].answer
            if not answer.done():
                answer.set_result(message)
        elif message.id is None and message.error is not msgspec.UNSET:
            self._end(message.error.exception())  # what the daemon says of the connection as a whole

    def _notice(self, notice: Incoming) -> None:
        progress = messages.progress_of(notice)
        if progress is None:
            if self.on_notice is not None:
                self.on_notice(notice)
            return
        pending = self._pending.get(cast(int, progress[0]))
        if pending is not None and not pending.answer.done():
            pending.heard()
            if pending.on_progress is not None:
                pending.on_progress(progress[1])

    def _end(self, error: RoostError) -> None:
        self.ended = True
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(error)
        if self.on_end is not None:
            self.on_end()


class _Loop(Protocol):
    """The two calls of which each system's loop has one."""

    async def create_unix_connection(
        self, factory: Callable[[], _Link], *, sock: Any
    ) -> tuple[object, _Link]: ...

    async def create_pipe_connection(
        self, factory: Callable[[], _Link], address: str
    ) -> tuple[object, _Link]: ...


async def _open(paths: ProjectPaths, timeout: float) -> _Link:
    """A connection to the project's daemon.  Raises what `locate.connect` does."""
    running = asyncio.get_running_loop()
    connection = await running.run_in_executor(None, connect, paths, timeout)
    loop = cast(_Loop, running)
    if not paths.endpoint.startswith("pipe:"):
        return (await loop.create_unix_connection(_Link, sock=connection))[1]
    connection.close()  # it has shown who is there; the loop needs a handle of its own kind
    last: OSError | None = None
    for endpoint in endpoints(paths):
        try:
            return (await loop.create_pipe_connection(_Link, endpoint.partition(":")[2]))[1]
        except OSError as error:
            last = error
    raise went_away() from last
