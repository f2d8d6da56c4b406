"""The engine's answers as values of ours.  Pure; whatever is missing or strange in an answer harms nothing."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from . import podman
from .api import (
    ContainerSeen,
    ContainerUsage,
    EngineSeen,
    Health,
    ImageSeen,
    NetworkSeen,
    Publish,
    Status,
)

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?"
)  # RFC 3339, and what Podman makes of it
_PODMANS_WORDS = {"stopping": Status.RUNNING, "stopped": Status.EXITED}
"""Of what is on its way to an end, and of what has ended and is not cleared up yet."""
_Word = TypeVar("_Word", Status, Health)
_OUTPUT = 4096  # bytes of a health check's output


def time_ns(text: str) -> int | None:
    """Nanoseconds since the epoch; None: no time, or Go's year 1 that stands for none."""
    match = _TIME.match(text)
    if match is None or match[1] == "0001":
        return None
    seconds = calendar.timegm(tuple(int(match[n]) for n in range(1, 7)))
    zone = match[8]
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "")
        offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        seconds += offset if zone[0] == "-" else -offset
    return seconds * 1_000_000_000 + int((match[7] or "").ljust(9, "0"))


def container(found: Mapping[str, Any], is_podman: bool = False) -> ContainerSeen:
    """From GET /containers/ID/json."""
    state = _map(found.get("State"))
    config = _map(found.get("Config"))
    check = _map(state.get("Health") or state.get("Healthcheck"))
    word = state.get("Status")
    status = _PODMANS_WORDS.get(str(word)) or _one_of(Status, word, Status.CREATED)
    image = str(config.get("Image", ""))
    ended = status in (Status.EXITED, Status.DEAD, Status.REMOVING)
    failed_to_start = status is Status.CREATED and bool(state.get("Error"))
    return ContainerSeen(
        id=str(found.get("Id", "")),
        name=str(found.get("Name", "")).lstrip("/"),
        labels=_labels(config.get("Labels")),
        image=podman.ordered(image) if is_podman else image,
        image_id=str(found.get("Image", "")),
        status=status,
        exit_code=int(state.get("ExitCode") or 0) if ended or failed_to_start else None,
        oom_killed=bool(state.get("OOMKilled")),
        error=str(state.get("Error") or ""),
        created_at=_seconds(found.get("Created")),
        started_at=_seconds(state.get("StartedAt")),
        finished_at=_seconds(state.get("FinishedAt")) if ended else None,
        health=_one_of(Health, check.get("Status"), Health.NONE),
        health_output=_last_output(check),
        health_failures=int(check.get("FailingStreak") or 0),
        pid=int(state.get("Pid") or 0) or None,
        tty=bool(config.get("Tty")),
        ports=_published(_map(found.get("NetworkSettings")).get("Ports")),
        restart_count=int(found.get("RestartCount") or 0),
    )


def image(found: Mapping[str, Any]) -> ImageSeen:
    """From GET /images/NAME/json.

    Podman gives an image that was made here and then pulled all its digests under each of its names: which one
    the registry has is not known then.
    """
    known = {str(each).rpartition("@")[2] for each in found.get("RepoDigests") or ()}
    identity = str(found.get("Id", ""))
    if identity and ":" not in identity:
        identity = f"sha256:{identity}"
    return ImageSeen(id=identity, digest=known.pop() if len(known) == 1 else None)


def network(found: Mapping[str, Any]) -> NetworkSeen:
    """From GET /networks."""
    return NetworkSeen(
        id=str(found.get("Id", "")), name=str(found.get("Name", "")), labels=_labels(found.get("Labels"))
    )


def engine(found: Mapping[str, Any], is_podman: bool, endpoint: str) -> EngineSeen:
    """From GET /version."""
    return EngineSeen(
        name="Podman" if is_podman else "Docker",
        version=str(found.get("Version", "")),
        api_version=str(found.get("ApiVersion", "")),
        endpoint=endpoint,
    )


class CpuMark:
    """What a container had used at a time; two of them make a share."""

    __slots__ = ("at_ns", "used_ns")

    def __init__(self, used_ns: int, at_ns: int) -> None:
        self.used_ns = used_ns
        self.at_ns = at_ns


def usage(found: Mapping[str, Any], before: CpuMark | None) -> tuple[ContainerUsage, CpuMark | None]:
    """From GET /containers/ID/stats: what it uses, and the mark for the next time.

    Memory is without the inactive part of the file cache, as `docker stats` shows it.
    """
    memory = _map(found.get("memory_stats"))
    details = _map(memory.get("stats"))
    used = memory.get("usage")
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    rss = max(0, int(used) - int(cache or 0)) if used else None
    at_ns = time_ns(str(found.get("read", "")))
    total = _map(_map(found.get("cpu_stats")).get("cpu_usage")).get("total_usage")
    if at_ns is None or total is None:
        return ContainerUsage(rss_bytes=rss), None
    mark = CpuMark(int(total), at_ns)
    share = None
    if before is not None and mark.at_ns > before.at_ns and mark.used_ns >= before.used_ns:
        share = round(100 * (mark.used_ns - before.used_ns) / (mark.at_ns - before.at_ns), 1)
    return ContainerUsage(cpu_percent=share, rss_bytes=rss), mark


def health_of(action: str) -> Health | None:
    """`healthy` of the event "health_status: healthy"."""
    _, _, word = action.partition(":")
    return _one_of(Health, word.strip(), Health.NONE) if word else None


def _last_output(check: Mapping[str, Any]) -> str:
    entries = check.get("Log") or ()
    if not entries:
        return ""
    return str(_map(entries[-1]).get("Output", ""))[:_OUTPUT].strip()


def _published(found: object) -> tuple[Publish, ...]:
    ports = []
    for key, bindings in _map(found).items():
        number, _, protocol = key.partition("/")
        for binding in bindings or ():
            if number.isdigit() and str(binding.get("HostPort", "")).isdigit():
                ports.append(
                    Publish(
                        container=int(number),
                        host=int(binding["HostPort"]),
                        address=str(binding.get("HostIp") or "0.0.0.0"),
                        protocol=protocol or "tcp",
                    )
                )
    return tuple(sorted(ports, key=lambda port: (port.container, port.protocol, port.address)))


def _map(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _labels(found: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in _map(found).items()}


def _seconds(text: object) -> float | None:
    ns = time_ns(str(text or ""))
    return None if ns is None else ns / 1e9


def _one_of(kind: type[_Word], word: object, otherwise: _Word) -> _Word:
    try:
        return kind(str(word))
    except ValueError:
        return otherwise
