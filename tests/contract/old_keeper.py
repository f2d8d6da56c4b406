"""A keeper of wire version 1.0, as published: answers from the golden frames and runs nothing.

Stands in for the keeper of an earlier release, which keeps running while the daemon is replaced by a newer one.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Any

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("wire_1_0.json").read_text(encoding="utf-8"))


class OldKeeper:
    """Listens at `path`; `asked` holds every request."""

    def __init__(self, path: str, hello: str, events: list[dict[str, Any]]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._hello = GOLDEN[hello]
        self._events = events
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def verbs(self) -> list[str]:
        """What was asked so far."""
        return [str(request["verb"]) for request in list(self.asked)]

    def close(self) -> None:
        """End it, as a kill would."""
        self._listener.close()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        # the daemon is killed in the end, in the middle of a word, with words of ours unread
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rwb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                request = json.loads(line)
                self.asked.append(request)
                for frame in self._answers(request):
                    stream.write(json.dumps(frame).encode() + b"\n")
                stream.flush()

    def _answers(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        number = request["id"]
        match request["verb"]:
            case "hello":
                return [{"id": number, "result": self._hello}, *self._events]
            case "spawn":
                return [{"id": number, "error": GOLDEN["error"]}]
            case "list":
                return [{"id": number, "result": {"runs": self._hello["runs"]}}]
            case "ack" | "watch" | "stop" | "signal" | "log" | "environ" | "daemon" | "quit":
                return [{"id": number, "result": {}}]
            case verb:
                return [
                    {
                        "id": number,
                        "error": {"kind": "no_such_verb", "message": f"this keeper does not know {verb!r}"},
                    }
                ]
