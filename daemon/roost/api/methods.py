"""The one table of methods: what is dispatched, described and offered by the clients.  Pure.

INTERFACES.md §6 is the contract; `project.up`, `logs.clear`, `component.attach` and
`terminal.*` are additions for the command.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ..core.snapshot import ComponentStatus, DaemonStatus, ProjectStatus
from . import types as t


class Method(Struct, frozen=True, kw_only=True):
    """One method.  `params` is a Struct; `result` any type that msgspec can encode."""

    name: str
    params: type[t.Params]
    result: Any
    summary: str
    description: str = ""
    mutates: bool = False
    """It changes something: never repeat it unasked."""
    streams: bool = False
    """It answers with a subscription, whose notifications follow."""
    waits: bool = False
    """It may take long, and sends `progress` meanwhile."""
    notifications: dict[str, Any] = {}
    """What a stream sends: the type of its payload, by method."""


_ALL = (
    Method(name="ping", params=t.Nothing, result=t.Pong, summary="Whether the daemon answers"),
    Method(
        name="rpc.discover",
        params=t.Nothing,
        result=dict[str, Any],
        summary="This interface as an OpenRPC document",
    ),
    Method(
        name="daemon.status",
        params=t.Nothing,
        result=DaemonStatus,
        summary="The daemon itself",
    ),
    Method(
        name="daemon.health",
        params=t.Nothing,
        result=t.DaemonHealth,
        summary="How the daemon is: memory, CPU, connections, errors",
    ),
    Method(
        name="daemon.restart",
        params=t.DaemonRestartParams,
        result=t.DaemonRestarting,
        summary="Replace the daemon; every component goes on running",
        description="The answer comes before the daemon ends; the connection is closed by its end.",
        mutates=True,
    ),
    Method(
        name="daemon.shutdown",
        params=t.ShutdownParams,
        result=t.ShutDown,
        summary="Stop everything in reverse order of dependence, then daemon and keeper",
        description="Progress names the components that are waited for.",
        mutates=True,
        waits=True,
    ),
    Method(
        name="project.status",
        params=t.Nothing,
        result=ProjectStatus,
        summary="Project, daemon, color and every component",
    ),
    Method(
        name="project.up",
        params=t.UpParams,
        result=t.UpResult,
        summary="Start components and what they need, and wait until they are ready or completed",
        description="Progress shows each component as it changes. An error of kind `timeout` undoes nothing.",
        mutates=True,
        waits=True,
    ),
    Method(
        name="project.acquire",
        params=t.AcquireParams,
        result=t.Lease,
        summary="Make the project ready for one client and remember what was started for it",
        description="An error of kind `not_ready` names what is failed or stopped, and nothing was changed.",
        mutates=True,
        waits=True,
    ),
    Method(
        name="project.release",
        params=t.ReleaseParams,
        result=t.Released,
        summary="End a lease and stop what was started for it alone",
        mutates=True,
        waits=True,
    ),
    Method(
        name="component.list",
        params=t.Nothing,
        result=list[ComponentStatus],
        summary="Every component",
    ),
    Method(
        name="component.get",
        params=t.NameParams,
        result=ComponentStatus,
        summary="One component",
    ),
    Method(
        name="component.start",
        params=t.NamesParams,
        result=t.Components,
        summary="Start components and what they need",
        mutates=True,
        waits=True,
    ),
    Method(
        name="component.stop",
        params=t.NamesParams,
        result=t.Stopped,
        summary="Stop components; what depends on them is left running and named",
        mutates=True,
        waits=True,
    ),
    Method(
        name="component.restart",
        params=t.NamesParams,
        result=t.Components,
        summary="Stop and start components, whatever their state",
        mutates=True,
        waits=True,
    ),
    Method(
        name="component.signal",
        params=t.SignalParams,
        result=t.Components,
        summary="Send a signal to a component's process group",
        mutates=True,
    ),
    Method(
        name="component.why",
        params=t.NameParams,
        result=t.Why,
        summary="The chain of reasons for which a component is not ready",
    ),
    Method(
        name="component.exec",
        params=t.ExecParams,
        result=t.ExecResult,
        summary="Run a command in a component's container, or with its environment and folder",
        description="Its output comes as `progress` with `stream` and `data` (base64); with `tty` the first "
        "`progress` has `terminal` instead. "
        "The one method that runs what is not in the configuration.",
        mutates=True,
        waits=True,
    ),
    Method(
        name="component.attach",
        params=t.AttachParams,
        result=t.Subscribed,
        summary="The terminal of a component with `tty: true`: what it shows, and the right to type",
        description="Any number of clients may watch, one at a time types. `unsubscribe` leaves it.",
        mutates=True,
        streams=True,
        notifications={
            "terminal.attached": t.TerminalAttached,
            "terminal.output": t.TerminalOutput,
            "terminal.ended": t.TerminalEnded,
        },
    ),
    Method(
        name="terminal.write",
        params=t.TerminalWriteParams,
        result=t.Done,
        summary="Type at a terminal; the answer comes when the terminal has taken all of it",
        mutates=True,
    ),
    Method(
        name="terminal.resize",
        params=t.TerminalResizeParams,
        result=t.Done,
        summary="Give a terminal another size",
        mutates=True,
    ),
    Method(
        name="logs.query",
        params=t.LogQuery,
        result=t.LogPage,
        summary="Log entries of some or all components, merged by time",
    ),
    Method(
        name="logs.stream",
        params=t.LogFollow,
        result=t.Subscribed,
        summary="Log entries as they come",
        streams=True,
        notifications={"logs.entries": t.LogEntries},
    ),
    Method(
        name="logs.clear",
        params=t.LogClearParams,
        result=t.Cleared,
        summary="Empty the logs of components",
        mutates=True,
    ),
    Method(
        name="events.query",
        params=t.EventQuery,
        result=t.EventPage,
        summary="What happened: starts, exits, restarts with reason and attempt, probe changes, reloads",
    ),
    Method(
        name="events.stream",
        params=t.EventFollow,
        result=t.Subscribed,
        summary="Events as they happen",
        streams=True,
        notifications={"events.event": t.Event},
    ),
    Method(
        name="status.stream",
        params=t.Nothing,
        result=t.Subscribed,
        summary="The status once, then what changes of it",
        streams=True,
        notifications={"status.snapshot": ProjectStatus, "status.changed": t.StatusChanged},
    ),
    Method(
        name="unsubscribe",
        params=t.UnsubscribeParams,
        result=t.Unsubscribed,
        summary="End a subscription of this connection",
    ),
    Method(
        name="config.check",
        params=t.CheckParams,
        result=t.CheckResult,
        summary="Validate a configuration; all problems together",
    ),
    Method(
        name="config.reload",
        params=t.ReloadParams,
        result=t.Reloaded,
        summary="Apply roost.yaml as it is now; what has not changed keeps running",
        description="An error of kind `invalid_config` leaves everything as it was.",
        mutates=True,
        waits=True,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
