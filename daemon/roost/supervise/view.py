"""The whole picture as people see it: project, daemon, color, components."""

from __future__ import annotations

import asyncio
import os

from .. import __version__
from ..core import snapshot as s
from ..core.states import Component
from ..core.times import rfc3339
from ..edges.facts import Usage
from .daemon import Daemon

_AT_ONCE = 64
"""With more processes than that an answer does not wait for fresh figures, it triggers them."""


class View:
    """Renders what a daemon knows; keeps nothing but the last look at processor and memory."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._facts = daemon.facts
        self._refreshing: asyncio.Future[bool] | None = None

    async def refresh_usage(self) -> None:
        """Look at the processes if the last look is old; wait for it where that is quick."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.get_running_loop().run_in_executor(None, self._facts.refresh)
        alive = sum(1 for one in self._daemon.supervisor.components.values() if one.pid is not None)
        if alive <= _AT_ONCE:
            await asyncio.shield(self._refreshing)

    def project_status(self) -> s.ProjectStatus:
        """The answer of `project.status`."""
        components = self.components()
        return s.ProjectStatus(
            project=self.project(),
            daemon=self.daemon(),
            color=s.color_of(components),
            components=components,
        )

    def components(self) -> list[s.ComponentStatus]:
        """Every component, in the order of the file."""
        return [self.component(one) for one in self._daemon.supervisor.components.values()]

    def component(self, component: Component) -> s.ComponentStatus:
        """One component."""
        return self._daemon.status.component(component, self._usage(component))

    def _usage(self, component: Component) -> Usage | None:
        if component.container is not None:
            return self._daemon.contained.usage(component.name)
        return self._facts.usage((component.pid,)) if component.pid is not None else None

    def project(self) -> s.ProjectFacts:
        """Which project this is, and whether its file has changed since."""
        configuration = self._daemon.configuration
        return s.ProjectFacts(
            name=configuration.project.name,
            root=self._daemon.paths.root,
            config=self._daemon.paths.config,
            config_hash=configuration.project.config_hash or None,
            config_stale=configuration.stale(),
        )

    def daemon(self) -> s.DaemonStatus:
        """The daemon itself."""
        daemon = self._daemon
        return s.DaemonStatus(
            running=True,
            phase=daemon.phase,
            pid=os.getpid(),
            keeper_pid=daemon.keeper.get("pid"),
            version=__version__,
            started_at=rfc3339(daemon.wall_started),
            uptime_s=round(daemon.clock.now() - daemon.started, 3),
            endpoint=daemon.paths.endpoint,
            reconciled_at=rfc3339(daemon.wall_reconciled),
            environment=daemon.environment,
            problems=daemon.troubles(),
        )
