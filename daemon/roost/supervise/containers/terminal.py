"""The terminal of a container, or of a command in one, with the manners of our own (`edges.terminal`)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from ...edges.engine.api import EngineError, Session


class ContainerTerminal:
    """Typing at an engine's session and giving it a size."""

    def __init__(self, session: Session, is_read_elsewhere: bool) -> None:
        """`is_read_elsewhere`: what it shows is in the log; the session's own copy is thrown away."""
        self._session = session
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = False
        if is_read_elsewhere:
            self._do(self._discard())

    async def write(self, data: bytes) -> None:
        """Type all of it.  Raises OSError when there is nobody to read it."""
        if self.closed:
            raise BrokenPipeError("the terminal is closed")
        await self._session.write(data)

    def resize(self, columns: int, rows: int) -> None:
        """Tell the programs a new size."""
        if not self.closed:
            self._do(self._sized((columns, rows)))

    def redraw(self, columns: int, rows: int) -> None:
        """The same, and have what fills the screen draw it anew: only another size makes it."""
        if not self.closed:
            self._do(self._sized((columns, max(1, rows - 1)), (columns, rows)))

    def close(self) -> None:
        """Give it up; what runs there goes on."""
        if not self.closed:
            self.closed = True
            self._do(self._session.close())

    async def _sized(self, *sizes: tuple[int, int]) -> None:
        for columns, rows in sizes:
            await self._session.resize(rows, columns)

    async def _discard(self) -> None:
        while await self._session.read() is not None:
            continue

    def _do(self, work: Coroutine[object, object, None]) -> None:
        async def quietly() -> None:
            try:
                await work
            except EngineError:
                return  # it has ended, or the engine has: whoever shows the output says so

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
