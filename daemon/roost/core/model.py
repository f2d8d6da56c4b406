"""What a project *is*: the configuration after parsing, as immutable values.

`roost.config` makes these from roost.yaml; everything else only reads them.  Durations are seconds (float),
sizes are bytes (int), paths are strings as the file has them unless a field says otherwise.  Nothing here
reads a clock, a file or the environment.
"""

from __future__ import annotations

import enum
import hashlib

import msgspec
from msgspec import Struct, field


class Kind(enum.StrEnum):
    """What a component is made of."""

    PROCESS = "process"
    CONTAINER = "container"
    EXTERNAL = "external"


class Type(enum.StrEnum):
    """Whether a component is meant to stay up or to finish."""

    SERVICE = "service"
    TASK = "task"


class Condition(enum.StrEnum):
    """What a dependent waits for."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"


class Policy(enum.StrEnum):
    """When an ended component is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class Leftovers(enum.StrEnum):
    """What happens to descendants that outlive their component."""

    END = "end"
    LEAVE = "leave"


class Streams(enum.StrEnum):
    """One pipe for each of stdout and stderr, or one for both."""

    SEPARATE = "separate"
    MERGED = "merged"


class ProbeKind(enum.StrEnum):
    """The three probes of a Kubernetes container, with the same meaning."""

    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"


class Dependency(Struct, frozen=True, kw_only=True):
    """One edge of the graph: `target` is the name of a component (replica groups are already expanded)."""

    target: str
    condition: Condition = Condition.READY
    restart: bool = False
    rerun: bool = False


class ExecProbe(Struct, frozen=True, tag="exec"):
    """A command; exit code 0 is success."""

    command: tuple[str, ...]


class HttpProbe(Struct, frozen=True, tag="http", kw_only=True):
    """A GET request; a status within one of the inclusive `status` ranges is success."""

    url: str
    headers: dict[str, str] = {}
    status: tuple[tuple[int, int], ...] = ((200, 399),)


class TcpProbe(Struct, frozen=True, tag="tcp", kw_only=True):
    """A connection that is accepted is success.  `port` is text until `${port.NAME}` has been replaced."""

    host: str = "127.0.0.1"
    port: str


class GrpcProbe(Struct, frozen=True, tag="grpc", kw_only=True):
    """grpc.health.v1.Health/Check; SERVING is success."""

    host: str = "127.0.0.1"
    port: str
    service: str = ""
    tls: bool = False


class LogProbe(Struct, frozen=True, tag="log", kw_only=True):
    """True from this run's first line that matches `pattern`; with `fail`, a matching line is a failure."""

    pattern: str
    fail: bool = False


class NotifyProbe(Struct, frozen=True, tag="notify"):
    """The sd_notify protocol: READY=1 makes it true."""


class ContainerProbe(Struct, frozen=True, tag="container"):
    """The container engine's own HEALTHCHECK."""


Handler = ExecProbe | HttpProbe | TcpProbe | GrpcProbe | LogProbe | NotifyProbe | ContainerProbe


class Probe(Struct, frozen=True, kw_only=True):
    """A handler and its thresholds; names, defaults and meaning are those of a Kubernetes probe."""

    handler: Handler
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    success_threshold: int = 1
    failure_threshold: int = 3


class Backoff(Struct, frozen=True, kw_only=True):
    """Delay before the nth restart in a row: `initial * factor ** (n - 1)`, at most `max` (S22)."""

    initial: float = 1.0
    factor: float = 2.0
    max: float = 60.0


class Limit(Struct, frozen=True, kw_only=True):
    """At most `max` restarts in any window of `within` seconds (S23)."""

    max: int = 10
    within: float = 600.0


class Restart(Struct, frozen=True, kw_only=True):
    """When and how fast an ended component is started again."""

    policy: Policy = Policy.ALWAYS
    backoff: Backoff = Backoff()
    limit: Limit = Limit()
    min_uptime: float = 10.0
    success_exit_codes: tuple[int, ...] = (0,)


class Stop(Struct, frozen=True, kw_only=True):
    """How a component is stopped: `command` if given, else `signal` (without SIG); after `timeout` the kill."""

    signal: str = "TERM"
    timeout: float = 10.0
    command: tuple[str, ...] | str | None = None
    leftovers: Leftovers | None = None
    """None: `end` for a service, `leave` for a task that ended by itself."""


class LogPolicy(Struct, frozen=True, kw_only=True):
    """Rotation by size (bytes, files kept beside the live one) and how the streams are taken."""

    max_size: int = 10 * 1024 * 1024
    max_files: int = 5
    streams: Streams = Streams.SEPARATE


class Port(Struct, frozen=True, kw_only=True):
    """A port of a component.  `port` is None for `auto` until one was chosen; `target` is a container's own."""

    name: str | None = None
    port: int | None = None
    target: int | None = None
    address: str = "127.0.0.1"
    protocol: str = "tcp"


class Watch(Struct, frozen=True, kw_only=True):
    """Restart when files change."""

    paths: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    debounce: float = 0.3


class Schedule(Struct, frozen=True, kw_only=True):
    """When a task runs: a cron expression, or every so many seconds."""

    cron: str | None = None
    every: float | None = None


class Build(Struct, frozen=True, kw_only=True):
    """How an image is built."""

    context: str
    dockerfile: str | None = None
    args: dict[str, str] = {}
    target: str | None = None


class ContainerKeys(Struct, frozen=True, kw_only=True):
    """What only a container has."""

    image: str | None = None
    build: Build | None = None
    command: tuple[str, ...] | str | None = None
    entrypoint: tuple[str, ...] | str | None = None
    volumes: tuple[str, ...] = ()
    pull: str = "missing"
    healthcheck: dict[str, object] | None = None
    network: str | None = None
    user: str | None = None
    labels: dict[str, str] = {}


class Hooks(Struct, frozen=True, kw_only=True):
    """Commands that run at a turn of a component's life."""

    on_ready: tuple[str, ...] | str | None = None
    on_exit: tuple[str, ...] | str | None = None
    on_failed: tuple[str, ...] | str | None = None


class Spec(Struct, frozen=True, kw_only=True):
    """One component as it is to run: defaults merged, variables substituted, replicas expanded.

    `env` holds what the file says for this component (project env, env files, its own), not the base
    environment.  `cwd` is absolute.  A `run` that is a string goes through `shell`.
    """

    name: str
    group: str | None = None
    kind: Kind = Kind.PROCESS
    type: Type = Type.SERVICE
    run: tuple[str, ...] | str | None = None
    cwd: str = "."
    env: dict[str, str] = {}
    shell: tuple[str, ...] | None = None
    tty: bool = False
    autostart: bool = True
    depends_on: tuple[Dependency, ...] = ()
    startup: Probe | None = None
    liveness: Probe | None = None
    readiness: Probe | None = None
    restart: Restart = Restart()
    stop: Stop = Stop()
    log: LogPolicy = LogPolicy()
    ports: tuple[Port, ...] = ()
    memory_limit: int | None = None
    watch: Watch | None = None
    schedule: Schedule | None = None
    profiles: tuple[str, ...] = ()
    hooks: Hooks = Hooks()
    container: ContainerKeys | None = None
    replica: int | None = None
    description: str | None = None
    url: str | None = None

    def probes(self) -> dict[ProbeKind, Probe]:
        """The probes that are configured, by kind."""
        pairs = {
            ProbeKind.STARTUP: self.startup,
            ProbeKind.LIVENESS: self.liveness,
            ProbeKind.READINESS: self.readiness,
        }
        return {kind: probe for kind, probe in pairs.items() if probe is not None}

    def digest(self) -> str:
        """A fingerprint of everything that a running process or container was started with.

        Two specifications with the same digest may be exchanged without a restart.  What only decides about
        the future (restart policy, probes, description …) is not part of it.  The engine is told a container's
        limits at its birth.
        """
        contained = self.container is not None
        birth = msgspec.structs.replace(
            self,
            cwd=self.cwd if not contained else "",
            log=self.log if not contained else LogPolicy(),
            autostart=True,
            depends_on=(),
            startup=None,
            liveness=None,
            readiness=None,
            restart=Restart(),
            stop=Stop(),
            memory_limit=self.memory_limit if contained else None,
            container=None
            if self.container is None
            else msgspec.structs.replace(self.container, pull=ContainerKeys().pull),
            watch=None,
            schedule=None,
            profiles=(),
            hooks=Hooks(),
            description=None,
            url=None,
        )
        made = hashlib.sha256(msgspec.json.encode(birth, order="sorted"))
        for kind, probe in self.probes().items():
            if isinstance(
                probe.handler, NotifyProbe
            ):  # its socket and its watchdog's time are given at birth
                made.update(f"{kind}:{probe.period * probe.failure_threshold}".encode())
        return made.hexdigest()[:16]


class ProjectLimits(Struct, frozen=True, kw_only=True):
    """Bounds of a whole project: number of components, bytes of all logs."""

    components: int = 1000
    logs: int = 20 * 1024**3


class Project(Struct, frozen=True, kw_only=True):
    """A whole roost.yaml.  `root` and `config_path` are absolute real paths."""

    name: str
    root: str
    config_path: str
    config_hash: str = ""
    """`sha256:` and the hex digest of roost.yaml and of every env file it names."""
    env_files: tuple[str, ...] = ()
    """Absolute paths of the env files that the hash covers, whether they are there or not."""
    components: dict[str, Spec] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """A replica group's name → the names of its members."""
    secrets: tuple[str, ...] = ()
    """Names of environment keys whose values are masked, beside those that look like secrets."""
    limits: ProjectLimits = ProjectLimits()

    def expand(self, name: str) -> tuple[str, ...]:
        """The components that a name stands for; empty if there is none."""
        if name in self.components:
            return (name,)
        return self.groups.get(name, ())
