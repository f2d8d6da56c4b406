"""The daemon's own methods: how it is, its replacement, its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from ...api import errors
from ...api import types as t
from ...core.snapshot import DaemonStatus
from ...core.states import State
from ...edges.rpc_server import Session
from ..daemon import Daemon
from ..view import View
from .pulse import pulse


class DaemonHandlers:
    """`daemon.*`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._view = View(daemon)

    def table(self) -> dict[str, Callable[..., object]]:
        return {
            "daemon.status": self.status,
            "daemon.health": self.health,
            "daemon.restart": self.restart,
            "daemon.shutdown": self.shutdown,
        }

    def status(self, _params: t.Nothing, _session: Session) -> DaemonStatus:
        return self._view.daemon()

    async def health(self, _params: t.Nothing, _session: Session) -> t.DaemonHealth:
        daemon = self._daemon
        await asyncio.get_running_loop().run_in_executor(None, daemon.facts.refresh)
        mine = daemon.facts.usage_alone(os.getpid())
        keeper = daemon.facts.usage_alone(int(daemon.keeper["pid"]))
        stats = daemon.server.stats
        troubles = daemon.troubles()
        states = [one.state for one in daemon.supervisor.components.values()]
        return t.DaemonHealth(
            status="degraded" if troubles else "healthy",
            problems=troubles,
            uptime_s=round(daemon.clock.now() - daemon.started, 3),
            rss_bytes=mine.rss_bytes,
            keeper_rss_bytes=keeper.rss_bytes,
            cpu_percent=mine.cpu_percent,
            connections=stats.connections,
            requests=stats.requests,
            errors_last_hour=stats.errors_last_hour,
            components=t.ComponentCounts(
                running=states.count(State.RUNNING),
                backoff=states.count(State.BACKOFF),
                failed=states.count(State.FAILED),
            ),
        )

    async def restart(self, params: t.DaemonRestartParams, _session: Session) -> t.DaemonRestarting:
        """The keeper ends this process and starts the next; nothing else notices (P6)."""
        if params.program:
            _refuse_missing(params.program[0])
        await self._daemon.saver.flush()
        asyncio.get_running_loop().call_later(_ANSWER_FIRST, self._daemon.ask_for_successor, params.program)
        return t.DaemonRestarting(pid=os.getpid())

    async def shutdown(self, params: t.ShutdownParams, session: Session) -> t.ShutDown:
        told = Waiting(session)
        ending = self._daemon.ending.begin(
            "stopped by roost down", timeout=params.timeout, progress=told.note
        )
        with pulse(session):
            ended = await asyncio.shield(ending)  # it goes on when this client is gone
        return t.ShutDown(
            stopped=ended.stopped,
            killed=ended.killed,
            left=ended.left,
            warnings=self._daemon.unsaved(),
        )


def _refuse_missing(program: str) -> None:
    import shutil  # with its compressors 0.6 MB, for what is asked once in an upgrade

    if shutil.which(program) is None:
        raise errors.invalid_params("daemon.restart", f"there is no program {program}")


class Waiting:
    """Shows a client whom a shutdown waits for, but not every change of a thousand."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, names: list[str]) -> None:
        """These are waited for now."""
        self._names = names
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._show)

    def _show(self) -> None:
        self._timer = None
        self._session.progress({"waiting_for": self._names})


_PAUSE = 0.25
"""Seconds after which a wait is worth a word, and between two of them."""
_ANSWER_FIRST = 0.01
"""Seconds between the answer to `daemon.restart` and the end of the one who gave it."""
