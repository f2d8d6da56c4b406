"""`project.acquire` and `project.release`: the lease behind `roost run`, `ensure_running` and the fixture.

What is needed is made ready for a client; what already runs is left alone; and nothing at all is changed when
something that is needed is failed, or was stopped by a person (S82–S85).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

from ...api import errors
from ...api import types as t
from ...core import graph
from ...core.outcome import Goal
from ...core.states import Component, Desired, State
from ...edges.rpc_server import Session
from ...edges.store import Holder, SavedLease
from ...platform import identity
from ..leasing import Leasing
from .pulse import pulse
from .shared import Shared


class LeaseHandlers(Shared):
    """Leases, as clients ask for them."""

    def table(self) -> dict[str, Callable[..., object]]:
        return {"project.acquire": self.acquire, "project.release": self.release}

    async def acquire(self, params: t.AcquireParams, session: Session) -> t.Lease:
        name = params.lease or os.urandom(8).hex()
        try:
            return await self._acquire(name, params, session)
        except asyncio.CancelledError:
            if session.gone and name in self._leasing.leases.held:
                self._leasing.end(name, "its client went away before all was ready")
            raise
        except errors.RpcError:
            self._leasing.leave_if_idle(params.launched)
            raise

    async def release(self, params: t.ReleaseParams, session: Session) -> t.Released:
        if params.lease not in self._leasing.leases.held:
            raise errors.conflict(f"there is no lease {params.lease[:100]!r}", "it has ended already")
        with pulse(session):
            stopped = await asyncio.shield(self._leasing.end(params.lease, "it was released"))
        await self._daemon.saver.flush()
        return t.Released(stopped=stopped, ends=self._daemon.phase == "shutting_down")

    # -- details -----------------------------------------------------------------------------------------

    @property
    def _leasing(self) -> Leasing:
        return self._daemon.leasing

    async def _acquire(self, name: str, params: t.AcquireParams, session: Session) -> t.Lease:
        with pulse(session):
            async with self._leasing.steady:
                self._refuse_at_the_end()
                self._claim_or_grant(name, params, _holder(session))
            self._leasing.follow(name, session.connection, session.on_close)
            await self._daemon.saver.flush()
            if not self._still_held(name).granted:
                await self._until_ready(name, params.timeout, session)
        started = self._still_held(name).started
        return t.Lease(lease=name, started=[one for one in started if self._is_ours(one)])

    def _still_held(self, name: str) -> SavedLease:
        """The lease, for which others may have done while we waited.  Raises RpcError."""
        lease = self._leasing.leases.held.get(name)
        if lease is None:
            self._refuse_at_the_end()
            raise errors.not_ready("the lease has ended before all that it needs was ready", _ENDED_HINT)
        return lease

    def _claim_or_grant(self, name: str, params: t.AcquireParams, holder: Holder | None) -> None:
        leases = self._leasing.leases
        if name in leases.held:
            leases.claim(name, holder)
            return
        if params.claim:
            raise errors.conflict(f"there is no lease {name!r} to claim", "it has ended; ask for another one")
        self._take_configuration()
        names = self._expand(params.names) if params.names else self._autostart()
        self._refuse_disabled(names)
        needs = [
            one for one in graph.closure(self._daemon.supervisor.edges, names) if one in self._components
        ]
        anyway = params.start or params.launched
        if not anyway:
            self._refuse_unready(needs)
        idle = [one for one in needs if _is_idle(self._components[one])]
        self._daemon.supervisor.start(names, "needed by a lease", anew=anyway, again=False)
        leases.note_start(needs)
        leases.grant(name, needs, idle, holder, params.launched)

    def _refuse_unready(self, needs: Iterable[str]) -> None:
        """Raises RpcError `not_ready`, naming all that a lease alone may not set right."""
        mask = self._daemon.masker().mask
        found = [f"{one} {_trouble(self._components[one])}" for one in needs if self._in_the_way(one)]
        if found:
            hint = "roost up starts what is stopped or failed; so does --start (in Python: start=True)"
            raise errors.not_ready(mask("; ".join(found)), hint)

    def _in_the_way(self, name: str) -> bool:
        component = self._components[name]
        if component.watched_only:
            return component.state is State.WAITING and any(
                window.last is not None and not window.last.ok for window in component.windows.values()
            )
        if component.state is State.FAILED:
            return True
        stopped = component.desired is Desired.STOPPED and component.settled
        return stopped and self._leasing.leases.stopped_by_person(name)

    async def _until_ready(self, name: str, timeout: float, session: Session) -> None:
        """Wait for what a lease needs; if it does not come, the lease ends and what it started is stopped."""
        needs = [one for one in self._leasing.leases.held[name].needs if one in self._components]
        wait = self._wait(self._unscheduled(needs), Goal.UP)
        in_time = await wait.finish(timeout, self._progress(session))
        if in_time and not wait.failed:
            self._leasing.leases.complete(name)
            await self._daemon.saver.flush()
            return
        late = self._late(wait, timeout).message if not in_time else ""
        failures = [await self._failure(one) for _, one in sorted(wait.failed.items())]
        if name in self._leasing.leases.held:
            await asyncio.shield(self._leasing.end(name, "what it needs could not be made ready"))
        raise errors.not_ready("\n".join([*map(_told, failures), *filter(None, [late])]), _HINT)

    def _is_ours(self, name: str) -> bool:
        """Nothing external is ever started by us, although it is looked at because of a lease."""
        component = self._components.get(name)
        return component is not None and not component.watched_only


_ENDED_HINT = "somebody released it, or its client is gone; ask for another one"
_HINT = "what was started for it is stopped again; its output stays: roost logs"


def _is_idle(component: Component) -> bool:
    """It does not run, and will not by itself."""
    return component.desired is Desired.STOPPED or component.state is State.FAILED


def _trouble(component: Component) -> str:
    if component.state is State.STOPPED:
        return f"was stopped ({component.reason})"
    return f"is {component.state}: {component.reason}"


def _told(failure: t.UpFailure) -> str:
    lines = "".join(f"\n    | {line}" for line in failure.last_lines)
    return f"{failure.name} failed: {failure.reason.removeprefix('failed: ')}{lines}"


def _holder(session: Session) -> Holder | None:
    """The client's process, so that another one with its pid is never taken for it."""
    pid = session.peer_pid
    start_time = identity.start_time(pid) if pid is not None else None
    if pid is None or start_time is None:
        return None
    return Holder(pid=pid, start_time=start_time, boot_id=identity.boot_id())
