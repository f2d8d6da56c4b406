"""The daemon's own end: what asks for it, what stays wanted after it, and who goes in which order.

Components first (`shutdown`), then what stands beside the supervisor, the record, the endpoint, the keeper.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..core.restore import want_again
from ..core.snapshot import Phase
from ..core.states import Component, Desired
from .shutdown import Ended, Progress, Shutdown

if TYPE_CHECKING:
    from .daemon import Daemon

_LAST_SAVE = 2.0
"""Seconds that a disk which stands still can hold up the end."""
_LAST_ANSWER = 2.0
"""Seconds that the keeper has to agree."""


class Ending:
    """One daemon's end; until it is asked for, nothing."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._reason = ""
        self._wishes: dict[str, Desired] = {}
        """What was wanted before an end by a signal, and is to be wanted again after it."""
        self._shutdown: Shutdown | None = None
        self._task: asyncio.Task[Ended] | None = None
        self.asked_early: str | None = None
        """The reason, for an end that is asked for before we are up."""
        self.quitting = False
        """The keeper has been asked to end."""

    @property
    def begun(self) -> bool:
        """Whether components are being stopped, or have been."""
        return self._task is not None

    def begin(
        self,
        reason: str,
        keep_desired: bool = False,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> asyncio.Task[Ended]:
        """Stop everything and leave.  A second call joins the first, and may set it a (tighter) limit.

        What a person asks for (not `keep_desired`) outlasts a signal.
        """
        daemon = self._daemon
        if self._shutdown is None or self._task is None:
            daemon.phase = Phase.SHUTTING_DOWN
            self._reason = reason
            self._shutdown = Shutdown(daemon.supervisor, daemon.world.kill, reason)
            if keep_desired:
                self._wishes = {name: one.desired for name, one in daemon.supervisor.components.items()}
            self._task = asyncio.ensure_future(self._end(self._shutdown))
        elif not keep_desired:
            self._wishes = {}
        daemon.leasing.close(forget=not keep_desired)
        if timeout is not None:
            self._shutdown.limit(timeout)
        if progress is not None:
            self._shutdown.listen(progress)
        return self._task

    def terminate(self, reason: str) -> None:
        """A signal came to us or to the keeper: as `down`, but what was wanted stays wanted."""
        if self._daemon.up:
            self.begin(reason, keep_desired=True)
        else:
            self.asked_early = reason

    def begin_if_asked(self) -> None:
        """Now that we are up: the end that was asked for before."""
        if self.asked_early is not None:
            self.begin(self.asked_early, keep_desired=True)

    def leave_with_leases(self) -> None:
        """Whoever started the daemon for a lease alone finds nothing of it afterwards."""
        if not self.begun:
            self.begin("no lease is left, and the daemon was started for leases")

    def as_wanted(self, components: Mapping[str, Component]) -> dict[str, Component]:
        """The components as they are put on record: after a signal, with what was wanted before it."""
        wanted = dict(components)
        reason = f"wanted again after: {self._reason}"
        for name, wish in self._wishes.items():
            if name in wanted:
                wanted[name] = want_again(wanted[name], wish, reason)
        return wanted

    async def _end(self, shutdown: Shutdown) -> Ended:
        daemon = self._daemon
        ended = await shutdown.run()
        await daemon.probing.close()
        await daemon.companions.close()
        daemon.notifying.close()
        ended = replace(ended, left=await daemon.contained.leave())
        daemon.chronicle.tell("daemon_stopped", f"everything was stopped: {self._reason}")
        await asyncio.wait([asyncio.ensure_future(daemon.saver.flush())], timeout=_LAST_SAVE)
        asyncio.get_running_loop().call_soon(self._leave)
        return ended

    def _leave(self) -> None:
        asyncio.ensure_future(self._go())  # noqa: RUF006 - the loop ends with it

    async def _go(self) -> None:
        daemon = self._daemon
        await daemon.server.close()
        for path in (daemon.paths.daemon_json, daemon.paths.daemon_pid):
            _remove(path)
        await daemon.disk.close(2.0)
        self.quitting = True
        asked = daemon.link.request("quit")
        await asyncio.wait([asked], timeout=_LAST_ANSWER)
        if asked.done() and (refusal := asked.exception()) is not None:
            daemon.log.error("the keeper does not end", why=refusal)
        daemon.go()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
