"""One terminal whose master we have: typing into it without ever blocking the loop, its size, its reading.

Decides nothing; who may type is somebody else's affair.
"""

from __future__ import annotations

import asyncio
import os

from ..platform import terminals

_PIECE = 32 * 1024


class Terminal:
    """A copy of a master, on the running loop, until it is closed."""

    def __init__(self, master: int) -> None:
        """`master` stays the caller's.  Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self._fd = os.dup(master)
        self._turn = asyncio.Lock()
        self._waiting: set[asyncio.Future[None]] = set()
        self.closed = False

    async def write(self, data: bytes) -> None:
        """Type all of it, however long the programs take to read.  Raises OSError when none is left to read."""
        async with self._turn:
            view = memoryview(data)
            while view:
                if self.closed:
                    raise BrokenPipeError("the terminal is closed")
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    await self._ready(to_write=True)

    async def read(self) -> bytes:
        """What comes next; empty when no program has it any more.  Only for a terminal that nobody else reads."""
        while not self.closed:
            try:
                return os.read(self._fd, _PIECE)
            except BlockingIOError:
                await self._ready(to_write=False)
            except OSError:  # EIO: that is how Linux says it
                break
        return b""

    def read_now(self) -> bytes:
        """What there is at this moment; empty if there is nothing."""
        try:
            return os.read(self._fd, _PIECE)
        except OSError:
            return b""

    def resize(self, columns: int, rows: int) -> None:
        """Tell the programs a new size.  Raises OSError when none is left."""
        if not self.closed:
            terminals.resize(self._fd, columns, rows)

    def redraw(self, columns: int, rows: int) -> None:
        """The same, and have what fills the screen draw it anew."""
        if not self.closed:
            terminals.redraw(self._fd, columns, rows)

    def close(self) -> None:
        """Give it up; who waits to write is told so."""
        if self.closed:
            return
        self.closed = True
        for forget in (self._loop.remove_reader, self._loop.remove_writer):
            forget(self._fd)
        for waiting in self._waiting:
            _release(waiting)
        os.close(self._fd)

    async def _ready(self, to_write: bool) -> None:
        waiting = self._loop.create_future()
        self._waiting.add(waiting)
        (self._loop.add_writer if to_write else self._loop.add_reader)(self._fd, _release, waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            if not self.closed:
                (self._loop.remove_writer if to_write else self._loop.remove_reader)(self._fd)


def _release(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
