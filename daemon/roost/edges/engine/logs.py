"""Reading a container's log from the engine, from a time on.  Blocking; decides nothing about interruptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .api import QUICK, LogPiece
from .client import Client, Stream
from .frames import framed, unframed

if TYPE_CHECKING:
    from docker.api.client import APIClient


class EngineLog:
    """api.LogReader: one GET /containers/ID/logs.

    An engine that is ended in good order calls its answers whole, too: that proves nothing of the container.
    Podman is asked for what there is alone: what it sends to one who follows lacks lines when many come.
    """

    def __init__(self, client: Client, container: str, since_ns: int, follow: bool) -> None:
        self._client = client
        self._container = container
        self._params = {"stdout": "1", "stderr": "1", "timestamps": "1"}
        if since_ns:
            seconds, rest = divmod(since_ns, 1_000_000_000)
            self._params["since"] = f"{seconds}.{rest:09d}"
        self._stream: Stream | None = None
        self._closed = False
        self.is_whole = False
        self.waited = follow

    def __iter__(self) -> Iterator[LogPiece]:
        what = f"the log of container {self._container}"
        tty = self._client.call(lambda sdk: _has_terminal(sdk, self._container), QUICK, what)
        own = self._client.is_podman  # whose own answer has frames behind a terminal, too, and every newline
        self.waited = self.waited and not own
        self._params["follow"] = "1" if self.waited else "0"
        stream = self._client.stream(f"/containers/{self._container}/logs", self._params, what, own)
        self._stream = stream
        if self._closed:
            stream.close()
        try:
            if own:
                yield from framed(stream, is_exact=True, is_merged=tty)
            else:
                yield from unframed(stream) if tty else framed(stream)
            self.is_whole = stream.is_whole
        finally:
            stream.finish()

    def close(self) -> None:
        """End the reading, from any thread."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()


def _has_terminal(sdk: APIClient, container: str) -> bool:
    return bool(sdk.inspect_container(container)["Config"]["Tty"])
