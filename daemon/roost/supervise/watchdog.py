"""The backstop: every ten seconds it checks that nothing was missed, repairs it and puts it on record (S20).

Everything is noticed by events; what is found here is a defect, ours or of somebody who deleted our files.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from ..core.states import Component, Exit, Exited, State
from ..edges.keeper_link import Frame, KeeperError
from ..edges.rpc_server import EndpointInUse
from ..platform.files import make_private
from ..platform.locks import Lock
from .daemon import Daemon

PERIOD = 10.0


class Watchdog:
    """Looks, repairs, tells."""

    def __init__(self, daemon: Daemon, locks: list[Lock]) -> None:
        self._daemon = daemon
        self._locks = locks

    async def watch(self) -> None:
        """Look once a period, for ever."""
        clock = self._daemon.clock
        while True:
            await clock.sleep_until(clock.now() + PERIOD)
            await self.look()

    async def look(self) -> None:
        """One look at everything."""
        try:
            self._files()
            if await self._daemon.server.check_still_there():
                self._repaired("the socket was gone and has been made anew")
        except (OSError, EndpointInUse) as error:
            self._daemon.log.error("the watchdog could not repair", error=error)
        await self._runs()
        self._daemon.take_up_configuration()
        self._daemon.wall_reconciled = self._daemon.clock.wall()

    def _files(self) -> None:
        paths = self._daemon.paths
        for folder in (paths.state, paths.run):
            if not os.path.isdir(folder):
                make_private(folder)
                self._repaired(f"{folder} was gone and has been made anew")
        for lock in self._locks:
            if not lock.is_current() and lock.retake():
                self._repaired(f"{lock.path} was gone and is held again")
        for name in self._daemon.notifying.repair():
            self._repaired(f"the notify socket of {name} was gone and has been made anew", name)
        if not os.path.exists(paths.daemon_json):
            self._daemon.announce()
            self._daemon.saver.mark()
            self._daemon.keep_configuration()
            self._repaired("daemon.json was gone and has been written anew")
        elif self._daemon.announcement_problem is not None:
            self._daemon.announce_or_complain()

    async def _runs(self) -> None:
        """What the keeper has must be what we believe."""
        asked = self._daemon.link.request("list")
        await asyncio.wait([asked], timeout=PERIOD)  # a keeper that does not answer is not dead
        if not asked.done() or isinstance(asked.exception(), KeeperError):
            return
        answer = asked.result()
        live = {str(run["name"]): run for run in answer["runs"]}
        for name, component in list(self._daemon.supervisor.components.items()):
            if vanished(component, live):
                self._lost(name, component)

    def _lost(self, name: str, component: Component) -> None:
        now, wall = self._daemon.clock.now(), self._daemon.clock.wall()
        self._repaired(f"{name}: run {component.run} is not known to the keeper any more", name)
        ended = Exit(run=component.run, code=None, signal=None, known=False, at=now, wall=wall, uptime=0.0)
        self._daemon.supervisor.apply(name, Exited(ended))

    def _repaired(self, what: str, component: str | None = None) -> None:
        self._daemon.log.error(what)
        self._daemon.chronicle.tell("drift", what, component=component)


def vanished(component: Component, live: Mapping[str, Frame]) -> bool:
    """Whether we believe in a run of which the keeper knows nothing, not even that it ended."""
    if component.pid is None or component.state not in (State.STARTING, State.RUNNING, State.STOPPING):
        return False
    run = live.get(component.name)
    return run is None or int(run["run"]) < component.run


def start(daemon: Daemon, locks: list[Lock]) -> asyncio.Task[None]:
    """The watchdog as a task of the running loop."""
    return asyncio.ensure_future(Watchdog(daemon, locks).watch())
