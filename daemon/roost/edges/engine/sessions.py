"""`roost exec` and `roost attach` on a container: an open connection, read by a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator

from .api import QUICK, LogStream
from .calls import Row
from .client import Client
from .frames import demultiplexed
from .hijack import Hijacked, exec_code

_AHEAD = 16  # blocks read before anybody has taken them
_Item = tuple[LogStream, bytes] | None


class EngineSession:
    """api.Session.  `number`: of the exec; None: an attached container."""

    def __init__(
        self,
        client: Client,
        row: Row,
        wire: Hijacked,
        container: str,
        number: str | None,
        tty: bool,
        end: Callable[[], None] | None = None,
    ) -> None:
        """`end` kills what is run; for one that is left before its end."""
        self._client = client
        self._row = row
        self._wire = wire
        self._container = container
        self._number = number
        self._tty = tty
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[_Item] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._writing = asyncio.Lock()
        self._writer = Row("roost-engine-input", 1)
        self._closed = False
        self._is_over = False
        self._end = end
        threading.Thread(target=self._read, name="roost-engine-session", daemon=True).start()

    async def read(self) -> tuple[LogStream, bytes] | None:
        item = await self._items.get()
        if item is None:
            self._items.put_nowait(None)  # the end stays the end
        self._room.release()
        return item

    async def write(self, data: bytes) -> None:
        async with self._writing:
            with contextlib.suppress(OSError):  # it has ended, as `read` will say
                await self._writer.run(lambda: self._wire.write(data), None, "input")

    async def end_input(self) -> None:
        async with self._writing:
            self._wire.end_input()

    async def resize(self, rows: int, columns: int) -> None:
        what = f"resizing the terminal of {self._container}"
        number = self._number
        await self._row.run(
            lambda: self._client.call(
                lambda sdk: (
                    sdk.exec_resize(number, rows, columns)
                    if number
                    else sdk.resize(self._container, rows, columns)
                ),
                QUICK,
                what,
            ),
            QUICK,
            what,
        )

    async def exit_code(self) -> int | None:
        number = self._number
        if number is None:
            return None
        what = f"exec in container {self._container}"
        code = await self._row.run(
            lambda: self._client.call(lambda sdk: exec_code(sdk, number), QUICK, what),
            QUICK,
            what,
        )
        return None if code is None else int(code)

    async def close(self) -> None:
        if self._end is not None and not self._closed and not self._is_over:
            self._end()
        self._closed = True
        self._wire.close()
        self._room.release()

    def _read(self) -> None:
        blocks = self._wire.blocks()
        for item in _merged(blocks) if self._tty else demultiplexed(blocks):
            self._room.acquire()
            if self._closed:
                break
            self._tell(item)
        self._is_over = True
        self._wire.finish()
        self._tell(None)

    def _tell(self, item: _Item) -> None:
        put: Callable[[_Item], None] = self._items.put_nowait
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(put, item)


def _merged(blocks: Iterable[bytes]) -> Iterator[tuple[LogStream, bytes]]:
    return ((LogStream.MERGED, block) for block in blocks)
