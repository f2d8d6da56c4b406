"""One thread for all that the daemon writes, so that a slow or frozen disk never delays a decision (P12).

Jobs run in the order in which they were given.  What a job returns goes back to the loop.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]]


class Disk:
    """The writing thread.  Not a pool: order matters more than speed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="roost-disk", daemon=True)
        self._thread.start()

    def submit(
        self, job: Callable[[], T], then: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """Run `job` on the thread, then one of the other two on the loop."""
        self._jobs.put((job, then, failed))

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """The same with a future."""
        future: asyncio.Future[T] = self._loop.create_future()

        def then(value: T) -> None:
            if not future.done():
                future.set_result(value)

        def failed(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        self.submit(job, then, failed)
        return future

    async def close(self, timeout: float) -> None:
        """Wait until all that was given is done, but not longer than `timeout` seconds."""
        done = self.run(lambda: None)
        self._jobs.put(None)
        await asyncio.wait([done], timeout=timeout)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, then, failed = job
            try:
                value = work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked decides
                self._hand_back(failed, error)
            else:
                self._hand_back(then, value)

    def _hand_back(self, call: Callable[[Any], None], value: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, value)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return
