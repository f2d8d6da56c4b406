"""Leases in the world: whether their clients still live, and what is stopped when one ends.

A lease ends when it is released; when its client's process is gone, which a closed connection only suggests
and the process table decides; or 30 s after a restart of the daemon if nobody has claimed it.  A client whose
process the system does not tell (it connects from another container, say) has 30 s after its connection was
lost.  Whatever ends them, what was started for leases and is needed by none is stopped in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..core.states import Desired
from ..edges.clock import Clock
from ..edges.store import Holder, SavedLeases
from ..platform import identity
from .leases import Leases
from .loop import Supervisor
from .withdrawal import Withdrawal

GRACE = 30.0
"""Seconds in which a client has to claim its lease again."""
FIRST = 10.0
"""Seconds that a client has to ask for the lease for which it has started the daemon."""
_LOOK = 1.0
"""Seconds between two looks at the processes that hold leases."""
_DYING = 0.05
"""Seconds between the end of a connection and the end of the process that held it."""


class Tell(Protocol):
    """Puts an event on record."""

    def __call__(self, kind: str, message: str, *, data: dict[str, object] | None = None) -> object: ...


class Leasing:
    """The owner of all leases.  `leave` is called once nothing but leases had wanted the daemon."""

    def __init__(
        self,
        kept: SavedLeases,
        supervisor: Supervisor,
        clock: Clock,
        *,
        tell: Tell,
        mark: Callable[[], None],
        leave: Callable[[], None],
        is_alive: Callable[[Holder], bool] = lambda one: identity.is_alive(
            one.pid, one.start_time, one.boot_id
        ),
    ) -> None:
        self.leases = Leases(kept)
        self.steady = asyncio.Lock()
        """Held while something is withdrawn, and by whoever decides what a new lease has to start."""
        self._supervisor = supervisor
        self._clock = clock
        self._tell = tell
        self._mark = mark
        self._leave = leave
        self._is_alive = is_alive
        self._unclaimed: dict[str, float] = {}
        self._connections: dict[str, object] = {}
        self._ending: set[asyncio.Task[list[str]]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def begin(self) -> None:
        """After a restart of the daemon: every lease waits for its client; what nobody needs stops now."""
        deadline = self._clock.now() + GRACE
        self._unclaimed = dict.fromkeys(self.leases.held, deadline)
        self._look()
        if self.leases.unneeded():
            self._withdraw_later("the lease that it was started for has ended")

    def await_first(self) -> None:
        """The daemon was started for a lease: it leaves if its client dies before it has asked for one."""
        asyncio.get_running_loop().call_later(FIRST, self._look_for_first)

    def close(self, forget: bool) -> None:
        """The daemon ends; with `forget` so do all leases."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if forget:
            self.leases.clear()

    # -- one lease ---------------------------------------------------------------------------------------

    def follow(self, name: str, connection: object, on_close: Callable[[Callable[[], None]], None]) -> None:
        """Its client has asked for it, for the first time or again, on a connection whose end `on_close` tells."""
        self._unclaimed.pop(name, None)
        if self._connections.get(name) is not connection:
            self._connections[name] = connection
            on_close(lambda: self._connection_lost(name, connection))
        self._plan()

    def end(self, name: str, why: str) -> asyncio.Task[list[str]]:
        """End a lease; the task gives the names of the components that were stopped for it."""
        self._unclaimed.pop(name, None)
        self._connections.pop(name, None)
        self.leases.end(name)
        self._tell("lease_ended", f"a lease has ended: {why}", data={"lease": name})
        return self._withdraw_later(f"stopped with the last lease on it: {why}")

    def leave_if_idle(self, launched: bool = False) -> None:
        """End the daemon if it was started for leases, there are none, and nothing is wanted of it."""
        components = self._supervisor.components.values()
        wanted = any(one.desired is Desired.RUNNING for one in components)
        if (launched or self.leases.whole_project) and not self.leases.held and not wanted:
            self._leave()

    # -- details -----------------------------------------------------------------------------------------

    def _look_for_first(self) -> None:
        if not self.leases.asked_for and not self._closed:
            self.leave_if_idle(launched=True)

    def _connection_lost(self, name: str, connection: object) -> None:
        lease = self.leases.held.get(name)
        if lease is None or self._closed or self._connections.get(name) is not connection:
            return
        del self._connections[name]
        if lease.holder is None:
            self._unclaimed[name] = self._clock.now() + GRACE
        self._plan(_DYING)

    def _plan(self, after: float = _LOOK) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._closed:
            self._timer = asyncio.get_running_loop().call_later(after, self._look)

    def _look(self) -> None:
        """End the leases whose clients are gone."""
        now = self._clock.now()
        for name, lease in list(self.leases.held.items()):
            if lease.holder is not None and not self._is_alive(lease.holder):
                self.end(name, f"its client (pid {lease.holder.pid}) is gone")
            elif now >= self._unclaimed.get(name, now + 1.0):
                self.end(name, f"nobody has claimed it for {GRACE:g} s")
        if self.leases.held:
            self._plan()

    def _withdraw_later(self, why: str) -> asyncio.Task[list[str]]:
        task = asyncio.ensure_future(self._withdraw(why))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _withdraw(self, why: str) -> list[str]:
        async with self.steady:
            names = self.leases.unneeded()
            stopped = await Withdrawal(self._supervisor, names, why).run()
            self.leases.forget(names)
            self._mark()
        self.leave_if_idle()
        return stopped
