"""Where the engine is: as the `docker` command finds it, then wherever else one is known to listen.

`DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of `~/.docker/config.json`, the usual sockets: the order of
https://docs.docker.com/engine/manage-resources/contexts/.  Reads files; connects to nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping

from msgspec import Struct

from roost.platform import engines

from .api import EngineError, ErrorKind


class Tls(Struct, frozen=True):
    """Files of a connection over TLS; None: not given.  `verify`: the server must prove who it is."""

    ca: str | None
    certificate: str | None
    key: str | None
    verify: bool = True


class Endpoint(Struct, frozen=True):
    """An engine's address, and what said so ("DOCKER_HOST")."""

    url: str
    origin: str
    tls: Tls | None = None
    config_file: str | None = None
    """Docker's config.json, which has the logins for registries; None: there is none."""


def locate(
    environ: Mapping[str, str],
    home: str | None = None,
    candidates: Callable[[], tuple[str, ...]] | None = None,
    is_usable: Callable[[str], bool] = engines.is_usable,
) -> Endpoint:
    """The engine that `docker` would talk to.  Raises EngineError where what is configured makes no sense."""
    home = home or environ.get("HOME") or os.path.expanduser("~")
    folder = environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
    config_file = os.path.join(folder, "config.json")
    present = config_file if os.path.exists(config_file) else None

    def endpoint(url: str, origin: str, tls: Tls | None = None) -> Endpoint:
        return Endpoint(url, origin, tls, present)

    if host := environ.get("DOCKER_HOST"):
        return endpoint(host, "DOCKER_HOST", _tls_of_environment(environ, folder))
    name, origin = environ.get("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
    if not name:
        name, origin = _current_context(present), f"the current context of {config_file}"
    if name and name != "default":
        url, tls = _context(folder, name, origin)
        return endpoint(url, f"context {name}", tls)
    known = candidates() if candidates else engines.candidates(environ, home, engines.user_id())
    return endpoint(next(filter(is_usable, known), known[0]), "the usual place")


def _tls_of_environment(environ: Mapping[str, str], folder: str) -> Tls | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not (verify or environ.get("DOCKER_TLS")):
        return None
    return _tls_in(environ.get("DOCKER_CERT_PATH") or folder, verify)


def _tls_in(folder: str, verify: bool) -> Tls:
    ca, certificate, key = (
        path if os.path.exists(path := os.path.join(folder, f"{name}.pem")) else None
        for name in ("ca", "cert", "key")
    )
    return Tls(ca, certificate, key, verify)


def _current_context(config_file: str | None) -> str | None:
    if config_file is None:
        return None
    found = _read(config_file).get("currentContext")
    return found if isinstance(found, str) else None


def _context(folder: str, name: str, origin: str) -> tuple[str, Tls | None]:
    """Address and TLS of a context (docker context create …)."""
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = os.path.join(folder, "contexts", "meta", key, "meta.json")
    if not os.path.exists(meta):
        raise _unusable(
            f"{origin} names the Docker context '{name}', which does not exist; 'docker context ls' lists them"
        )
    endpoints = _read(meta).get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(docker, dict) or not isinstance(host, str):
        raise _unusable(
            f"the Docker context '{name}' has no address; make it anew with 'docker context create'"
        )
    files = os.path.join(folder, "contexts", "tls", key, "docker")
    skips = docker.get("SkipTLSVerify") is True
    uses_tls = host.startswith("tcp://") and (skips or os.path.isdir(files))
    return host, _tls_in(files, not skips) if uses_tls else None


def _read(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            found = json.load(file)
    except (OSError, ValueError) as error:
        raise _unusable(f"{path} cannot be read ({error}); repair it, or set DOCKER_HOST") from error
    return found if isinstance(found, dict) else {}


def _unusable(message: str) -> EngineError:
    return EngineError(ErrorKind.UNAVAILABLE, message)
