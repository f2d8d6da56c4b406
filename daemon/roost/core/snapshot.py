"""What people see of a project: the shape of `status --json` (INTERFACES.md §5) and its color (§4).

Pure values; nothing here reads a clock or decides what a component does next.  Times are RFC 3339 in UTC,
durations seconds, sizes bytes; what is not known is None.  Fields may be added, never renamed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from msgspec import Struct

from .model import Kind, Type
from .states import Desired, Health, State


class Color(enum.StrEnum):
    """How a component or a whole project is, in one word."""

    GRAY = "gray"
    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class Phase(enum.StrEnum):
    """Where the daemon is in its own life (S77)."""

    INITIALIZING = "initializing"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting_down"


class Environment(enum.StrEnum):
    """Where the base environment of the components comes from."""

    SHELL = "shell"
    REPLACED = "replaced"
    LOGIN = "login"


class ProjectFacts(Struct, frozen=True, kw_only=True):
    """Which project this is.  `config_stale`: roost.yaml is no longer what was applied (S57)."""

    name: str
    root: str
    config: str
    config_hash: str | None
    config_stale: bool = False


class DaemonStatus(Struct, frozen=True, kw_only=True):
    """The daemon itself; all that describes a process is None when none is running."""

    running: bool
    phase: Phase | None = None
    pid: int | None = None
    keeper_pid: int | None = None
    version: str | None = None
    started_at: str | None = None
    uptime_s: float | None = None
    endpoint: str | None = None
    reconciled_at: str | None = None
    """When recorded and actual state were last compared (S80)."""
    environment: Environment | None = None
    problems: list[str] = []
    """What keeps the daemon itself from being well, such as a disk that takes no state."""


class LastExit(Struct, frozen=True, kw_only=True):
    """How the run before ended; `known` is false where the system no longer tells (P2).

    `last_lines`: while nothing runs, the last that it wrote, masked and at most five, if it failed.
    """

    code: int | None
    signal: int | None
    at: str
    run: int
    known: bool = True
    last_lines: list[str] = []


class PastExit(Struct, frozen=True, kw_only=True):
    """How an earlier run ended: by itself with `code` or `signal`, else `cause` says what ended it.

    `text` says all of it; what an older Roost did not keep is None.
    """

    run: int | None
    at: str | None
    code: int | None
    signal: int | None
    cause: str | None
    uptime_s: float
    text: str


class LastError(Struct, frozen=True, kw_only=True):
    """The last thing that went wrong (S76)."""

    message: str
    at: str


class PortStatus(Struct, frozen=True, kw_only=True):
    """A port that a component listens on; `target` is a container's own."""

    name: str | None
    port: int | None
    target: int | None = None


class ProbeStatus(Struct, frozen=True, kw_only=True):
    """The last result of one probe and how many of the same kind came in a row; `ok` None: none yet."""

    ok: bool | None = None
    message: str | None = None
    at: str | None = None
    latency_ms: float | None = None
    successes: int = 0
    failures: int = 0


class ComponentStatus(Struct, frozen=True, kw_only=True):
    """One component as people see it (S26)."""

    name: str
    group: str | None = None
    kind: Kind
    type: Type
    desired: Desired
    state: State
    ready: bool
    health: Health
    reason: str
    status_text: str | None = None
    pid: int | None = None
    container: str | None = None
    image: str | None = None
    run: int = 0
    started_at: str | None = None
    uptime_s: float | None = None
    restarts: int = 0
    last_restart_at: str | None = None
    next_restart_at: str | None = None
    next_run_at: str | None = None
    last_exit: LastExit | None = None
    last_error: LastError | None = None
    depends_on: list[str] = []
    url: str | None = None
    ports: list[PortStatus] = []
    log: str | None = None
    cpu_percent: float | None = None
    rss_bytes: int | None = None
    probes: dict[str, ProbeStatus] = {}
    """By kind: startup, liveness, readiness."""


class ProjectStatus(Struct, frozen=True, kw_only=True):
    """The whole answer of `project.status`."""

    project: ProjectFacts
    daemon: DaemonStatus
    color: Color
    components: list[ComponentStatus]


_UNSETTLED = (State.WAITING, State.STARTING, State.BACKOFF, State.STOPPING)
_SEVERITY = {Color.GRAY: 0, Color.GREEN: 1, Color.YELLOW: 2, Color.RED: 3}


def component_color(component: ComponentStatus) -> Color:
    """The color of one component: gray where it is not wanted.

    A task that completed, or a scheduled one that waits for its first run, has nothing left to do: green.
    """
    if component.desired is Desired.STOPPED:
        return Color.GRAY
    if component.state is State.FAILED or component.health is Health.UNHEALTHY:
        return Color.RED
    if component.state in _UNSETTLED:
        return Color.YELLOW
    if component.state is State.COMPLETED:
        return Color.GREEN
    if component.state is State.STOPPED and component.next_run_at is not None:
        return Color.GREEN
    return Color.GREEN if component.ready else Color.YELLOW


def color_of(components: Iterable[ComponentStatus], daemon_running: bool = True) -> Color:
    """The color of a project: that of its worst component; gray if nothing is wanted or no daemon runs."""
    if not daemon_running:
        return Color.GRAY
    return max((component_color(one) for one in components), key=_SEVERITY.__getitem__, default=Color.GRAY)
