"""What fits together within one component: keys and its kind, ports and its kind, probes and its type."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from typing import Final

from roost.core.model import (
    ContainerProbe,
    Kind,
    LogProbe,
    NotifyProbe,
    Policy,
    Probe,
    ProbeKind,
    Spec,
    Streams,
    Type,
)

from .component import KINDS
from .containers import warn_about_tag
from .listening import Listed
from .nodes import Mapping, Node, Scalar
from .reader import At
from .table import Fields

_PROBE_NAMES: Final = tuple(ProbeKind)

_NOT_EXTERNAL: Final = frozenset({Kind.PROCESS, Kind.CONTAINER})
_CONTAINER: Final = frozenset({Kind.CONTAINER})

FITS: Final[Map[str, frozenset[Kind]]] = {
    "shell": frozenset({Kind.PROCESS}),
    "cwd": frozenset({Kind.PROCESS, Kind.EXTERNAL}),
    "type": _NOT_EXTERNAL,
    "tty": _NOT_EXTERNAL,
    "autostart": _NOT_EXTERNAL,
    "depends_on": _NOT_EXTERNAL,
    "restart": _NOT_EXTERNAL,
    "stop": _NOT_EXTERNAL,
    "log": _NOT_EXTERNAL,
    "limits": _NOT_EXTERNAL,
    "watch": _NOT_EXTERNAL,
    "schedule": _NOT_EXTERNAL,
    "replicas": _NOT_EXTERNAL,
    "command": _CONTAINER,
    "entrypoint": _CONTAINER,
    "volumes": _CONTAINER,
    "pull": _CONTAINER,
    "healthcheck": _CONTAINER,
    "network": _CONTAINER,
    "user": _CONTAINER,
    "labels": _CONTAINER,
}
"""The kinds that a key means something for; a key that is not here fits all."""


def fits_kind(key: str, kind: Kind) -> bool:
    """Whether a component's key means something for that kind."""
    return kind in FITS.get(key, (kind,))


def check_kind(node: Mapping, kind: Kind | None, at: At) -> None:
    """Report keys of the component's own that mean nothing for its kind, and a component without a kind."""
    if kind is None:
        at.error(at.key, "has nothing to run", f"give it one of {', '.join(KINDS)}")
        return
    for key, _ in node.entries:
        if not fits_kind(key.text, kind):
            fitting = " or ".join(sorted(FITS[key.text]))
            at.under(key).error(key, f"means nothing for {_a(kind)}", f"it is for {fitting}; remove it")


def _a(kind: Kind) -> str:
    return "an external component" if kind is Kind.EXTERNAL else f"a {kind}"


def check_ports(spec: Spec, ports: tuple[Listed, ...]) -> None:
    """Report ports in a form that is for another kind."""
    for listed in ports:
        if spec.kind is Kind.CONTAINER and listed.port.target is None:
            listed.at.error(listed.node, "does not say the container's own port", "write HOST:CONTAINER")
        elif spec.kind is not Kind.CONTAINER and listed.port.target is not None:
            hint = "only a container's ports are mapped: write the port that it listens on"
            listed.at.error(listed.node, f"HOST:CONTAINER means nothing for {_a(spec.kind)}", hint)
        elif spec.kind is Kind.EXTERNAL and listed.port.port is None:
            hint = "write its number: what roost does not start, it cannot tell where to listen"
            listed.at.error(listed.node, "a port cannot be chosen for an external component", hint)


def check_combinations(spec: Spec, fields: Fields, at: At) -> None:
    """Report what cannot work together, and warn of what hardly does."""
    for place, node, message, hint in _conflicts(spec, fields, at):
        place.error(node, message, hint)
    image = fields.nodes.get("image")
    if image is not None and "image" in fields.values and isinstance(image[1], Scalar):
        warn_about_tag(fields.values["image"], image[1], at.under(image[0]))
    restart = fields.nodes.get("restart")
    if restart is not None and spec.type is Type.TASK and spec.restart.policy is Policy.ALWAYS:
        hint = "give it on-failure or never"
        at.under(restart[0]).warn(restart[1], "a task that is always restarted never completes", hint)
    build = spec.container.build if spec.container is not None else None
    if build is not None and "build" in fields.nodes and not at.files.is_folder(build.context):
        key, node = fields.nodes["build"]
        at.under(key).warn(node, "this folder does not exist", "it must when the image is built")
    cwd = fields.nodes.get("cwd")
    if cwd is not None and "cwd" in fields.values and not at.files.is_folder(spec.cwd):
        at.under(cwd[0]).warn(cwd[1], "this folder does not exist", "it must when the component starts")


def _conflicts(spec: Spec, fields: Fields, at: At) -> Iterator[tuple[At, Node, str, str]]:
    """Where, what is wrong, what to do: for what is right by itself, and wrong together."""
    if spec.type is Type.SERVICE and "schedule" in fields.nodes:
        key, node = fields.nodes["schedule"]
        yield at.under(key), node, "only a task runs by schedule", "add type: task"
    if spec.kind is Kind.CONTAINER and spec.stop.leftovers is not None and "stop" in fields.nodes:
        key, node = fields.nodes["stop"]
        yield at.under(key), node, "leftovers mean nothing for a container, which ends whole", "remove them"
    if spec.kind is Kind.CONTAINER and spec.log.streams is Streams.MERGED and "log" in fields.nodes:
        key, node = fields.nodes["log"]
        hint = "remove streams; the engine keeps both streams in the order in which they came"
        yield at.under(key), node, "the streams of a container cannot be merged", hint
    outer, probes = fields.nodes.get("probes", (at.key, at.key))
    for key, _ in probes.entries if isinstance(probes, Mapping) else ():
        place = at.under(outer) if isinstance(outer, Scalar) else at
        probe = spec.probes().get(ProbeKind(key.text)) if key.text in _PROBE_NAMES else None
        wrong = _misfit(spec, key.text, probe)
        if wrong is not None:
            yield place.under(key), key, *wrong
    if spec.kind is Kind.EXTERNAL and not (
        isinstance(probes, Mapping) and (probes.get("liveness") or probes.get("readiness"))
    ):
        hint = "add probes: {liveness: {tcp: PORT}}"
        yield at, at.key, "is external and has no probe, so nothing would be known of it", hint


def _misfit(spec: Spec, name: str, probe: Probe | None) -> tuple[str, str] | None:
    """Why a probe does not fit this component."""
    if spec.type is Type.TASK and name == ProbeKind.READINESS:
        return "a task is never ready: who depends on it waits until it is completed", "remove it"
    if spec.kind is Kind.EXTERNAL and name == ProbeKind.STARTUP:
        return "an external component is never started", "use liveness or readiness"
    handler = None if probe is None else probe.handler
    if spec.kind is Kind.EXTERNAL and isinstance(handler, LogProbe | NotifyProbe):
        return "nothing is read from an external component", "use tcp, http, grpc or exec"
    if spec.kind is Kind.CONTAINER and isinstance(handler, NotifyProbe):
        return (
            "a container cannot reach the socket of sd_notify",
            "use container, tcp, http, grpc, exec or log",
        )
    if spec.kind is not Kind.CONTAINER and isinstance(handler, ContainerProbe):
        return f"{_a(spec.kind)} has no container engine to ask", "use tcp, http, grpc, exec or log"
    return None
