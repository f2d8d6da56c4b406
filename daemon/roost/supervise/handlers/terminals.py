"""`component.attach`, `terminal.write` and `terminal.resize`: the terminal of a component with `tty: true`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...api import errors
from ...api import types as t
from ...core.states import Component, State
from ...edges.rpc_server import Session
from ...edges.terminal import Terminal
from ...records.bytes import ByteFollower
from ...records.cursor import BadCursor
from ..attached import Attachment
from ..daemon import Daemon
from ..terminals import Typed
from .shared import Shared


class TerminalHandlers(Shared):
    """The interface to terminals."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon)
        self._attachments: list[Attachment] = []

    def table(self) -> dict[str, Callable[..., object]]:
        return {
            "component.attach": self.attach,
            "terminal.write": self.write,
            "terminal.resize": self.resize,
        }

    async def attach(self, params: t.AttachParams, session: Session) -> t.Subscribed:
        component = self._component(params.name)
        contained = component.container is not None and component.spec.tty
        master = -1 if contained else self._master(component)
        loop = asyncio.get_running_loop()
        folder, run = self._daemon.paths.logs, component.run
        try:
            follower = await loop.run_in_executor(
                None, ByteFollower, folder, component.name, run, params.cursor
            )
        except BadCursor as error:
            raise errors.invalid_params("component.attach", str(error)) from error
        subscription = session.subscribe("terminal")
        terminal: Typed | None = None
        if not params.watch and self._writer(component) is None:
            if contained:
                terminal = await self._daemon.contained.terminal(component)
            else:
                terminal = self._opened(component, master)
            if self._writer(component) is not None:  # somebody was quicker while we waited for the engine
                terminal.close()
                terminal = None
            elif params.columns and params.rows:
                fit = terminal.redraw if params.cursor is None else terminal.resize
                fit(params.columns, params.rows)
        attachment = Attachment(self._daemon, component, subscription, follower, terminal)
        self._attachments.append(attachment)
        return attachment.begin()

    async def write(self, params: t.TerminalWriteParams, _session: Session) -> t.Done:
        terminal = self._daemon.terminals.find(params.terminal)
        try:
            await terminal.write(params.data)
        except OSError as error:
            raise errors.conflict("no program reads from this terminal any more", "attach again") from error
        return t.Done()

    def resize(self, params: t.TerminalResizeParams, _session: Session) -> t.Done:
        terminal = self._daemon.terminals.find(params.terminal)
        try:
            terminal.resize(params.columns, params.rows)
        except OSError as error:
            raise errors.conflict("no program has this terminal any more", "attach again") from error
        return t.Done()

    def _writer(self, component: Component) -> Attachment | None:
        """Who types at its present run."""
        self._attachments = [one for one in self._attachments if not one.closed]
        here = (one for one in self._attachments if (one.name, one.run) == (component.name, component.run))
        return next((one for one in here if one.terminal is not None), None)

    def _master(self, component: Component) -> int:
        name = component.name
        master = self._daemon.world.masters.get((name, component.run))
        if master is not None and component.alive:
            return master
        if not component.spec.tty:
            hint = "write `tty: true` in roost.yaml, then: roost reload; its output: roost logs -f " + name
            raise errors.conflict(f"{name} has no terminal", hint)
        if not component.alive or component.state is State.STOPPING:
            reason = self._daemon.masker().mask(component.reason)
            raise errors.not_ready(f"{name} is not running: {reason}", f"start it: roost start {name}")
        raise errors.conflict(
            f"the terminal of {name} is being taken over by a new keeper, or was lost with the old one",
            f"try again in a few seconds; to give it another: roost restart {name}",
        )

    def _opened(self, component: Component, master: int) -> Terminal:
        try:
            return Terminal(master)
        except OSError as error:
            raise errors.failed(
                f"the terminal of {component.name} cannot be used: {error.strerror}"
            ) from error
