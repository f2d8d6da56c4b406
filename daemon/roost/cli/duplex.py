"""A connection to the daemon that is read and written as it comes, beside something else that is waited for."""

from __future__ import annotations

import itertools
import json
from typing import Any

from ..client import errors, fast, locate
from ..client.errors import RoostError
from ..platform.paths import ProjectPaths

Message = dict[str, Any]


class Duplex:
    """Raises EOFError, from any method, when the daemon has gone."""

    def __init__(self, paths: ProjectPaths) -> None:
        """Raises RoostError as `locate.connect`."""
        self._connection = locate.connect(paths)
        self._connection.settimeout(fast.SILENCE)
        self._numbers = itertools.count(1)
        self._rest = b""

    def fileno(self) -> int:
        return self._connection.fileno()

    def ask(self, method: str, params: object) -> int:
        """Send a request; its id."""
        number = next(self._numbers)
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
        try:
            self._connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise EOFError("the daemon went away") from error
        return number

    def take(self) -> list[Message]:
        """The messages that have come whole; waits until there are further bytes, at most 30 s."""
        try:
            data = self._connection.recv(262144)
        except OSError as error:
            raise EOFError("the daemon went away") from error
        if not data:
            raise EOFError("the daemon went away")
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        self._connection.close()


def error_of(message: Message) -> RoostError | None:
    """The error that an answer is."""
    error = message.get("error")
    if error is None:
        return None
    data = error.get("data") or {}
    return errors.from_answer(error["code"], error["message"], data.get("kind"), data.get("hint"))
