"""Keeps `state.json` up to date: as often as needed, never twice at once, never on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from . import store
from .disk import Disk

PAUSE = 0.02
"""Seconds in which changes are gathered before they are written."""

RETRY = 1.0
"""Seconds after which what the disk refused is tried again."""

Snapshot = Callable[[], Callable[[], store.SavedState]]
"""Called on the loop, it takes hold of what is to be saved; what it gives is called on the disk's thread."""


class Saver:
    """Saves when something was marked; whoever needs to know that it is on the disk asks for it."""

    def __init__(self, disk: Disk, path: str, take: Snapshot, complain: Callable[[str], None]) -> None:
        self._disk = disk
        self.path = path
        self._take = take
        self._complain = complain
        self._loop = asyncio.get_running_loop()
        self._saving = False
        self._again = False
        self._after: list[Callable[[], None]] = []
        self._flushes: list[asyncio.Future[None]] = []
        self._retry: asyncio.TimerHandle | None = None
        self.problem: str | None = None
        """Why the last attempt to save failed; None when it did not."""

    def mark(self, after: Callable[[], None] | None = None) -> None:
        """Something changed; `after` is called on the loop once it is on the disk, however late that is."""
        if after is not None:
            self._after.append(after)
        if self._saving:
            self._again = True
            return
        self._saving = True
        self._loop.call_later(PAUSE, self._save)

    async def flush(self) -> None:
        """Return when all that was so before the call is on the disk, or could not be put there."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._flushes.append(done)
        self.mark()
        await done

    def _save(self) -> None:
        self._again = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        after, self._after = self._after, []
        flushes, self._flushes = self._flushes, []
        make = self._take()
        path = self.path
        self._disk.submit(
            lambda: store.save(path, make()),
            lambda _none: self._written(after, flushes),
            lambda error: self._refused(after, flushes, error),
        )

    def _written(self, after: list[Callable[[], None]], flushes: list[asyncio.Future[None]]) -> None:
        self.problem = None
        for call in after:
            call()
        self._go_on(flushes)

    def _refused(
        self, after: list[Callable[[], None]], flushes: list[asyncio.Future[None]], error: Exception
    ) -> None:
        """A failing disk is told once, does not hold up what runs, and is tried again."""
        if self.problem is None:
            self._complain(f"the state cannot be saved: {error}")
        self.problem = f"the state cannot be saved: {error}"
        self._after[:0] = after
        self._retry = self._loop.call_later(RETRY, self.mark)
        self._go_on(flushes)

    def _go_on(self, flushes: list[asyncio.Future[None]]) -> None:
        for flush in flushes:
            if not flush.done():
                flush.set_result(None)
        if self._again:
            self._loop.call_later(PAUSE, self._save)
        else:
            self._saving = False
