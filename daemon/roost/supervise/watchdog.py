"""The backstop: every ten seconds it checks that nothing was missed, repairs it and puts it on record (S20).

Everything is noticed by events; what is found here is a defect, ours or of somebody who deleted our files.
"""

from __future__ import annotations

import asyncio
import os

from ..core.states import Component, Exit, Exited, Spawned
from ..edges.keeper_link import Frame
from ..edges.rpc_server import EndpointInUse
from ..platform.files import make_private
from ..platform.locks import Lock
from .agreement import Difference, Finding, compare
from .daemon import Daemon

PERIOD = 10.0
"""Seconds between two looks."""
STRAY_PATIENCE = 10.0
"""Seconds that a run of which nobody knows has to end by itself."""


class Watchdog:
    """Looks, repairs, tells."""

    def __init__(self, daemon: Daemon, locks: list[Lock]) -> None:
        self._daemon = daemon
        self._locks = locks
        self._suspected: set[Finding] = set()

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
        if await self._daemon.contained.look():
            self._daemon.wall_reconciled = self._daemon.clock.wall()

    def _files(self) -> None:
        """A project that is gone or was moved is not made anew in its old place."""
        paths = self._daemon.paths
        for folder in (paths.run, paths.state) if os.path.isdir(paths.root) else (paths.run,):
            if not os.path.isdir(folder):
                make_private(folder)
                self._repaired(f"{folder} was gone and has been made anew")
        for lock in self._locks:
            if not lock.is_current() and os.path.isdir(os.path.dirname(lock.path)) and lock.retake():
                self._repaired(f"{lock.path} was gone and is held again")
        for name in self._daemon.notifying.repair():
            self._repaired(f"the notify socket of {name} was gone and has been made anew", name)
        if not os.path.isdir(paths.state):
            return
        ours = (paths.daemon_json, paths.daemon_pid, self._daemon.saver.path)
        gone = [os.path.basename(path) for path in ours if not os.path.exists(path)]
        if gone:
            self._daemon.announce()
            self._daemon.saver.mark()
            self._repaired(f"{' and '.join(gone)} {'was' if len(gone) == 1 else 'were'} gone and made anew")
        elif self._daemon.announcement_problem is not None:
            self._daemon.announce_or_complain()

    async def _runs(self) -> None:
        """What the keeper has must be what we believe."""
        asked = self._daemon.link.request("list")
        asked.add_done_callback(self._compare)  # at once: nothing that comes later is heard before
        await asyncio.wait([asked], timeout=PERIOD)  # a keeper that does not answer is not dead

    def _compare(self, asked: asyncio.Future[Frame]) -> None:
        if asked.cancelled() or asked.exception() is not None:
            return
        found = compare(self._daemon.supervisor.components, asked.result()["runs"])
        before, self._suspected = self._suspected, {one for one in found if not one.difference.at_once}
        for one in found:
            if one.difference.at_once or one in before:
                self._agree(one)

    def _agree(self, one: Finding) -> None:
        """Put right what the two sides do not believe alike."""
        daemon = self._daemon
        self._repaired(f"{one.name}: run {one.run} {one.difference.value}", one.name)
        components = daemon.supervisor.components
        match one.difference:
            case Difference.LOST:
                daemon.supervisor.apply(one.name, Exited(self._end_unknown(components[one.name])))
            case Difference.UNHEARD:
                started = Spawned(run=one.run, pid=one.pid, wall=daemon.clock.wall())
                daemon.supervisor.apply(one.name, started)
            case Difference.UNSTARTED:
                daemon.world.spawn(components[one.name])
            case Difference.UNTOLD:
                daemon.hear_again()
            case Difference.UNSTOPPED:
                daemon.world.stop(components[one.name])
            case Difference.STRAY:
                daemon.link.tell("stop", name=one.name, run=one.run, signal="TERM", kill_after=STRAY_PATIENCE)

    def _end_unknown(self, component: Component) -> Exit:
        now, wall = self._daemon.clock.now(), self._daemon.clock.wall()
        uptime = 0.0 if component.started is None else now - component.started
        return Exit(run=component.run, code=None, signal=None, known=False, at=now, wall=wall, uptime=uptime)

    def _repaired(self, what: str, component: str | None = None) -> None:
        self._daemon.log.error(what)
        self._daemon.chronicle.tell("drift", what, component=component)


def start(daemon: Daemon, locks: list[Lock]) -> asyncio.Task[None]:
    """The watchdog as a task of the running loop."""
    return asyncio.ensure_future(Watchdog(daemon, locks).watch())
