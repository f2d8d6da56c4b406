"""The daemon's methods as an asynchronous client has them: those of `methods`, word for word, awaited.

A test compares the two; nothing here talks to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..api import types as t
from .methods import OnProgress, T


class AsyncMethods:
    """A method for each of the daemon's; those that stream are the client's own."""

    async def _ask(self, method: str, params: t.Params, kind: type[T], on_progress: OnProgress = None) -> T:
        raise NotImplementedError

    async def ping(self) -> t.Pong:
        """Whether the daemon answers."""
        return await self._ask("ping", t.Nothing(), t.Pong)

    async def rpc_discover(self) -> dict[str, Any]:
        """The interface as an OpenRPC document."""
        return await self._ask("rpc.discover", t.Nothing(), dict[str, Any])

    # -- the daemon ------------------------------------------------------------------------------------

    async def daemon_status(self) -> t.DaemonStatus:
        """The daemon itself."""
        return await self._ask("daemon.status", t.Nothing(), t.DaemonStatus)

    async def daemon_health(self) -> t.DaemonHealth:
        """How the daemon is: memory, CPU, connections, errors."""
        return await self._ask("daemon.health", t.Nothing(), t.DaemonHealth)

    async def daemon_restart(self, program: list[str] | None = None) -> t.DaemonRestarting:
        """Replace the daemon, from now on by the command line `program` if given; components run on."""
        return await self._ask("daemon.restart", t.DaemonRestartParams(program=program), t.DaemonRestarting)

    async def daemon_shutdown(
        self, timeout: float | None = None, on_progress: OnProgress = None
    ) -> t.ShutDown:
        """Stop everything in reverse order of dependence; what still runs after `timeout` s is killed."""
        return await self._ask("daemon.shutdown", t.ShutdownParams(timeout=timeout), t.ShutDown, on_progress)

    # -- the project -----------------------------------------------------------------------------------

    async def project_status(self) -> t.ProjectStatus:
        """Project, daemon, color and every component."""
        return await self._ask("project.status", t.Nothing(), t.ProjectStatus)

    async def project_up(
        self,
        *names: str,
        wait: bool = True,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        profiles: list[str] | None = None,
        build: bool = False,
        on_progress: OnProgress = None,
    ) -> t.UpResult:
        """Start components and what they need (no names: all that autostart).  Raises Timeout and others."""
        params = t.UpParams(
            names=list(names),
            wait=wait,
            timeout=timeout,
            env=None if env is None else dict(env),
            profiles=profiles or [],
            build=build,
        )
        return await self._ask("project.up", params, t.UpResult, on_progress)

    async def project_acquire(
        self,
        *names: str,
        start: bool = False,
        lease: str | None = None,
        claim: bool = False,
        launched: bool = False,
        timeout: float = 60.0,
        on_progress: OnProgress = None,
    ) -> t.Lease:
        """Make the project ready and remember what was started for it.  Raises NotReady, nothing changed."""
        params = t.AcquireParams(
            names=list(names), start=start, lease=lease, claim=claim, launched=launched, timeout=timeout
        )
        return await self._ask("project.acquire", params, t.Lease, on_progress)

    async def project_release(self, lease: str, on_progress: OnProgress = None) -> t.Released:
        """End a lease and stop what was started for it alone."""
        return await self._ask("project.release", t.ReleaseParams(lease=lease), t.Released, on_progress)

    # -- components ------------------------------------------------------------------------------------

    async def component_list(self) -> list[t.ComponentStatus]:
        """Every component."""
        return await self._ask("component.list", t.Nothing(), list[t.ComponentStatus])

    async def component_get(self, name: str) -> t.ComponentStatus:
        """One component.  Raises NoSuchComponent, as does everything that takes names."""
        return await self._ask("component.get", t.NameParams(name=name), t.ComponentStatus)

    async def component_start(
        self, *names: str, wait: bool = True, timeout: float | None = None, on_progress: OnProgress = None
    ) -> t.Components:
        """Start components and what they need."""
        params = t.NamesParams(names=list(names), wait=wait, timeout=timeout)
        return await self._ask("component.start", params, t.Components, on_progress)

    async def component_stop(
        self, *names: str, wait: bool = True, timeout: float | None = None, on_progress: OnProgress = None
    ) -> t.Stopped:
        """Stop components; what depends on them is left running and named."""
        params = t.NamesParams(names=list(names), wait=wait, timeout=timeout)
        return await self._ask("component.stop", params, t.Stopped, on_progress)

    async def component_restart(
        self, *names: str, wait: bool = True, timeout: float | None = None, on_progress: OnProgress = None
    ) -> t.Components:
        """Stop and start components, whatever their state."""
        params = t.NamesParams(names=list(names), wait=wait, timeout=timeout)
        return await self._ask("component.restart", params, t.Components, on_progress)

    async def component_signal(self, name: str, signal: str = "TERM") -> t.Components:
        """Send a signal, by its name, to a component's process group."""
        return await self._ask("component.signal", t.SignalParams(name=name, signal=signal), t.Components)

    async def component_why(self, name: str) -> t.Why:
        """The chain of reasons for which a component is not ready."""
        return await self._ask("component.why", t.NameParams(name=name), t.Why)

    async def component_exec(
        self,
        name: str,
        command: list[str],
        tty: bool = False,
        columns: int = 80,
        rows: int = 24,
        on_progress: OnProgress = None,
    ) -> t.ExecResult:
        """Run a command as the component would; its output comes to `on_progress`, `data` in base64."""
        params = t.ExecParams(name=name, command=command, tty=tty, columns=columns, rows=rows)
        return await self._ask("component.exec", params, t.ExecResult, on_progress)

    # -- terminals -------------------------------------------------------------------------------------

    async def terminal_write(self, terminal: str, data: bytes) -> t.Done:
        """Type at a terminal; done when it has taken all of it."""
        params = t.TerminalWriteParams(terminal=terminal, data=data)
        return await self._ask("terminal.write", params, t.Done)

    async def terminal_resize(self, terminal: str, columns: int, rows: int) -> t.Done:
        """Give a terminal another size."""
        params = t.TerminalResizeParams(terminal=terminal, columns=columns, rows=rows)
        return await self._ask("terminal.resize", params, t.Done)

    async def unsubscribe(self, subscription: str) -> t.Unsubscribed:
        """End a subscription that `call` has begun on this connection; a stream ends by its own `close`."""
        return await self._ask("unsubscribe", t.UnsubscribeParams(subscription=subscription), t.Unsubscribed)

    # -- logs, events, configuration -------------------------------------------------------------------

    async def logs_query(
        self,
        *names: str,
        lines: int = 100,
        since: str | None = None,
        until: str | None = None,
        grep: str | None = None,
        stream: t.Stream | None = None,
        run: int | Literal["last"] | None = None,
        cursor: str | None = None,
    ) -> t.LogPage:
        """Log entries of some or all components, merged by time, oldest first."""
        params = t.LogQuery(
            names=list(names),
            lines=lines,
            since=since,
            until=until,
            grep=grep,
            stream=stream,
            run=run,
            cursor=cursor,
        )
        return await self._ask("logs.query", params, t.LogPage)

    async def logs_clear(self, *names: str) -> t.Cleared:
        """Empty the logs of components."""
        return await self._ask("logs.clear", t.LogClearParams(names=list(names)), t.Cleared)

    async def events_query(
        self, *, since: int | str | None = None, limit: int = 100, component: str | None = None
    ) -> t.EventPage:
        """What happened, oldest first."""
        params = t.EventQuery(since=since, limit=limit, component=component)
        return await self._ask("events.query", params, t.EventPage)

    async def config_check(self, *, text: str | None = None, path: str | None = None) -> t.CheckResult:
        """Validate a configuration: a text, or a file inside the project."""
        return await self._ask("config.check", t.CheckParams(text=text, path=path), t.CheckResult)

    async def config_reload(self, *, dry_run: bool = False, on_progress: OnProgress = None) -> t.Reloaded:
        """Apply roost.yaml as it is now.  Raises InvalidConfig, everything left as it was."""
        return await self._ask("config.reload", t.ReloadParams(dry_run=dry_run), t.Reloaded, on_progress)
