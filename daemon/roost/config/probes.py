"""The three probes of a component: their handlers, thresholds, and what fits which of them.

Names, defaults and meaning are those of a Kubernetes probe.  Only `${port.NAME}` is replaced in them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from roost.core.model import (
    ContainerProbe,
    ExecProbe,
    GrpcProbe,
    Handler,
    HttpProbe,
    LogProbe,
    NotifyProbe,
    Probe,
    TcpProbe,
)

from .commands import ARGV, LABELS, PORT_REFERENCE, PortText, Regex, port_text
from .nodes import Mapping, Node, Scalar
from .problems import show
from .reader import At, Definitions, ScalarReader, Schema
from .scalars import Duration, Flag, Text, Whole
from .shapes import ListOf, Shapes
from .table import Fields, Key, Table

HANDLERS: Final = ("exec", "http", "tcp", "grpc", "log", "notify", "container")


class _Address(ScalarReader[TcpProbe]):
    """`PORT`, `HOST:PORT` or `[IPV6]:PORT`."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> TcpProbe | None:
        host, colon, port = scalar.text.rpartition(":")
        checked = port_text(port, node, at)
        if checked is None:
            return None
        bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
        if colon and (not bare or re.search(r"[\s/]", bare) or (bare is host and ":" in host)):
            at.error(node, f"{show(host)} is not a host", "write HOST:PORT, or [ADDRESS]:PORT for IPv6")
            return None
        return TcpProbe(host=bare, port=checked) if colon else TcpProbe(port=checked)

    def schema(self, definitions: Definitions) -> Schema:
        text = {"type": "string", "pattern": r"^(.+:)?([0-9]+|\$\{port\.[^}]+\})$"}
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, text]}

    def words(self) -> str:
        return "`PORT` or `HOST:PORT`"


class _Url(ScalarReader[str]):
    """An http or https URL, in which a port may still be `${port.NAME}`."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> str | None:
        from urllib.parse import urlsplit  # half a megabyte, and many projects have no URL to check

        hint = "write http://HOST:PORT/PATH"
        try:
            parts = urlsplit(PORT_REFERENCE.sub("1", scalar.text))
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError as error:
            at.error(node, f"is not a URL: {error}", hint)
            return None
        if not usable or re.search(r"\s", scalar.text):
            at.error(node, f"{show(node.text)} is not an http or https URL", hint)
            return None
        return scalar.text

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "string", "pattern": r"^[hH][tT][tT][pP][sS]?://\S+$"}

    def words(self) -> str:
        return "a URL"


class _StatusRange(ScalarReader[tuple[int, int]]):
    """`200`, or `200-399` with both ends included."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> tuple[int, int] | None:
        match = re.fullmatch(r"([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?", scalar.text)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if low > high:
            at.error(node, f"{show(node.text)} is not a status or range of them", "write 204 or 200-299")
            return None
        return low, high

    def schema(self, definitions: Definitions) -> Schema:
        text = {"type": "string", "pattern": r"^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$"}
        return {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, text]}

    def words(self) -> str:
        return "a status (`204`) or a range (`200-399`)"


class _Pattern(ScalarReader[LogProbe]):
    """`log: REGEX`."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> LogProbe | None:
        pattern = Regex().take(scalar, node, at)
        return None if pattern is None else LogProbe(pattern=pattern)

    def schema(self, definitions: Definitions) -> Schema:
        return Regex().schema(definitions)

    def words(self) -> str:
        return "a regular expression"


class _Exec(ListOf[str]):
    """A command as a list; one line for a shell is refused, for it would not go through one."""

    def __init__(self) -> None:
        super().__init__(Text(loose=True), least=1)

    def read(self, node: Node, at: At) -> Any:
        if isinstance(node, Scalar):
            at.error(node, "is not a list", "write [program, argument …], or [sh, -c, '…'] for a shell")
            return None
        argv = ARGV.read(node, at)
        return None if argv is None else ExecProbe(argv)


def _http(fields: Fields, at: At) -> HttpProbe | None:
    return HttpProbe(**fields.values) if "url" in fields.values else None


def _grpc(fields: Fields, at: At) -> GrpcProbe | None:
    return GrpcProbe(**fields.values) if "port" in fields.values else None


def _log_failure(fields: Fields, at: At) -> LogProbe | None:
    return LogProbe(pattern=fields.values["fail"], fail=True) if "fail" in fields.values else None


HTTP: Final = Table(
    "http",
    [
        Key("url", _Url(), "What is asked for with GET.", required=True),
        Key("headers", LABELS, "Headers of the request."),
        Key("status", ListOf(_StatusRange(), least=1, single=True), "What counts as success.", "`200-399`"),
    ],
    _http,
    shorthand="url",
)
GRPC: Final = Table(
    "grpc",
    [
        Key("host", Text("a host name or address"), "Who is asked.", "`127.0.0.1`"),
        Key("port", PortText(), "Where it listens.", required=True),
        Key("service", Text("text", loose=True), "The service that is asked about.", "the server as a whole"),
        Key("tls", Flag(), "Whether to connect with TLS.", "`false`"),
    ],
    _grpc,
    shorthand="port",
)
LOG_FAILURE: Final = Table(
    "log_failure",
    [Key("fail", Regex(), "A line that matches is a failure (liveness only).", required=True)],
    _log_failure,
)


def _probe(fields: Fields, at: At) -> Probe | None:
    """The probe of one handler; one without any is an error, one with several is reported by the table."""
    given = [name for name in HANDLERS if name in fields.nodes]
    if not given and not at.scope.lenient:
        at.error(at.key, "has no handler", f"give it one of {', '.join(HANDLERS)}")
    thresholds = {name: value for name, value in fields.values.items() if name not in HANDLERS}
    value: Any = next((fields.values[name] for name in given if name in fields.values), None)
    if value is None:
        return None
    flags: dict[str, Handler] = {"notify": NotifyProbe(), "container": ContainerProbe()}
    return Probe(handler=flags[given[0]] if value is True else value, **thresholds)


_THRESHOLD: Final = Whole(1, 1_000_000)

PROBE: Final = Table(
    "probe",
    [
        Key(
            "exec",
            _Exec(),
            "Success is exit code 0; runs in the component's folder, or container, with its environment.",
        ),
        Key("http", HTTP, "Success is an answer with one of the `status` codes."),
        Key("tcp", _Address(), "Success is a connection that is accepted."),
        Key("grpc", GRPC, "Success is `SERVING` from `grpc.health.v1`."),
        Key(
            "log",
            Shapes(scalar=_Pattern(), mapping=LOG_FAILURE),
            "True from this run's first line that matches (startup and readiness); with `fail`, a line that "
            "matches is a failure (liveness).",
        ),
        Key(
            "notify", Flag(only=True), "The component speaks systemd's `sd_notify` protocol (not on Windows)."
        ),
        Key("container", Flag(only=True), "What the engine's own HEALTHCHECK says."),
        Key("initial_delay", Duration(), "Before the first look.", "`0s`"),
        Key("period", Duration(0.01), "From one look to the next.", "`10s`"),
        Key("timeout", Duration(0.01), "A look that takes longer has failed.", "`1s`"),
        Key("success_threshold", _THRESHOLD, "Successes in a row that make it true (readiness only).", "`1`"),
        Key("failure_threshold", _THRESHOLD, "Failures in a row that make it false.", "`3`"),
    ],
    _probe,
    exclusive=[HANDLERS],
)


def _probes(fields: Fields, at: At) -> dict[str, Probe]:
    """The probes by name, each checked for what fits it."""
    for name, (key, node) in fields.nodes.items():
        if isinstance(node, Mapping):
            _check_fit(name, key, node, fields.values.get(name), at.under(key))
    return dict(fields.values)


def _check_fit(name: str, key: Scalar, node: Mapping, probe: Probe | None, at: At) -> None:
    threshold, log = node.get("success_threshold"), node.get("log")
    if name != "readiness" and threshold is not None and probe is not None and probe.success_threshold != 1:
        at.under(threshold[0]).error(threshold[1], f"must be 1 for {name}", "only readiness may ask for more")
    if log is None or probe is None or not isinstance(probe.handler, LogProbe):
        return
    if probe.handler.fail and name != "liveness":
        at.under(log[0]).error(
            log[1], f"a failing line says nothing for {name}", "use `log: {fail: …}` for liveness"
        )
    if not probe.handler.fail and name == "liveness":
        hint = "write `log: {fail: REGEX}`, or use it for startup or readiness"
        at.under(log[0]).error(log[1], "a line that once matched does not show that it still lives", hint)


PROBES: Final = Table(
    "probes",
    [
        Key(
            "startup", PROBE, "Until it succeeds the others wait; when it fails, the component is restarted."
        ),
        Key("liveness", PROBE, "When it fails, the component is restarted."),
        Key(
            "readiness",
            PROBE,
            "While it fails, the component is not ready: dependents wait, nothing restarts.",
        ),
    ],
    _probes,
)
