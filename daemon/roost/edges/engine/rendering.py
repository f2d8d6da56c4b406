"""A container order in the words of the engine's interface (POST /containers/create).  Pure.

https://docs.docker.com/reference/api/engine/ ; what is newer than its version 1.41 is not used.
"""

from __future__ import annotations

from typing import Any

from .api import HOST_NAME, ContainerOrder, Healthcheck, Mount, MountKind, Publish

_NANO = 1_000_000_000
_BOUNDS = {"max-size": "64m", "max-file": "2"}
_LOCAL = {"Type": "local", "Config": {**_BOUNDS, "compress": "false"}}
_JSON = {"Type": "json-file", "Config": _BOUNDS}
"""What the engine keeps of the output: enough for the daemon to be away for a while, and bounded (P14).

`json-file` replaces bytes that are no UTF-8, and `local` forgets the newline of a line that was cut (frames.py
puts it back; behind a terminal, where there are no frames, it could not).
"""
_SPECIAL_NETWORKS = ("host", "none", "bridge", "default")


def create_body(order: ContainerOrder, is_podman: bool = False) -> dict[str, Any]:
    """What a container is made from.  Podman keeps logs in its own way."""
    body: dict[str, Any] = {
        "Image": order.image,
        "Env": [f"{key}={value}" for key, value in order.environment.items()],
        "Labels": dict(order.labels),
        "Tty": order.tty,
        "OpenStdin": order.tty,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "ExposedPorts": {_port_key(port): {} for port in order.ports},
        "Volumes": {mount.target: {} for mount in order.mounts if _is_nameless(mount)},
        "HostConfig": _host_config(order)
        | ({} if is_podman else {"LogConfig": _JSON if order.tty else _LOCAL}),
    }
    optional = {
        "Cmd": _words(order.command),
        "Entrypoint": _entrypoint(order.entrypoint),
        "User": order.user,
        "WorkingDir": order.working_dir,
        "Hostname": order.hostname,
        "Healthcheck": _healthcheck(order.healthcheck),
        "StopSignal": f"SIG{order.stop_signal.removeprefix('SIG')}" if order.stop_signal else None,
        "NetworkingConfig": _networking(order),
    }
    return body | {key: value for key, value in optional.items() if value is not None}


def _host_config(order: ContainerOrder) -> dict[str, Any]:
    config: dict[str, Any] = {
        "RestartPolicy": {"Name": "no"},
        "Binds": [
            _bind(mount) for mount in order.mounts if mount.kind is not MountKind.TMPFS and mount.source
        ],
        "Tmpfs": {m.target: ",".join(m.options) for m in order.mounts if m.kind is MountKind.TMPFS},
        "PortBindings": _bindings(order.ports),
        "ExtraHosts": [f"{HOST_NAME}:host-gateway"],
    }
    if order.network is not None:
        config["NetworkMode"] = order.network
    if order.memory is not None:
        # Without swap: a container above its limit is ended, not slowed down.
        config |= {"Memory": order.memory, "MemorySwap": order.memory}
    if order.cpus is not None:
        config["NanoCpus"] = round(order.cpus * _NANO)
    return config


def _networking(order: ContainerOrder) -> dict[str, Any] | None:
    if order.network is None or order.network in _SPECIAL_NETWORKS or not order.aliases:
        return None
    return {"EndpointsConfig": {order.network: {"Aliases": list(order.aliases)}}}


def _is_nameless(mount: Mount) -> bool:
    return mount.kind is MountKind.VOLUME and not mount.source


def _bind(mount: Mount) -> str:
    options = f":{','.join(mount.options)}" if mount.options else ""
    return f"{mount.source}:{mount.target}{options}"


def _port_key(port: Publish) -> str:
    return f"{port.container}/{port.protocol}"


def _bindings(ports: tuple[Publish, ...]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        host = str(port.host) if port.host else ""
        found.setdefault(_port_key(port), []).append({"HostIp": port.address, "HostPort": host})
    return found


def _words(command: tuple[str, ...] | None) -> list[str] | None:
    return None if command is None else list(command)


def _entrypoint(words: tuple[str, ...] | None) -> list[str] | None:
    """An empty one has to be said as [""], or the engine takes the image's."""
    return None if words is None else (list(words) or [""])


def _healthcheck(check: Healthcheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    times = {"Interval": check.interval, "Timeout": check.timeout, "StartPeriod": check.start_period}
    found: dict[str, Any] = {key: round(value * _NANO) for key, value in times.items() if value is not None}
    if check.test is not None:
        found["Test"] = list(check.test)
    if check.retries is not None:
        found["Retries"] = check.retries
    return found


def filters(labels: dict[str, str]) -> dict[str, list[str]]:
    """Labels as the engine filters by them; an empty value: any."""
    return {"label": [f"{key}={value}" if value else key for key, value in labels.items()]}
