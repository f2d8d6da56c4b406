"""One connection to the daemon for the commands: calls with progress, and streams, as plain JSON values.

The command prints what the interface answers, with fields that are newer than itself, so nothing is decoded
into types here.  Raises Fault alone, with the exit code that belongs to each kind of error.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..client import errors, fast, launch, locate
from ..client.errors import RoostError
from ..platform.endpoint import Connection
from ..platform.paths import ProjectPaths
from . import context
from .faults import Fault, explain

Message = dict[str, Any]
Progress = Callable[[Mapping[str, Any]], None]


class Session:
    """A connection.  One thing at a time: a call, or the reading of a stream."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._buffer = bytearray()
        self._deadline: float | None = None

    def call(self, method: str, params: object = None, progress: Progress | None = None) -> Any:
        """The result of one call; `progress` is told what comes meanwhile.

        30 s without a word end it (S41).
        """
        with _explained():
            number = next(self._numbers)
            request: Message = {"jsonrpc": "2.0", "method": method, "id": number}
            if params is not None:
                request["params"] = params
            self._send(request)
            return self._answer(number, progress)

    def stream(
        self,
        method: str,
        params: object = None,
        deadline: float | None = None,
        begun: Callable[[Message], None] = lambda _: None,
    ) -> Iterator[tuple[str, Message]]:
        """Subscribe; then every notification, by method and payload, until the daemon ends the connection.

        `begun` is told what the daemon answered to the subscription.  Raises Fault for what the daemon ends the
        stream with, TimeoutError at the `deadline`
        (monotonic seconds), if there is one, but not before the first notification, which comes at once from a
        daemon that is alive: whoever gives up shall know for what it has waited.
        """
        with _explained():
            answer = self.call(method, params)
            begun(answer)
            subscription = answer["subscription"]
            if deadline is not None:
                self._deadline = max(deadline, time.monotonic() + fast.SILENCE)
            self._connection.settimeout(None)
            for message in self._messages():
                payload = message.get("params") or {}
                if payload.get("subscription") == subscription:
                    if payload.get("error"):
                        raise _error(payload["error"])
                    self._deadline = deadline
                    yield message["method"], payload

    def close(self) -> None:
        self._connection.close()

    def _answer(self, number: int, progress: Progress | None) -> Any:
        for message in self._messages():
            if message.get("method") == "progress":
                if progress is not None and message["params"].get("id") == number:
                    progress(message["params"])
            elif "method" not in message and message.get("id") in (
                number,
                None,
            ):  # None: it was not understood
                return _result(message)
        raise errors.went_away()

    def _messages(self) -> Iterator[Message]:
        """Every message as it comes; ends with the connection."""
        while True:
            end = self._buffer.find(b"\n")
            while end < 0:
                piece = self._receive()
                if not piece:
                    return
                end = piece.find(b"\n")
                end += len(self._buffer) if end >= 0 else 0
                self._buffer += piece
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            yield json.loads(line)

    def _receive(self) -> bytes:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
        try:
            data: bytes = self._connection.recv(262144)
            return data
        except TimeoutError:
            if self._deadline is not None:
                raise
            raise errors.silent(fast.SILENCE) from None
        except ConnectionError:
            return b""

    def _send(self, request: Message) -> None:
        try:
            self._connection.sendall(fast.encoded(request))
        except (BrokenPipeError, ConnectionError) as error:
            raise errors.went_away() from error


def _result(message: Message) -> Any:
    error = message.get("error")
    if error is None:
        return message["result"]
    raise _error(error)


def _error(error: Message) -> RoostError:
    data = error.get("data") or {}
    return errors.from_answer(error["code"], error["message"], data.get("kind"), data.get("hint"))


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of the client become Faults."""
    try:
        yield
    except RoostError as error:
        raise explain(error) from error


@contextmanager
def connect(paths: ProjectPaths) -> Iterator[Session]:
    """A session with the project's daemon while the block lasts.  Raises Fault (3) if none runs."""
    with _explained():
        connection = locate.connect(paths)
    connection.settimeout(fast.SILENCE)
    session = Session(connection)
    try:
        yield session
    finally:
        session.close()


@contextmanager
def open_session(project: str | None) -> Iterator[Session]:
    """The same for the project that -C, ROOST_PROJECT or the current folder means."""
    with connect(context.locate(project)) as session:
        yield session


def ensure(paths: ProjectPaths, meanwhile: Callable[[], object] | None = None) -> bool:
    """Have a daemon answering, by starting a keeper where none is; True if it was started.  Raises Fault.

    `meanwhile`, if something has to be started, is called once before that begins its work; a Fault that it
    raises ends the call, and nothing was done.
    What was started gets the environment of this command as the base environment of all components.
    """
    from . import lastresort

    try:
        with _explained():
            return launch.ensure_daemon(
                paths,
                os.environ,
                hopeless=lambda: lastresort.why_no_daemon_comes(paths),
                meanwhile=meanwhile,
            )
    except Fault:
        lastresort.end_idle_keeper(paths)  # no half-started project remains (S33)
        raise


def status(paths: ProjectPaths) -> Any:
    """`project.status` on a connection of its own."""
    with connect(paths) as session:
        return session.call("project.status")


def answers(paths: ProjectPaths) -> bool:
    """Whether a daemon answers for this project."""
    try:
        locate.connect(paths).close()
    except RoostError:
        return False
    return True
