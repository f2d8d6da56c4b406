"""The vocabulary of supervision: states, events, effects and the record of one component.

Theory
------
*Desired* state is what people asked for; *actual* state is what the keeper reported.  A component is one
immutable record in which both stand side by side, and `machine.step` moves the second towards the first.
Who decides, in this order: a person (or `up`, or a shutdown), then the restart policy with its limit, then
the probes.

    stopped    nothing runs and nothing is planned
    waiting    wanted; what it depends on does not hold yet, or what it runs in cannot be reached
    starting   asked of the keeper; running, but its startup probe has not passed yet
    running    it runs
    stopping   asked to end; what follows is in `halt`
    backoff    it ended badly and is started again at `deadline`
    failed     given up, or ended badly under `never`; only a person's start leads out
    completed  it ended as it should and its policy does not start it again

Time is the monotonic clock in seconds (`now`, `at`, `deadline`); names that begin with `wall` are seconds
since 1970, for people alone.
"""

from __future__ import annotations

import enum

from msgspec import Struct

from .health import Result, Window
from .model import Kind, ProbeKind, Spec


class State(enum.StrEnum):
    """Where a component is (INTERFACES.md §4)."""

    STOPPED = "stopped"
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    FAILED = "failed"
    COMPLETED = "completed"


class Desired(enum.StrEnum):
    """What was asked for."""

    RUNNING = "running"
    STOPPED = "stopped"


class Health(enum.StrEnum):
    """What the liveness probe says; without one, the process itself."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


class Halt(enum.StrEnum):
    """Why a component is being stopped, which decides what follows its end."""

    STOP = "stop"
    """Somebody wants it down."""
    RESTART = "restart"
    """It is started again at once; does not count towards the limit."""
    FAULT = "fault"
    """A failed probe or too much memory: the restart policy decides, and it counts."""


class Exit(Struct, frozen=True, kw_only=True):
    """How a run ended.  `known` is false where the system no longer tells."""

    run: int
    code: int | None
    signal: int | None
    known: bool
    at: float
    wall: float
    uptime: float
    cause: str | None = None
    """What is known beside code and signal, such as that it ran out of memory."""

    def succeeded(self, codes: tuple[int, ...]) -> bool:
        return self.known and self.signal is None and self.code in codes


class Ended(Struct, frozen=True, array_like=True):
    """One entry of the history from which back-off and limit are computed: when, after how long a life, and how.

    `code` or `signal` is set where the run ended by itself; else `cause` alone says why it had to end, or
    could not begin.  Fields are added at the end, with a default: an entry of an older Roost has two.
    """

    at: float
    uptime: float
    run: int | None = None
    wall: float | None = None
    code: int | None = None
    signal: int | None = None
    cause: str | None = None


class Fault(Struct, frozen=True, kw_only=True):
    """The last thing that went wrong, kept for `status` (S76)."""

    message: str
    wall: float


class Component(Struct, frozen=True, kw_only=True):
    """One component: what it should be, what it is, and the history that policy looks at."""

    spec: Spec
    state: State = State.STOPPED
    desired: Desired = Desired.STOPPED
    reason: str = "not started yet"
    run: int = 0
    pid: int | None = None
    container: str | None = None
    """The id of the container that is its run; a container has no pid of this machine."""
    started: float | None = None
    wall_started: float | None = None
    ready: bool = False
    windows: dict[ProbeKind, Window] = {}
    halt: Halt | None = None
    deadline: float | None = None
    history: tuple[Ended, ...] = ()
    again: bool = False
    """The next start, or the one under way, is a restart and counts as such in `restarts`."""
    restarts: int = 0
    wall_restarted: float | None = None
    last_exit: Exit | None = None
    last_fault: Fault | None = None
    met: dict[str, int] = {}
    """The runs of what it follows (`restart`, `rerun`) that were there when its own run began."""
    next_run: float | None = None
    """When its schedule starts it next (wall time); None without one, or while nobody wants it."""
    status_text: str | None = None
    """What it says of itself in this run (`STATUS=` of sd_notify)."""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def there(self) -> bool:
        """Its process or container has been made, and has not been seen to end."""
        return self.pid is not None or self.container is not None

    @property
    def alive(self) -> bool:
        """A run was asked for and has not ended, as far as is known."""
        if self.there:
            return True
        return self.state in (State.STARTING, State.RUNNING, State.STOPPING) and not self.watched_only

    @property
    def watched_only(self) -> bool:
        """It is external, and no run of ours from before a reload is left of it."""
        if self.spec.kind is not Kind.EXTERNAL or self.there:
            return False
        return self.state not in (State.STARTING, State.STOPPING)

    @property
    def health(self) -> Health:
        if self.state is State.RUNNING or (self.state is State.STOPPING and self.halt is Halt.FAULT):
            window = self.windows.get(ProbeKind.LIVENESS)
            return Health.HEALTHY if window is None or window.verdict else Health.UNHEALTHY
        return Health.UNKNOWN

    @property
    def settled(self) -> bool:
        """Nothing more will happen by itself."""
        return self.state in (State.STOPPED, State.FAILED, State.COMPLETED)


# -- events: what has happened ---------------------------------------------------------------------------


class Wanted(Struct, frozen=True, kw_only=True):
    """It shall run.  `anew`: a person asked, so a failure is forgiven and the history forgotten.

    Without `now` a scheduled task waits for its time; everything else starts either way.
    """

    reason: str
    anew: bool = True
    now: bool = True


class Unwanted(Struct, frozen=True, kw_only=True):
    """It shall not run.  With `later` it keeps running until its turn comes, but is not restarted."""

    reason: str
    later: bool = False


class RestartWanted(Struct, frozen=True, kw_only=True):
    """It shall end and run again, whatever its state; does not count towards the limit.

    `anew`: a person asked, so the history is forgotten; a changed file or dependency forgives nothing.
    """

    reason: str
    anew: bool = True


class Opened(Struct, frozen=True):
    """All that it depends on holds; `met` are the runs of what it follows."""

    met: dict[str, int] = {}


class Held(Struct, frozen=True):
    """Something that it depends on does not hold, or is being fetched for it; `reason` says what."""

    reason: str


class Spawned(Struct, frozen=True, kw_only=True):
    """It was started: just now, or (told to a later daemon) at `at`.  It has a pid, or is a container."""

    run: int
    pid: int | None = None
    container: str | None = None
    wall: float
    at: float | None = None


class SpawnFailed(Struct, frozen=True, kw_only=True):
    """The keeper or the engine, or what has to be there before they are asked, could not start it."""

    run: int
    message: str
    wall: float


class Exited(Struct, frozen=True):
    """It ended by itself or because we stopped it."""

    exit: Exit


class Lost(Struct, frozen=True, kw_only=True):
    """What it runs in cannot be reached: whether its run goes on is not known."""

    run: int
    reason: str


class Found(Struct, frozen=True, kw_only=True):
    """It can be reached again, and the run that was lost goes on."""

    run: int


class Probed(Struct, frozen=True, kw_only=True):
    """One probe gave a result."""

    run: int
    kind: ProbeKind
    result: Result


class Overgrown(Struct, frozen=True, kw_only=True):
    """Its process tree uses more memory than it may; `message` has the figures."""

    run: int
    message: str


class Elapsed(Struct, frozen=True):
    """Its deadline has come."""


class Planned(Struct, frozen=True):
    """Its schedule says when it runs next (wall time)."""

    wall: float


class Due(Struct, frozen=True, kw_only=True):
    """The time of its schedule has come."""

    reason: str


class Respecified(Struct, frozen=True):
    """A reload has given it other rules (probes, policies), which hold for its present run."""


class Noted(Struct, frozen=True, kw_only=True):
    """It said something of itself; an empty text takes it back."""

    run: int
    text: str


Event = (
    Wanted
    | Unwanted
    | RestartWanted
    | Opened
    | Held
    | Spawned
    | SpawnFailed
    | Exited
    | Lost
    | Found
    | Probed
    | Overgrown
    | Elapsed
    | Planned
    | Due
    | Respecified
    | Noted
)

EVENTS: tuple[type[Event], ...] = (
    Wanted,
    Unwanted,
    RestartWanted,
    Opened,
    Held,
    Spawned,
    SpawnFailed,
    Exited,
    Lost,
    Found,
    Probed,
    Overgrown,
    Elapsed,
    Planned,
    Due,
    Respecified,
    Noted,
)


# -- effects: what is to be done -------------------------------------------------------------------------


class Spawn(Struct, frozen=True):
    """Start this run."""

    name: str
    run: int


class Stop(Struct, frozen=True):
    """End this run: signal, and after the stop time-out the kill; or give it up, where it is still being started."""

    name: str
    run: int


class Tell(Struct, frozen=True, kw_only=True):
    """Put an event on record and show it to whoever follows (`events`)."""

    kind: str
    name: str
    run: int
    message: str
    data: dict[str, object] = {}


Effect = Spawn | Stop | Tell
