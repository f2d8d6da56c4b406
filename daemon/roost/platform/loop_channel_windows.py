"""Windows: a pipe on an asyncio loop, read and written by two threads.  Used by loop_channel.py.

No descriptors come over a pipe.
"""

from __future__ import annotations

import queue
import sys
import threading

assert sys.platform == "win32"

from .endpoint_windows import PipeConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

_READ = 256 * 1024
_LOOK = 1.0  # seconds after which a thread that waits looks whether it is still needed


class Channel:
    """One connection; belongs to the loop's thread."""

    __slots__ = ("_closed", "_connection", "_loop", "_open", "_received", "_unsent")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: PipeConnection,
        received: Callable[[bytes, list[int]], None],
        closed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._received = received
        self._closed = closed
        self._open = True
        self._unsent: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        connection.settimeout(_LOOK)
        writer = threading.Thread(target=self._write, name="channel-write", daemon=True)
        threading.Thread(target=self._read, args=(writer,), name="channel-read", daemon=True).start()
        writer.start()

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send it, some time soon; there are no descriptors here that could go with it."""
        self._unsent.put(data)

    def close(self) -> None:
        """Neither send nor tell anything any more; the threads end within a second."""
        self._open = False
        self._unsent.put(b"")

    def _read(self, writer: threading.Thread) -> None:
        while self._open:
            try:
                data = self._connection.recv(_READ)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not self._tell(data):
                break
        self._unsent.put(b"")
        writer.join()
        self._connection.close()

    def _write(self) -> None:
        while data := self._unsent.get():
            view = memoryview(data)
            while view and self._open:
                try:
                    view = view[self._connection.send(view) :]
                except TimeoutError:
                    continue  # the keeper does not read just now
                except OSError:
                    return  # reading will tell the same

    def _tell(self, data: bytes) -> bool:
        """Pass on what came; False if there is nothing more to be told."""
        try:
            self._loop.call_soon_threadsafe(self._arrived, data)
        except RuntimeError:  # the loop is closed: nobody listens
            return False
        return bool(data)

    def _arrived(self, data: bytes) -> None:
        if not self._open:
            return
        if data:
            self._received(data, [])
        else:
            self._closed()
