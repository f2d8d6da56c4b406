"""The blocking client: one connection, one call at a time, typed answers (INTERFACES.md §7).

A stream has a connection of its own, so that calls go on while it is read.  A connection that the daemon has
ended meanwhile (it was replaced, say) is made again by the next call; a call that was under way then raises
DaemonNotRunning, because nobody knows how far it came.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec

from ..api import types as t
from ..platform.endpoint import Connection
from ..platform.paths import ProjectPaths
from . import messages
from .errors import silent, went_away
from .locate import CONNECT_TIMEOUT, connect, project_of
from .messages import SILENCE, Incoming
from .methods import Methods, OnProgress, T
from .streams import Lagged

Item = TypeVar("Item", covariant=True)


class Client(Methods):
    """Talks to the daemon of the project that `project` (a folder, or one inside it) belongs to.

    Nothing is connected before the first call, and no daemon is started.  `silence`: seconds without answer
    or progress after which a call is given up.  May be used by several threads, one call at a time.
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
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._lines: _Lines | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the next call makes a new one."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    # -- calls -----------------------------------------------------------------------------------------

    def call(self, method: str, params: object = None, on_progress: OnProgress = None) -> Any:
        """Any method by its name; `params` is a dict, a list or None, the result plain JSON values."""
        return messages.result(self._exchange(method, params, on_progress), Any)

    def _ask(self, method: str, params: t.Params, kind: type[T], on_progress: OnProgress = None) -> T:
        result: T = messages.result(self._exchange(method, params, on_progress), kind)
        return result

    def _exchange(self, method: str, params: object, on_progress: OnProgress) -> Incoming:
        with self._lock:
            identity = next(self._ids)
            lines = self._send(messages.encode(identity, method, params))
            try:
                return _answer(lines, identity, self._silence, on_progress)
            except (TimeoutError, OSError, EOFError) as error:
                self.close()
                raise _as_ours(error, self._silence) from error

    def _send(self, request: bytes) -> _Lines:
        """Send a request; a connection that ended since the last call is replaced."""
        if self._lines is not None:
            try:
                self._lines.send(request, self._silence)
                return self._lines
            except OSError:  # not a whole line has arrived, so nothing was carried out
                self.close()
        self._lines = self._connect()
        try:
            self._lines.send(request, self._silence)
        except OSError as error:
            self.close()
            raise _as_ours(error, self._silence) from error
        return self._lines

    def _connect(self) -> _Lines:
        return _Lines(connect(self.paths, self._connect_timeout))

    # -- streams ---------------------------------------------------------------------------------------

    def logs_stream(
        self,
        *names: str,
        lines: int = 100,
        since: str | None = None,
        grep: str | None = None,
        stream: t.Stream | None = None,
        run: int | Literal["last"] | None = None,
        cursor: str | None = None,
    ) -> Stream[t.LogEntries]:
        """The last `lines` entries (or what follows `cursor`), then what comes."""
        params = t.LogFollow(
            names=list(names), lines=lines, since=since, grep=grep, stream=stream, run=run, cursor=cursor
        )
        return Stream(self._connect(), "logs.stream", params, self._silence)

    def events_stream(self, *, since: int | str | None = None) -> Stream[t.Event]:
        """What has happened since, then what happens."""
        return Stream(self._connect(), "events.stream", t.EventFollow(since=since), self._silence)

    def status_stream(self) -> Stream[t.ProjectStatus | t.StatusChanged]:
        """The status once, then what changes of it."""
        return Stream(self._connect(), "status.stream", t.Nothing(), self._silence)

    def component_attach(
        self,
        name: str,
        *,
        columns: int | None = None,
        rows: int | None = None,
        watch: bool = False,
        cursor: str | None = None,
    ) -> Stream[t.TerminalAttached | t.TerminalOutput | t.TerminalEnded]:
        """What the terminal of a component shows, and (first of all) how `terminal_write` names it."""
        params = t.AttachParams(name=name, columns=columns, rows=rows, watch=watch, cursor=cursor)
        return Stream(self._connect(), "component.attach", params, self._silence)


class Stream(Generic[Item]):
    """What a subscription brings, one after the other; `Lagged` where something was missed.

    Ends with DaemonNotRunning when the daemon goes away.  Close it, or use it with `with`.
    """

    def __init__(self, lines: _Lines, method: str, params: t.Params, silence: float) -> None:
        self._lines = lines
        self._kinds = messages.kinds_of(method)
        self._items: deque[Item | Lagged] = deque()
        try:
            self._lines.send(messages.encode(1, method, params), silence)
            answer = _answer(self._lines, 1, silence, None)
            self.subscription = messages.result(answer, t.Subscribed).subscription
        except (TimeoutError, OSError, EOFError) as error:
            self.close()
            raise _as_ours(error, silence) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Stream[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Stream[Item]:
        return self

    def __next__(self) -> Item | Lagged:
        item = self.receive(None)
        if item is None:
            raise StopIteration
        return item

    def receive(self, timeout: float | None) -> Item | Lagged | None:
        """The next item; None if none came within `timeout` seconds (None: wait for it)."""
        while not self._items:
            try:
                line = self._lines.receive(timeout)
            except TimeoutError:
                return None
            except (OSError, EOFError) as error:
                raise went_away() from error
            self._items.extend(messages.stream_items(messages.read(line), self.subscription, self._kinds))
        return self._items.popleft()

    def close(self) -> None:
        """End the subscription with its connection."""
        self._lines.close()


class _Lines:
    """A connection as lines."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._searched = 0

    def send(self, line: bytes, timeout: float) -> None:
        self._connection.settimeout(timeout)
        self._connection.sendall(line)

    def receive(self, timeout: float | None) -> bytes:
        """The next line.  Raises TimeoutError after so many seconds without a byte, EOFError at the end."""
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            self._connection.settimeout(timeout)
            piece = self._connection.recv(262144)
            if not piece:
                raise EOFError
            self._buffer += piece
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def close(self) -> None:
        self._connection.close()


def _answer(lines: _Lines, identity: int, silence: float, on_progress: OnProgress) -> Incoming:
    """The answer to a request; the answers of calls that were given up earlier are passed over."""
    while True:
        message = messages.read(lines.receive(silence))
        progress = messages.progress_of(message)
        if progress is not None:
            if on_progress is not None and progress[0] == identity:
                on_progress(progress[1])
        elif message.method is msgspec.UNSET and message.id == identity:
            return message
        elif message.id is None and message.error is not msgspec.UNSET:
            raise message.error.exception()  # what the daemon says of the connection as a whole


def _as_ours(error: BaseException, silence: float) -> Exception:
    return silent(silence) if isinstance(error, TimeoutError) else went_away()
