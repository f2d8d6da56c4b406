"""`${port.NAME}` and `${port.COMPONENT.NAME}`: replaced once the ports are known.  Pure.

`$${port.NAME}` is the text `${port.NAME}` itself.  Every component goes through `resolve` before it is
started, also one without ports: that is where the escape is undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from roost.core.model import (
    ContainerKeys,
    ExecProbe,
    GrpcProbe,
    Handler,
    HttpProbe,
    LogProbe,
    Port,
    Probe,
    Spec,
    TcpProbe,
)

_REFERENCE: Final = re.compile(r"\$(\$)?\{port\.([^}]*)\}")

Command = TypeVar("Command", tuple[str, ...], str, None)
Fill = Callable[[str], str]


def resolve(spec: Spec, ports: Mapping[str, int], others: Mapping[str, Mapping[str, int]]) -> Spec:
    """The specification with every port filled in, in run, env, probes, url, hooks and other commands.

    `ports` are the component's own by name, `others` those of each component.  A reference that names nothing
    stays as it is: `roost.config.load` has refused it before.
    """

    def fill(text: str) -> str:
        return (
            text
            if "${port." not in text
            else _REFERENCE.sub(lambda match: _value(match, ports, others), text)
        )

    return replace(
        spec,
        run=_command(spec.run, fill),
        env={name: fill(value) for name, value in spec.env.items()},
        startup=_probe(spec.startup, fill),
        liveness=_probe(spec.liveness, fill),
        readiness=_probe(spec.readiness, fill),
        stop=replace(spec.stop, command=_command(spec.stop.command, fill)),
        hooks=replace(
            spec.hooks,
            on_ready=_command(spec.hooks.on_ready, fill),
            on_exit=_command(spec.hooks.on_exit, fill),
            on_failed=_command(spec.hooks.on_failed, fill),
        ),
        container=_container(spec.container, fill),
        url=None if spec.url is None else fill(spec.url),
        ports=tuple(_chosen(port, ports) for port in spec.ports),
    )


def references(spec: Spec) -> frozenset[tuple[str | None, str]]:
    """The ports that a specification refers to: component (None: its own) and name."""
    found: set[tuple[str | None, str]] = set()

    def note(text: str) -> str:
        for match in _REFERENCE.finditer(text):
            if not match[1]:
                component, dot, name = match[2].rpartition(".")
                found.add((component if dot else None, name))
        return text

    resolve_with = (
        spec.run,
        spec.stop.command,
        spec.hooks.on_ready,
        spec.hooks.on_exit,
        spec.hooks.on_failed,
    )
    for command in resolve_with:
        _command(command, note)
    for text in (*spec.env.values(), spec.url or ""):
        note(text)
    for probe in spec.probes().values():
        _probe(probe, note)
    _container(spec.container, note)
    return frozenset(found)


def _value(match: re.Match[str], ports: Mapping[str, int], others: Mapping[str, Mapping[str, int]]) -> str:
    if match[1]:
        return match.group()[1:]
    component, dot, name = match[2].rpartition(".")
    port = others.get(component, {}).get(name) if dot else ports.get(name)
    return match.group() if port is None else str(port)


def _chosen(port: Port, ports: Mapping[str, int]) -> Port:
    if port.port is not None or port.name is None or port.name not in ports:
        return port
    return replace(port, port=ports[port.name])


def _command(command: tuple[str, ...] | str | None, fill: Fill) -> tuple[str, ...] | str | None:
    if command is None:
        return None
    return fill(command) if isinstance(command, str) else tuple(fill(word) for word in command)


def _container(keys: ContainerKeys | None, fill: Fill) -> ContainerKeys | None:
    if keys is None:
        return None
    return replace(keys, command=_command(keys.command, fill), entrypoint=_command(keys.entrypoint, fill))


def _probe(probe: Probe | None, fill: Fill) -> Probe | None:
    return None if probe is None else replace(probe, handler=_handler(probe.handler, fill))


def _handler(handler: Handler, fill: Fill) -> Handler:
    match handler:
        case ExecProbe():
            return ExecProbe(tuple(fill(word) for word in handler.command))
        case HttpProbe():
            headers = {name: fill(value) for name, value in handler.headers.items()}
            return replace(handler, url=fill(handler.url), headers=headers)
        case TcpProbe():
            return replace(handler, host=fill(handler.host), port=fill(handler.port))
        case GrpcProbe():
            return replace(handler, host=fill(handler.host), port=fill(handler.port))
        case LogProbe():
            return replace(handler, pattern=fill(handler.pattern))
        case _:
            return handler
