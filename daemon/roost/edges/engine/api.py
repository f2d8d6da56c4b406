"""What the rest of Roost knows of a container engine: the questions, the answers, the errors.  No I/O here.

The rules of every method
-------------------------
* Making an `Engine` never talks and never waits; the first call finds out who answers.
* A call ends within its own time limit, whatever the engine does: with EngineError `timeout`.  The engine
  may still do what was asked; look before you ask again.  Calls do not wait for one another, except in one
  bounded row of threads, and the time in it counts towards the limit.
* Every failure is an EngineError; its text is a sentence for people (what, why, what to do).
* Cancelling a call stops the waiting, not the engine.
* Times are seconds since the epoch (UTC), durations are seconds, sizes are bytes.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

RUN_LABEL = "roost.run"
RUN_VARIABLE = "ROOST_RUN"
HOST_NAME = "host.docker.internal"
"""Under this name every container reaches the machine that the engine runs on."""

QUICK = 10.0
"""The time limit of what an engine answers out of its head."""
SLOW = 60.0
"""The time limit of what an engine has to work for: create, start, remove."""

Progress = Callable[[str], None]
"""Is told short lines for people ("pulling postgres:16: 41 of 120 MB"), on the loop's thread."""


class ErrorKind(enum.StrEnum):
    """Why a call failed, as far as a decision may depend on it."""

    UNAVAILABLE = "unavailable"
    """No engine, or none that can be reached: wait for it."""
    NO_SUCH_IMAGE = "no_such_image"
    NO_SUCH_CONTAINER = "no_such_container"
    NAME_TAKEN = "name_taken"
    PORT_TAKEN = "port_taken"
    REFUSED = "refused"
    """The engine understood and will not: a bad command, a bad option, a build that failed."""
    TIMEOUT = "timeout"
    """No answer in time: the engine hangs, or is very slow."""


class EngineError(Exception):
    """A call that failed; `str(error)` is one sentence for people."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Pull(enum.StrEnum):
    """When an image is fetched (roost.yaml: `pull`)."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


class MountKind(enum.StrEnum):
    """What is mounted into a container."""

    BIND = "bind"
    """A path of the engine's machine; the engine makes a missing folder."""
    VOLUME = "volume"
    """A named volume, or with no source one that goes with the container."""
    TMPFS = "tmpfs"


class Mount(Struct, frozen=True, kw_only=True):
    """One mount.  `source`: an absolute path, or the volume's name; `target`: absolute, in the container."""

    kind: MountKind
    target: str
    source: str | None = None
    options: tuple[str, ...] = ()
    """What follows the second colon of `SOURCE:/PATH:ro,z`."""


class Publish(Struct, frozen=True, kw_only=True):
    """A container's port on the engine's machine.  `host` 0: the engine chooses."""

    container: int
    host: int
    address: str = "127.0.0.1"
    protocol: str = "tcp"


class Healthcheck(Struct, frozen=True, kw_only=True):
    """The engine's own check; None: as in the image."""

    test: tuple[str, ...] | None = None
    """In the engine's words: ("CMD", …), ("CMD-SHELL", text) or ("NONE",)."""
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    retries: int | None = None


class ContainerOrder(Struct, frozen=True, kw_only=True):
    """The rendered specification of one run: everything that a container is made from.

    The restart policy is always `no` (Roost owns restarts), HOST_NAME always resolves, and the engine keeps
    the output in files of bounded size.
    """

    name: str
    image: str
    command: tuple[str, ...] | None = None
    """None: the image's."""
    entrypoint: tuple[str, ...] | None = None
    """None: the image's; empty: none."""
    environment: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Publish, ...] = ()
    network: str | None = None
    """A network's name, or `host`, `none`, `bridge`; None: the engine's default."""
    aliases: tuple[str, ...] = ()
    """Further names by which others on that network find it."""
    user: str | None = None
    working_dir: str | None = None
    hostname: str | None = None
    healthcheck: Healthcheck | None = None
    tty: bool = False
    """A pseudo-terminal, with an open stdin for `attach`; the output is then one stream."""
    memory: int | None = None
    """Bytes; above it the kernel kills (`ContainerSeen.oom_killed`)."""
    cpus: float | None = None
    stop_signal: str | None = None

    def digest(self) -> str:
        """A fingerprint of all but what differs from run to run (label roost.run, variable ROOST_RUN)."""
        same = msgspec.structs.replace(
            self,
            labels={key: value for key, value in self.labels.items() if key != RUN_LABEL},
            environment={key: value for key, value in self.environment.items() if key != RUN_VARIABLE},
        )
        return hashlib.sha256(msgspec.json.encode(same, order="sorted")).hexdigest()[:16]


class Status(enum.StrEnum):
    """What the engine says that a container does."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(enum.StrEnum):
    """The engine's HEALTHCHECK; NONE: there is no check."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class ContainerSeen(Struct, frozen=True, kw_only=True):
    """A container at one moment, as the engine tells it."""

    id: str
    name: str
    labels: Mapping[str, str]
    image: str
    """As it was ordered (`postgres:16`)."""
    image_id: str
    """`sha256:…` of the image on the engine; `ImageSeen.digest` is the registry's."""
    status: Status
    exit_code: int | None = None
    """None while it has not ended."""
    oom_killed: bool = False
    error: str = ""
    """Why the engine could not start it."""
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    health: Health = Health.NONE
    health_output: str = ""
    """What the last check wrote."""
    health_failures: int = 0
    """Checks that failed in a row."""
    pid: int | None = None
    """On the engine's machine, which need not be this one."""
    tty: bool = False
    ports: tuple[Publish, ...] = ()
    """As they are really published; `host` is never 0."""
    restart_count: int = 0
    """Restarts by the engine; Roost's own are not among them."""

    @property
    def is_up(self) -> bool:
        """Whether its program is there (a paused one is)."""
        return self.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING)


class ImageSeen(Struct, frozen=True, kw_only=True):
    """An image on the engine.  `digest`: `sha256:…` as the registry has it; None for one that was built."""

    id: str
    digest: str | None = None


class NetworkSeen(Struct, frozen=True, kw_only=True):
    """A network of the engine."""

    id: str
    name: str
    labels: Mapping[str, str] = {}


class EngineSeen(Struct, frozen=True, kw_only=True):
    """Who answers: `name` is "Docker" or "Podman"."""

    name: str
    version: str
    api_version: str
    endpoint: str


class ContainerUsage(Struct, frozen=True, kw_only=True):
    """Processor share in percent of one core, memory without the file cache; None: not known (yet)."""

    cpu_percent: float | None = None
    rss_bytes: int | None = None


class ExecResult(Struct, frozen=True, kw_only=True):
    """What an exec left.  `code` None: it was killed at its time limit; `output` is cut at 64 KiB."""

    code: int | None
    output: bytes


class Build(Struct, frozen=True, kw_only=True):
    """How an image is built; `context` is an absolute folder, its .dockerignore is obeyed."""

    context: str
    tag: str
    dockerfile: str | None = None
    """Relative to the context; None: `Dockerfile`."""
    args: Mapping[str, str] = {}
    target: str | None = None
    labels: Mapping[str, str] = {}


# -- the two streams ------------------------------------------------------------------------------------


class Action(enum.StrEnum):
    """What happened to a container."""

    CREATED = "create"
    STARTED = "start"
    KILLED = "kill"
    """Somebody has had a signal sent to it, as every way to stop it does."""
    DIED = "die"
    OOM = "oom"
    REMOVED = "destroy"
    RENAMED = "rename"
    PAUSED = "pause"
    UNPAUSED = "unpause"
    HEALTH = "health_status"


class Happened(Struct, frozen=True, kw_only=True):
    """One event of one container, in the engine's order; told once, also over interruptions."""

    action: Action
    container: str
    """Its id."""
    name: str
    labels: Mapping[str, str]
    at_ns: int
    """The engine's clock, nanoseconds since the epoch."""
    exit_code: int | None = None
    """With DIED."""
    signal: str | None = None
    """With KILLED: its number."""
    health: Health | None = None
    """With HEALTH."""


class Connected(Struct, frozen=True):
    """The engine answers (at first, or again).

    An engine forgets its events when it ends, so what happened meanwhile may be missing: look with `list`.
    """


class Lost(Struct, frozen=True):
    """The engine is gone, or does not answer; `reason` is a sentence.  No container has ended because of it."""

    reason: str


EngineEvent = Happened | Connected | Lost


class LogStream(enum.IntEnum):
    """As in the log index (platform/logindex.py)."""

    MERGED = 0
    STDOUT = 1
    STDERR = 2


class LogPiece(Struct, frozen=True):
    """What the engine keeps as one entry: a line with its newline, or 16 KiB of a long one."""

    at_ns: int
    """The engine's own time; goes up within a stream, not always between the two."""
    stream: LogStream
    data: bytes


class LogReader(Protocol):
    """An open log.  Blocking: for a thread of one's own; `close` may be called from any thread."""

    def __iter__(self) -> Iterator[LogPiece]:
        """The pieces in order.  Ends when the container has stopped, and just so when the connection has:
        look which.  One that follows may end before the last lines: read once more.  Raises EngineError."""

    @property
    def is_whole(self) -> bool:
        """After the end: the engine has said that this was all; a broken connection ends without it."""

    @property
    def waited(self) -> bool:
        """After the end: it has waited for more, as was asked for; else who wants more asks again."""

    def close(self) -> None:
        """End the reading; whoever iterates comes to an end, too."""


class Session(Protocol):
    """An open exec, or an attached container: input, output, size of the terminal."""

    async def read(self) -> tuple[LogStream, bytes] | None:
        """The next bytes; None: there are no more.  With a terminal all are MERGED."""

    async def write(self, data: bytes) -> None:
        """Pass on input; waits while the other side does not read."""

    async def end_input(self) -> None:
        """There is no more input (without a terminal: it reads the end of its stdin)."""

    async def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size."""

    async def exit_code(self) -> int | None:
        """Of an exec that has ended; None: it has not, or is an attached container."""

    async def close(self) -> None:
        """Leave it.  An exec that has not ended is killed, its children, too; an attached container goes on."""


class Engine(Protocol):
    """A container engine.  `container` is an id or a name."""

    @property
    def endpoint(self) -> str:
        """Where it is looked for (`unix:///var/run/docker.sock`)."""

    async def close(self) -> None:
        """End all streams and sessions; calls under way end with UNAVAILABLE."""

    async def seen(self, limit: float = QUICK) -> EngineSeen:
        """Who answers."""

    async def ping(self, limit: float = QUICK) -> None:
        """Raise EngineError if nobody does."""

    # -- containers

    async def list(self, labels: Mapping[str, str], limit: float = QUICK) -> tuple[ContainerSeen, ...]:
        """All containers with these labels, whatever they do, the oldest first; an empty value: any value."""

    async def inspect(self, container: str, limit: float = QUICK) -> ContainerSeen:
        """One container.  Raises NO_SUCH_CONTAINER."""

    async def create(self, order: ContainerOrder, limit: float = SLOW) -> str:
        """Make a container, not started; its id.  Raises NAME_TAKEN, NO_SUCH_IMAGE (it pulls nothing), REFUSED."""

    async def start(self, container: str, limit: float = SLOW) -> None:
        """Start it; one that runs already is left as it is.

        Raises PORT_TAKEN (who holds it is for the caller to find out), REFUSED (a bad command: `inspect` has
        exit code and error), NO_SUCH_CONTAINER.
        """

    async def stop(self, container: str, signal: str, timeout: float, limit: float = SLOW) -> None:
        """Send the signal, after `timeout` seconds the kill; returns when it has stopped, or has been so.

        The limit is beyond the timeout.  Raises NO_SUCH_CONTAINER.
        """

    async def kill(self, container: str, signal: str = "KILL", limit: float = QUICK) -> None:
        """Send a signal to its first process.  Raises REFUSED if it does not run, NO_SUCH_CONTAINER."""

    async def unpause(self, container: str, limit: float = QUICK) -> None:
        """Let it go on.  Raises REFUSED if it is not paused, NO_SUCH_CONTAINER."""

    async def remove(self, container: str, limit: float = SLOW) -> None:
        """Remove it, running or not, with its nameless volumes; one that is gone already is a success."""

    async def rename(self, container: str, name: str, limit: float = QUICK) -> None:
        """Give it another name.  Raises NAME_TAKEN, NO_SUCH_CONTAINER."""

    async def usage(self, container: str, limit: float = QUICK) -> ContainerUsage:
        """What it uses; the processor's share is since the last question, so the first one knows none."""

    # -- images, networks, volumes

    async def image(self, reference: str, limit: float = QUICK) -> ImageSeen:
        """An image that is there.  Raises NO_SUCH_IMAGE."""

    async def ensure_image(self, reference: str, pull: Pull, progress: Progress | None = None) -> ImageSeen:
        """The image, fetched as `pull` says; waits as long as something still arrives.

        Raises NO_SUCH_IMAGE (not there, or no registry has it), UNAVAILABLE (the engine, not the registry),
        REFUSED (the registry is down, or wants a login).
        """

    async def build(self, build: Build, progress: Progress | None = None) -> ImageSeen:
        """Build and tag.  Raises REFUSED with the step's last lines."""

    async def ensure_network(self, name: str, labels: Mapping[str, str], limit: float = SLOW) -> str:
        """The id of the network with that name, made if it is not there."""

    async def networks(self, labels: Mapping[str, str], limit: float = QUICK) -> tuple[NetworkSeen, ...]:
        """All networks with these labels."""

    async def remove_network(self, network: str, limit: float = SLOW) -> None:
        """Remove it; one that is gone is a success.  Raises REFUSED while a container is on it."""

    async def ensure_volume(self, name: str, labels: Mapping[str, str], limit: float = SLOW) -> None:
        """A named volume, made with these labels if it is not there."""

    # -- inside a container

    async def execute(
        self,
        container: str,
        command: tuple[str, ...],
        timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command in a running container and wait for it.

        At `timeout` everything that it started is killed (where the image has a shell, or the engine's
        processes are ours to see).  Raises REFUSED if it cannot be run.
        """

    async def open_exec(
        self,
        container: str,
        command: tuple[str, ...],
        tty: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Session:
        """Run a command in a running container, with its input and output in hand."""

    async def attach(self, container: str) -> Session:
        """Input and output of the container's own first process, from now on."""

    # -- streams

    def events(self, labels: Mapping[str, str], since: float | None = None) -> AsyncIterator[EngineEvent]:
        """What happens to containers with these labels; never ends by itself, connects anew for ever.

        The first is Connected or Lost.  `since`: also what happened from then on, as far as it is remembered.
        """

    def logs(self, container: str, since_ns: int = 0, follow: bool = True) -> LogReader:
        """A container's output from that time (inclusive) on, both streams.  Returns at once; iterating talks."""


# -- into the log store ---------------------------------------------------------------------------------


class CaptureObserver(Protocol):
    """Who hears how the containers' logs go, on the loop's thread; the words are those of the keeper."""

    def grew(self, name: str, size: int) -> None:
        """A component's log is now so long; at most every 20 ms for each."""

    def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
        """The disk began, or ceased, to refuse a log (`number`: errno); `lost` bytes were dropped."""

    def capture_failed(self, name: str, error: EngineError) -> None:
        """The engine will not give this log (a driver that keeps none); what is written is missing."""


class Capture(Protocol):
    """Appends the output of containers to NAME.log and NAME.idx, over every interruption.

    Each line comes once and in its stream's order, also after a kill of this very process: what is missing is
    found by what lies in the log (DESIGN.md §3).  Nothing is written on the loop's thread.
    """

    def start(self, name: str, run: int, container: str, max_size: int, max_files: int) -> None:
        """Take this container's output from now on, and what is missing of it from before.

        A second call for the same name and run changes nothing but the sizes.  Runs of one name are written
        one after the other.
        """

    async def drained(self, name: str, run: int) -> None:
        """Wait until the container has stopped and its last line is in the log, or is given up.

        It is given up when the container is gone, and where the engine does not give its log.  At once for a
        run that is not being taken.  Waits for an engine that is down: use a time limit.
        """

    def abandon(self, name: str, run: int) -> None:
        """Stop taking this run, whatever is missing."""

    def settings(self, name: str, max_size: int, max_files: int) -> None:
        """From now on rotate at that size and keep so many rotated files."""

    async def clear(self, name: str, run: int, max_size: int, max_files: int) -> None:
        """Remove what is in the log; what the container of this run wrote before does not come again, also where
        it is not being taken at present.  Raises OSError."""

    def look_after(self) -> None:
        """Notice that log files have been removed or replaced, and make them anew (P3b)."""

    async def close(self) -> None:
        """Stop taking; what is missing is found by the next `start`."""
