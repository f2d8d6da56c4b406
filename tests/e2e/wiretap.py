"""Somebody in the middle of the keeper's private wire, who may swallow what one side says to the other.

It takes the place of the keeper's socket, so the next daemon that is started speaks through it; what is JSON
lines with descriptors on either side is passed on as it is, unless `swallow` says that it shall be lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

Frame = dict[str, Any]
_MOST_FDS = 64


class Wiretap:
    """In the middle while the block lasts; the keeper itself listens anew, beside us, within seconds."""

    def __init__(self, place: Path, swallow: Callable[[Frame], bool]) -> None:
        self._place = place
        self._swallow = swallow
        self._aside = place.with_suffix(".real")
        self._listener = socket.socket(socket.AF_UNIX)
        self._sockets: list[socket.socket] = [self._listener]
        self.greeted = threading.Event()
        """A daemon has said hello through us."""

    def __enter__(self) -> Wiretap:
        ours = self._place.with_suffix(".tap")
        self._listener.bind(str(ours))
        self._listener.listen()
        self._aside.hardlink_to(self._place)
        ours.rename(self._place)  # in one step: the keeper never finds its socket gone, and takes it back
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._aside.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                self._sockets += [near, far]
                far.connect(str(self._aside))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        """Line by line, each with the descriptors that belong to it."""
        buffer, kept = b"", list[int]()
        with contextlib.suppress(OSError):
            while True:
                data, fds, _, _ = socket.recv_fds(source, 65536, _MOST_FDS)
                if not data:
                    break
                buffer += data
                kept += fds
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    frame = json.loads(line)
                    mine = [kept.pop(0) for _ in range(frame.get("fds", 0))]
                    if not self._swallow(frame):
                        _send(sink, line + b"\n", mine)
                    for fd in mine:
                        os.close(fd)
                    if frame.get("verb") == "hello" and frame.get("role") == "daemon":
                        self.greeted.set()
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _send(sink: socket.socket, data: bytes, fds: list[int]) -> None:
    sent = socket.send_fds(sink, [data], fds) if fds else 0
    sink.sendall(data[sent:])
