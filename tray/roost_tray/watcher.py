"""Notifications as they become due: the shell around `notices`, on the tray's asyncio loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from .model import Notice
from .notices import MANY, Condition, Due, Notices, compose
from .world import Level, World

log = logging.getLogger(__name__)


class NoticeWatcher:
    """A `Watcher`: shows what is due by `tell`, with the last line that a failed component wrote."""

    def __init__(
        self, tell: Callable[[Notice], None], last_line: Callable[[str, str], Awaitable[str | None]]
    ) -> None:
        self._tell = tell
        self._last_line = last_line
        self._notices = Notices()
        self._timer: asyncio.TimerHandle | None = None
        self._telling: set[asyncio.Future[None]] = set()

    def world_changed(self, world: World, level: Level) -> None:
        """See what is due, now and later."""
        self._notices.see(world, level, asyncio.get_running_loop().time())
        self._look()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        dues = self._notices.take_due(loop.time())
        if dues:
            task = asyncio.ensure_future(self._show(dues))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        later = self._notices.next_at()
        if later is not None:
            self._timer = loop.call_at(later, self._look)

    async def _show(self, dues: Sequence[Due]) -> None:
        lines: dict[tuple[str, str], str] = {}
        failed = [due for due in dues if due.component is not None and due.condition is not Condition.WELL]
        for due in failed if len(failed) < MANY else []:
            assert due.component is not None
            line = await self._last_line(due.root, due.component.name)
            if line:
                lines[due.root, due.component.name] = line
        for notice in compose(dues, lines):
            log.info("notification: %s: %s", notice.title, notice.body.replace("\n", " | "))
            self._tell(notice)
