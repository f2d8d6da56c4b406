"""What the daemon does for each method of the interface: the table of handlers.

A handler checks what was asked, expresses a wish to the supervisor, waits if that was asked, and renders the
answer.  It decides nothing about components.

What no component waits for is imported a moment after the boot, or at its first call: the first `up` is quicker
by that much, and a daemon whose files are replaced under it by an upgrade still has all of its own.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping

from ...edges.rpc_server import Handlers
from ..daemon import Daemon
from .components import ComponentHandlers
from .configuration import ConfigurationHandlers
from .itself import DaemonHandlers
from .leases import LeaseHandlers

_LATER: Mapping[str, tuple[str, tuple[str, ...]]] = {
    ".records": ("RecordHandlers", ("logs.query", "logs.clear", "events.query")),
    ".streams": ("StreamHandlers", ("logs.stream", "events.stream", "status.stream")),
    ".terminals": ("TerminalHandlers", ("component.attach", "terminal.write", "terminal.resize")),
}
_SOON = 1.0
"""Seconds after the boot."""


def table(daemon: Daemon) -> Handlers:
    """Every method that this daemon offers."""
    offered: dict[str, object] = {}
    for part in (ComponentHandlers, ConfigurationHandlers, DaemonHandlers, LeaseHandlers):
        offered.update(part(daemon).table())
    for module, (name, methods) in _LATER.items():
        later = _Later(daemon, module, name)
        offered.update({method: later.handler(method) for method in methods})
    return offered  # type: ignore[return-value]


class _Later:
    """The handlers of a module that is not imported yet."""

    def __init__(self, daemon: Daemon, module: str, name: str) -> None:
        self._daemon = daemon
        self._module = module
        self._name = name
        self._table: dict[str, Callable[..., object]] | None = None
        asyncio.get_running_loop().call_later(_SOON, self._load_soon)

    def _load_soon(self) -> None:
        """Unless it is for terminals and there are none: then nobody will call it who gets more than an error."""
        specs = self._daemon.configuration.project.components.values()
        if self._module != ".terminals" or any(spec.tty for spec in specs):
            self._load()

    def handler(self, method: str) -> Callable[..., object]:
        """What is dispatched to."""
        return lambda params, session: self._load()[method](params, session)

    def _load(self) -> dict[str, Callable[..., object]]:
        if self._table is None:
            part = getattr(importlib.import_module(self._module, __name__), self._name)
            self._table = part(self._daemon).table()
        return self._table
