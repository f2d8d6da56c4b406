"""Parameters and results of every method, as types (INTERFACES.md §5 and §6).  Pure; no behaviour.

A parameter that is not known is refused, with its name; a result may get more fields, never fewer.  Durations
are seconds, times RFC 3339 in UTC, sizes bytes; None is "not known" or "not given".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ..core.snapshot import Color as Color
from ..core.snapshot import ComponentStatus as ComponentStatus
from ..core.snapshot import DaemonStatus as DaemonStatus
from ..core.snapshot import PastExit as PastExit
from ..core.snapshot import ProjectFacts as ProjectFacts
from ..core.snapshot import ProjectStatus as ProjectStatus

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Side = Annotated[int, Meta(ge=1, le=1000)]
"""Columns or rows of a terminal."""
RunNumber = Annotated[int, Meta(ge=1)]
Names = Annotated[list[str], Meta(min_length=1)]
Stream = Literal["stdout", "stderr"]


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request carries; the order of the fields is that of positional parameters."""


class Nothing(Params, frozen=True, kw_only=True):
    """No parameters."""


# -- the daemon ----------------------------------------------------------------------------------------


class Pong(Struct, frozen=True):
    """The answer to `ping` (S40)."""

    pong: Literal[True] = True


class ComponentCounts(Struct, frozen=True, kw_only=True):
    """How many components are in the states that matter for health."""

    running: int
    backoff: int
    failed: int


class DaemonHealth(Struct, frozen=True, kw_only=True):
    """How the daemon itself is (S60)."""

    status: Literal["healthy", "degraded"]
    uptime_s: float
    rss_bytes: int | None
    keeper_rss_bytes: int | None
    cpu_percent: float | None
    connections: int
    requests: int
    errors_last_hour: int
    components: ComponentCounts
    problems: list[str] = []
    """Why it is degraded."""


class DaemonRestartParams(Params, frozen=True, kw_only=True):
    """`program`: the command line of the daemon from now on; None keeps the present one."""

    program: Names | None = None


class DaemonRestarting(Struct, frozen=True, kw_only=True):
    """The daemon with this pid is being replaced."""

    pid: int


class ShutdownParams(Params, frozen=True, kw_only=True):
    """`timeout`: after so long all that still runs is killed; None leaves each its own stop time-out."""

    timeout: Seconds | None = None


class ShutDown(Struct, frozen=True, kw_only=True):
    """What was stopped, and which of it had to be killed because the time was up.

    `left`: what could not be ended, such as containers whose engine does not answer, in sentences.
    """

    stopped: list[str]
    killed: list[str]
    left: list[str] = []
    warnings: list[str] = []


# -- the project ---------------------------------------------------------------------------------------


class UpParams(Params, frozen=True, kw_only=True):
    """No names: all that autostart.  `env`: the base environment to start with from now on; None keeps it.

    `build`: build the images of components with `build` anew first, and replace containers of older ones.
    """

    names: list[str] = []
    wait: bool = True
    timeout: Seconds | None = None
    env: dict[str, str] | None = None
    profiles: list[str] = []
    build: bool = False


class UpFailure(Struct, frozen=True, kw_only=True):
    """A component that did not become ready, why, and the last lines of its log (masked)."""

    name: str
    reason: str
    last_lines: list[str]


class UpResult(Struct, frozen=True, kw_only=True):
    """What `up` was about, as it is now, and what of it failed."""

    components: list[ComponentStatus]
    failed: list[UpFailure]
    warnings: list[str] = []


class AcquireParams(Params, frozen=True, kw_only=True):
    """No names: all that autostart.  `start`: also start what is failed or was stopped by a person.

    `lease`: the name that the lease shall have; asking again by it is one and the same request, and claims the
    lease after a restart of the daemon.  `claim`: never a new lease, only one that is known.  `launched`: the
    client has started the daemon, which ends with the last lease if nobody else wants anything of it.
    `timeout`: how long what starts may take until it is ready.
    """

    names: list[str] = []
    start: bool = False
    lease: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    claim: bool = False
    launched: bool = False
    timeout: Seconds = 60.0


class Lease(Struct, frozen=True, kw_only=True):
    """The right to what was started here; ends when released or when its client's process is gone."""

    lease: str
    started: list[str]


class ReleaseParams(Params, frozen=True, kw_only=True):
    """A lease that `project.acquire` gave."""

    lease: str


class Released(Struct, frozen=True, kw_only=True):
    """What was stopped because nobody else needs it; `ends`: so is the daemon now."""

    stopped: list[str]
    ends: bool = False


# -- components ----------------------------------------------------------------------------------------


class NameParams(Params, frozen=True, kw_only=True):
    """One component."""

    name: str


class NamesParams(Params, frozen=True, kw_only=True):
    """Some components, whether to wait until it is done, and how long at most."""

    names: Names
    wait: bool = True
    timeout: Seconds | None = None


class SignalParams(Params, frozen=True, kw_only=True):
    """`signal`: its name, with or without SIG."""

    name: str
    signal: str = "TERM"


class Components(Struct, frozen=True, kw_only=True):
    """The components that were asked about, as they are afterwards.

    `warnings`: it was done, and something about it is not as it should be (a full disk, say).
    """

    components: list[ComponentStatus]
    warnings: list[str] = []


class Stopped(Struct, frozen=True, kw_only=True):
    """The same, and which running components depend on what was stopped: they are left as they are."""

    components: list[ComponentStatus]
    dependents: list[str] = []
    warnings: list[str] = []


class WhyLink(Struct, frozen=True, kw_only=True):
    """One component of the chain and why it is as it is."""

    component: str
    state: str
    reason: str
    exits: list[PastExit] = []
    """The ends that used up the limit of what was given up, the oldest first."""


class Why(Struct, frozen=True, kw_only=True):
    """The chain of reasons for which a component is not ready, nearest first (P10)."""

    component: str
    ready: bool
    chain: list[WhyLink]


class ExecParams(Params, frozen=True, kw_only=True):
    """A command to run as the component would: its container, or its environment and folder.

    `tty`: with a terminal of that size, at which `terminal.write` types.
    """

    name: str
    command: Names
    tty: bool = False
    columns: Side = 80
    rows: Side = 24


class ExecOutput(Struct, frozen=True, kw_only=True):
    """A piece of its output, sent as `progress` while it runs; `data` is base64 in JSON."""

    stream: Stream
    data: bytes


class ExecTerminal(Struct, frozen=True, kw_only=True):
    """The first `progress` of a command with a terminal: how `terminal.write` and `terminal.resize` name it."""

    terminal: str


class ExecResult(Struct, frozen=True, kw_only=True):
    """How it ended: a code, or the signal that ended it."""

    code: int | None
    signal: int | None = None


# -- terminals ------------------------------------------------------------------------------------------


class AttachParams(Params, frozen=True, kw_only=True):
    """A component with `tty: true`.

    `columns`, `rows`: the size that its terminal is to have, if this client is the one that types.  `watch`:
    never be that.  `cursor`: show what followed it; without, the last that the run has written.
    """

    name: str
    columns: Side | None = None
    rows: Side | None = None
    watch: bool = False
    cursor: str | None = None


class TerminalAttached(Struct, frozen=True, kw_only=True):
    """First of all: the terminal's name for `terminal.write`; None: another client types, and this one watches."""

    terminal: str | None
    run: int


class TerminalOutput(Struct, frozen=True, kw_only=True):
    """Bytes that the component wrote, as it wrote them (base64 in JSON), and where they end."""

    data: bytes
    cursor: str


class TerminalEnded(Struct, frozen=True, kw_only=True):
    """Nothing more will come: the run is over, and why."""

    reason: str


class Done(Struct, frozen=True, kw_only=True):
    """It is done; there is nothing to say about it."""


class TerminalWriteParams(Params, frozen=True, kw_only=True):
    """Bytes that are typed (base64 in JSON), at most 64 KiB of them."""

    terminal: str
    data: Annotated[bytes, Meta(max_length=65536)]


class TerminalResizeParams(Params, frozen=True, kw_only=True):
    """The size that a terminal has now."""

    terminal: str
    columns: Side
    rows: Side


# -- logs and events -----------------------------------------------------------------------------------


class LogQuery(Params, frozen=True, kw_only=True):
    """The last `lines` entries over all components named (none: all), that fit every other condition.

    `since` and `until`: RFC 3339, or a duration ago such as `5m`.  `grep`: a regular expression.  `run`: a
    number, or `last`.  `cursor`: where an earlier answer ended; what follows it is given, oldest first.
    """

    names: list[str] = []
    lines: Count = 100
    since: str | None = None
    until: str | None = None
    grep: str | None = None
    stream: Stream | None = None
    run: RunNumber | Literal["last"] | None = None
    cursor: str | None = None


class LogEntry(Struct, frozen=True, kw_only=True):
    """One line of a log; `stream` is None where both streams share a pipe."""

    name: str
    at: str | None
    stream: Stream | None
    run: int | None
    text: str
    truncated: bool = False


class Missed(Struct, frozen=True, kw_only=True):
    """What was removed from a component's log (rotation, `limits.logs`, --clear) before it was read.

    In bytes, since lines that are gone cannot be counted; None where nobody knows.  `at`: when what came next came.
    """

    name: str
    bytes: int | None
    at: str | None


class LogPage(Struct, frozen=True, kw_only=True):
    """Entries, oldest first; `more`: the same query with `cursor` has more of them.

    `missed`: what followed the cursor that was given, but is there no longer.
    """

    entries: list[LogEntry]
    cursor: str | None = None
    more: bool = False
    missed: list[Missed] = []


class LogFollow(Params, frozen=True, kw_only=True):
    """As LogQuery, without an end: first the last `lines` (or what follows `cursor`), then what comes."""

    names: list[str] = []
    lines: Count = 100
    since: str | None = None
    grep: str | None = None
    stream: Stream | None = None
    run: RunNumber | Literal["last"] | None = None
    cursor: str | None = None


class Cleared(Struct, frozen=True, kw_only=True):
    """The components whose logs were emptied."""

    cleared: list[str]


class LogClearParams(Params, frozen=True, kw_only=True):
    """The components whose logs are emptied."""

    names: Names


class EventQuery(Params, frozen=True, kw_only=True):
    """The last `limit` events, of one component or of all.

    `since`: a sequence number, after which events are given; RFC 3339; or a duration ago such as `5m`.
    """

    since: int | str | None = None
    limit: Count = 100
    component: str | None = None


class EventFollow(Params, frozen=True, kw_only=True):
    """`since` as in EventQuery: what has happened since comes first.  None: only what happens from now on."""

    since: int | str | None = None


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened; `kind` says what, `data` holds its figures."""

    seq: int
    at: str
    kind: str
    component: str | None = None
    run: int | None = None
    message: str = ""
    data: dict[str, Any] = {}


class EventPage(Struct, frozen=True, kw_only=True):
    """Events, oldest first, of at most 512 KiB; `more`: there are others that fit, newer than the last of these.

    `cursor`: the `since` with which a query goes on after these; null if there are none.
    """

    events: list[Event]
    cursor: int | None = None
    more: bool = False


# -- subscriptions -------------------------------------------------------------------------------------


class Subscribed(Struct, frozen=True, kw_only=True):
    """What the notifications of a stream carry as `subscription`.

    `cursor`: of a stream of logs, where it begins, if nothing is there yet that it begins with.
    """

    subscription: str
    cursor: str | UnsetType = UNSET


class UnsubscribeParams(Params, frozen=True, kw_only=True):
    """A subscription of this connection."""

    subscription: str


class Unsubscribed(Struct, frozen=True):
    """Nothing more comes from it."""

    unsubscribed: Literal[True] = True


class FailureData(Struct, frozen=True, kw_only=True):
    """What an error says for programs."""

    kind: str
    hint: str | None = None


class Failure(Struct, frozen=True, kw_only=True):
    """Why a stream has ended: an error as in an answer."""

    code: int
    message: str
    data: FailureData


class LogEntries(Struct, frozen=True, kw_only=True):
    """`logs.entries`: what came; `cursor` is where a later `logs.stream` or `logs.query` goes on.

    `missed`: what was removed before it could be sent; each counts one in `lagged`, the least that it can be.
    `error`: the search took too long (kind `timeout`), and nothing more comes.
    """

    entries: list[LogEntry] = []
    cursor: str | None = None
    missed: list[Missed] = []
    error: Failure | UnsetType = UNSET


class StatusChanged(Struct, frozen=True, kw_only=True):
    """`status.changed`: the components that differ, whole; what is gone, by name; the rest is as it was."""

    color: Color
    components: list[ComponentStatus] = []
    removed: list[str] = []
    daemon: DaemonStatus | UnsetType = UNSET
    project: ProjectFacts | UnsetType = UNSET


# -- configuration -------------------------------------------------------------------------------------


class CheckParams(Params, frozen=True, kw_only=True):
    """Exactly one: the text itself, or the path of a file inside the project."""

    text: str | None = None
    path: str | None = None


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong (or, as a warning, looks so) and where; lines and columns count from 1."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"


class CheckResult(Struct, frozen=True, kw_only=True):
    """`valid`: there is no error among the problems."""

    valid: bool
    problems: list[Problem]


class ReloadParams(Params, frozen=True, kw_only=True):
    """`dry_run`: only say what would be done."""

    dry_run: bool = False


class Reloaded(Struct, frozen=True, kw_only=True):
    """What a reload did, or would do, by component (S54–S56).

    `changed` restart; `updated` go on with the same pid under new rules (probes, restart policy, texts).
    """

    applied: bool
    unchanged: list[str]
    changed: list[str]
    updated: list[str]
    added: list[str]
    removed: list[str]
