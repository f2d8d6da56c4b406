"""What went wrong, from what the engine (Docker's words or Podman's) or the connection says.  Pure."""

from __future__ import annotations

import re

from .api import EngineError, ErrorKind

_NOT_RUNNING = "can only kill running containers|can only create exec sessions on running containers"
"""Podman's, where Docker says "is not running"."""
_PATTERNS: tuple[tuple[str, ErrorKind, str], ...] = (
    # (what the engine says, kind, what to do); the first that is found counts
    (
        r"port is already allocated|address already in use|ports are not available|bind: .*in use",
        ErrorKind.PORT_TAKEN,
        "stop what holds the port, or choose another in `ports`",
    ),
    (
        r"container name .* is already in use|name .* is in use|that name is already in use"
        r"|container already exists",
        ErrorKind.NAME_TAKEN,
        "remove or rename that container",
    ),
    (
        _NOT_RUNNING,
        ErrorKind.REFUSED,
        "it is not running",
    ),
    (
        r"no such container|no container with name or id",
        ErrorKind.NO_SUCH_CONTAINER,
        "it has been removed",
    ),
    (
        r"pull access denied|repository does not exist|requested access to the resource is denied",
        ErrorKind.NO_SUCH_IMAGE,
        "check the name in `image`; a private one needs 'docker login'",
    ),
    (
        r"no such image|manifest unknown|manifest for .* not found|not found: manifest|image not known"
        r"|reference does not exist|name unknown|invalid reference format",
        ErrorKind.NO_SUCH_IMAGE,
        "check name and tag in `image`",
    ),
    (
        r"unauthorized|authentication required|no basic auth credentials",
        ErrorKind.REFUSED,
        "log in with 'docker login'",
    ),
    (
        r"connection refused|no such host|i/o timeout|tls handshake|network is unreachable|proxyconnect",
        ErrorKind.REFUSED,
        "the registry cannot be reached; check the network, or set `pull: never` for an image that is there",
    ),
    (
        r"executable file not found|no such file or directory|permission denied|exec format error",
        ErrorKind.REFUSED,
        "check `command` and `entrypoint`: the program must be in the image",
    ),
    (
        r"no space left on device",
        ErrorKind.REFUSED,
        "make room where the engine keeps its data ('docker system prune')",
    ),
)
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), kind, hint) for pattern, kind, hint in _PATTERNS)


def of_answer(status: int, text: str, what: str) -> EngineError:
    """The engine has refused with that HTTP status."""
    text = tidy(text) or f"HTTP status {status}"
    for pattern, kind, hint in _KNOWN:
        if pattern.search(text):
            return EngineError(kind, f"{what}: {text} ({hint})")
    if status == 404 and "image" in text.lower():
        return EngineError(ErrorKind.NO_SUCH_IMAGE, f"{what}: {text} (check name and tag in `image`)")
    return EngineError(ErrorKind.REFUSED, f"{what}: {text}")


def says_not_running(text: str) -> bool:
    """Whether a refusal means that the container has ended."""
    return re.search(_NOT_RUNNING, text) is not None


def of_connection(reason: str, endpoint: str, origin: str) -> EngineError:
    """Nobody answers there."""
    return EngineError(
        ErrorKind.UNAVAILABLE,
        f"no container engine answers at {endpoint} ({origin}): {plain(reason)}; start Docker or Podman, "
        "or set DOCKER_HOST",
    )


def of_silence(what: str, limit: float) -> EngineError:
    """It has accepted the connection and says nothing."""
    return EngineError(
        ErrorKind.TIMEOUT,
        f"{what}: the container engine has not answered for {limit:g} s; it hangs or is overloaded",
    )


def tidy(text: str) -> str:
    """One line, without the layers of "Error response from daemon"."""
    text = " ".join(text.split())
    return re.sub(r"^(Error response from daemon|Error|error): ", "", text)


_REASONS = (
    ("permission denied", "permission denied (are you in the group docker?)"),
    ("connection refused", "connection refused"),
    ("no such file", "there is no such socket"),
    ("cannot find the file", "there is no such pipe"),
    ("reset by peer", "the connection broke"),
    ("connection aborted", "the connection broke"),
    ("broken pipe", "the connection broke"),
    ("name or service not known", "there is no such host"),
)


def plain(reason: str) -> str:
    """What a library's nested exceptions are about."""
    lowered = reason.lower()
    return next((words for part, words in _REASONS if part in lowered), tidy(reason))
