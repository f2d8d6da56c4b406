"""Asks Roost's daemon `ping` over and over in a thread, and notes how long each answer took."""

from __future__ import annotations

import json
import socket
import threading
import time
from types import TracebackType

from .managers import Manager, Roost

_PAUSE = 0.005  # seconds between two questions
_ANSWER = 10.0  # seconds to wait for one


class Pinger:
    """A context in which a Roost manager is asked again and again; for another manager it does nothing."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)
        self.taken: list[float] = []  # seconds

    def __enter__(self) -> Pinger:
        if isinstance(self._manager, Roost):
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_ANSWER)

    def _ask_on(self) -> None:
        assert isinstance(self._manager, Roost)
        with connect(self._manager.socket) as connection, connection.makefile("rwb") as stream:
            while not self._stop.wait(_PAUSE):
                begun = time.monotonic()
                stream.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
                stream.flush()
                answer = json.loads(stream.readline())
                assert answer["result"] == {"pong": True}, answer
                self.taken.append(time.monotonic() - begun)


def connect(path: str) -> socket.socket:
    """A connection to the daemon; OSError when nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_ANSWER)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection
