"""One call with json and a socket alone: for the commands whose start-up time is all of their time (P23).

No types, no msgspec; everything else uses `Client`.
"""

from __future__ import annotations

import json

from ..platform.paths import ProjectPaths
from .errors import RoostError, from_answer, silent, went_away
from .locate import CONNECT_TIMEOUT, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..platform.endpoint import Connection

SILENCE = 30.0
"""Seconds without a word, answer or progress, after which a call is given up (S41)."""


def call(
    paths: ProjectPaths,
    method: str,
    params: object = None,
    timeout: float = SILENCE,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> Any:
    """The result of one call.  `timeout` is in seconds of silence; progress is passed over.

    Raises RoostError and its kinds.
    """
    request: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": 1}
    if params is not None:
        request["params"] = params
    connection = connect(paths, connect_timeout)
    try:
        connection.settimeout(timeout)
        connection.sendall(encoded(request))
        return _result(_answer(connection))
    except TimeoutError:
        raise silent(timeout) from None
    except OSError as error:
        raise went_away() from error
    finally:
        connection.close()


def encoded(request: object) -> bytes:
    """A request as its line.  Raises RoostError for text that no JSON can carry (an argument that is not UTF-8)."""
    text = json.dumps(request)
    if "\\ud" in text:  # half a pair, or an ordinary letter beyond the first 65,536
        try:
            json.dumps(request, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            said = ascii(error.object[error.start : error.end])
            raise RoostError(
                f"what is not UTF-8 cannot be sent: {said}", "write it as UTF-8", "invalid_params"
            ) from None
    return text.encode() + b"\n"


def _answer(connection: Connection) -> dict[str, Any]:
    """The first line that is an answer."""
    rest = b""
    while True:
        pieces = [rest]
        while b"\n" not in pieces[-1]:
            piece = connection.recv(262144)
            if not piece:
                raise went_away()
            pieces.append(piece)
        line, _, rest = b"".join(pieces).partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if "method" not in message:
            return message


def _result(answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is None:
        return answer["result"]
    data = error.get("data") or {}
    raise from_answer(error["code"], error["message"], data.get("kind"), data.get("hint"))
