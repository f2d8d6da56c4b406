"""A connection that has ceased to be HTTP: input and output of an exec, or of an attached container.

The library hands out the bare socket and so loses what was read along with the headers; here that comes first.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker.api.client import APIClient

_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}
_BLOCK = 65536


class Hijacked:
    """Both directions.  Reading is one thread's, writing another's; `close` may be called from any."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._reader = response.raw._fp.fp
        raw = self._reader.raw
        self._socket = getattr(raw, "_sock", None) or raw.sock  # `sock`: a named pipe's
        self._socket.settimeout(None)

    def blocks(self) -> Iterator[bytes]:
        """What comes, until the other side or `close` ends it."""
        with contextlib.suppress(OSError, ValueError):
            while block := self._reader.read1(_BLOCK):
                yield block

    def write(self, data: bytes) -> None:
        """All of it.  Raises OSError where nobody reads any more."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        """The other side reads the end of its input."""
        if isinstance(self._socket, socket.socket):
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End both directions; whoever reads comes to an end."""
        with contextlib.suppress(OSError):
            if isinstance(self._socket, socket.socket):
                self._socket.shutdown(socket.SHUT_RDWR)
            else:
                self._socket.close()

    def finish(self) -> None:
        """Let go of the connection; for the reading thread, at its end."""
        with contextlib.suppress(OSError, ValueError):
            self._socket.close()
            self._response.close()


def start_exec(sdk: APIClient, number: str, tty: bool) -> Hijacked:
    """POST /exec/ID/start."""
    url = f"{sdk.base_url}/v{sdk.api_version}/exec/{number}/start"
    return _hijack(sdk, sdk.post(url, json={"Tty": tty, "Detach": False}, headers=_UPGRADE, **_open(sdk)))


def exec_code(sdk: APIClient, number: str) -> int | None:
    """The exit code of an exec; None while it runs, of which Podman says 0."""
    found = sdk.exec_inspect(number)
    return None if found["Running"] or found["ExitCode"] is None else int(found["ExitCode"])


def attach(sdk: APIClient, container: str) -> Hijacked:
    """POST /containers/ID/attach, from now on, with input."""
    url = f"{sdk.base_url}/v{sdk.api_version}/containers/{container}/attach"
    params = {"stdin": "1", "stdout": "1", "stderr": "1", "stream": "1"}
    return _hijack(sdk, sdk.post(url, params=params, headers=_UPGRADE, **_open(sdk)))


def _open(sdk: APIClient) -> dict[str, Any]:
    return {"stream": True, "timeout": sdk.timeout}


def _hijack(sdk: APIClient, response: Any) -> Hijacked:
    if response.status_code >= 400:
        sdk._raise_for_status(response)
    return Hijacked(response)
