"""Blocking calls on a bounded number of threads, each with its time limit: nothing of an engine blocks the loop.

A thread lives as long as its call.  A call whose limit is over is given up by who waits for it; its thread ends
when the connection's own time-out does, and only then gives its place to another.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from .api import EngineError, ErrorKind

T = TypeVar("T")


class Row:
    """So many threads at most."""

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._free = asyncio.Semaphore(threads)
        self.busy = 0
        """Calls that have a thread at this moment."""

    async def run(self, work: Callable[[], T], limit: float | None, what: str) -> T:
        """The result of `work`.  Raises EngineError `timeout` after `limit` seconds; None: it may last."""
        try:
            async with asyncio.timeout(limit):
                await self._free.acquire()
                return await self._start(work)
        except TimeoutError:
            raise EngineError(
                ErrorKind.TIMEOUT,
                f"{what}: the container engine has not answered for {limit:g} s; "
                "it hangs or is overloaded (look at it, or restart it)",
            ) from None

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def done(give: Callable[[], None]) -> None:
            self.busy -= 1
            self._free.release()
            if not future.done():
                give()

        def call() -> None:
            try:
                value = work()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the one who asked decides
                give, trouble = future.set_exception, error
                _on(loop, lambda: done(lambda: give(trouble)))
            else:
                _on(loop, lambda: done(lambda: future.set_result(value)))

        self.busy += 1
        threading.Thread(target=call, name=self._name, daemon=True).start()
        return future


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return
