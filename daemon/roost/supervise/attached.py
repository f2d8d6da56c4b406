"""Who looks at the terminal of a component, and who types: any number of watchers, one writer.

The output comes from the log, which is the buffer of everybody: a slow watcher holds up neither the component
nor the others, and one that comes back after a restart of the daemon goes on where it was.  What is typed goes
to the terminal's master, which the keeper has given us to hold.
"""

from __future__ import annotations

import asyncio

from ..api import types as t
from ..core.states import Component
from ..edges.rpc_server import Subscription
from ..records.bytes import ByteFollower
from .daemon import Daemon
from .terminals import Typed


class Attachment:
    """One client at the terminal of one run, until it leaves or the run ends."""

    def __init__(
        self,
        daemon: Daemon,
        component: Component,
        subscription: Subscription,
        follower: ByteFollower,
        terminal: Typed | None,
    ) -> None:
        """`terminal`: of the writer alone; ours from now on."""
        self.name = component.name
        self.run = component.run
        self.terminal = terminal
        self._daemon = daemon
        self._subscription = subscription
        self._follower = follower
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        return self._subscription.closed

    def begin(self) -> t.Subscribed:
        """Show what is to be seen, from now on."""
        self._daemon.growth.listen(self.name, self._grown.set)
        self._daemon.supervisor.watch(self._changed)
        self._subscription.on_close(self._end)
        name = self._daemon.terminals.lend(self.terminal) if self.terminal is not None else None
        self._subscription.send("terminal.attached", t.TerminalAttached(terminal=name, run=self.run))
        self._task = asyncio.ensure_future(self._show())
        return t.Subscribed(subscription=self._subscription.id)

    def _end(self) -> None:
        self._daemon.growth.unlisten(self.name, self._grown.set)
        self._daemon.supervisor.unwatch(self._changed)
        if self.terminal is not None:
            self.terminal.close()
        if self._task is not None:
            self._task.cancel()

    def _changed(self, names: frozenset[str]) -> None:
        if self.name in names:
            self._grown.set()

    def _over(self) -> str | None:
        """Why there is nothing more to come; None while there may be."""
        component = self._daemon.supervisor.components.get(self.name)
        if component is None:
            return "it is no longer in the project"
        if component.run != self.run or not component.alive:
            return self._daemon.masker().mask(component.reason)
        return None

    async def _show(self) -> None:
        """What the component writes before its end is in the log before we hear of that (S65)."""
        loop = asyncio.get_running_loop()
        while not self.closed:
            self._grown.clear()
            over = self._over()
            data = await loop.run_in_executor(None, self._follower.poll)
            if data:
                await self._send(
                    "terminal.output", t.TerminalOutput(data=data, cursor=self._follower.cursor())
                )
            elif over is not None:
                await self._send("terminal.ended", t.TerminalEnded(reason=over))
                self._subscription.close()
            else:
                await self._grown.wait()

    async def _send(self, method: str, payload: object) -> None:
        """However long the client takes to read what it has got."""
        await self._subscription.drained()
        while not self._subscription.closed and not self._subscription.send(method, payload):
            await self._subscription.drained()
