"""systemd's sd_notify protocol: what a service says of itself, and what follows from it.  Pure.

A datagram holds lines `NAME=value` (sd_notify(3)).  READY, STATUS, WATCHDOG, RELOADING and STOPPING mean
here what they mean to systemd; every other name is left alone, as the protocol wishes.

The watchdog: systemd restarts a service that has not said WATCHDOG=1 for WatchdogSec.  Here that time is
`period * failure_threshold` of the liveness probe, which looks once a period whether it has spoken since.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .model import NotifyProbe, Probe, ProbeKind, Spec

_TEXT_ROOM = 200


class Notice(Struct, frozen=True, kw_only=True):
    """What one datagram says."""

    ready: bool = False
    reloading: bool = False
    stopping: bool = False
    beat: bool = False
    """WATCHDOG=1."""
    trigger: bool = False
    """WATCHDOG=trigger: it knows by itself that it has to be restarted."""
    status: str | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """What a run has said of itself so far."""

    ready: bool = False
    reloading: bool = False
    stopping: bool = False
    beats: int = 0


def parse(data: bytes) -> Notice:
    """What a datagram says; what is not understood is left alone."""
    said: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").split("\n"):
        name, equals, value = line.partition("=")
        if equals:
            said[name] = value
    status = said.get("STATUS")
    return Notice(
        ready=said.get("READY") == "1",
        reloading=said.get("RELOADING") == "1",
        stopping=said.get("STOPPING") == "1",
        beat=said.get("WATCHDOG") == "1",
        trigger=said.get("WATCHDOG") == "trigger",
        status=None if status is None else _shown(status),
    )


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_ROOM else line[: _TEXT_ROOM - 1] + "…"


def heard(standing: Standing, notice: Notice) -> Standing:
    """The standing after one more datagram.  READY=1 ends a reload; nothing takes STOPPING=1 back."""
    if notice.stopping:
        standing = replace(standing, stopping=True)
    if notice.reloading:
        standing = replace(standing, reloading=True)
    if notice.ready:
        standing = replace(standing, ready=True, reloading=False)
    return replace(standing, beats=standing.beats + 1) if notice.beat else standing


def readiness(standing: Standing) -> tuple[bool, str]:
    """Whether it says that it is ready, as a sentence."""
    if standing.stopping:
        return False, "it says that it is stopping (STOPPING=1)"
    if standing.reloading:
        return False, "it says that it is reloading (RELOADING=1)"
    if standing.ready:
        return True, "it says that it is ready (READY=1)"
    return False, "it has not sent READY=1 yet"


def speaks(spec: Spec) -> bool:
    """Whether one of its probes listens to what it says."""
    return any(isinstance(probe.handler, NotifyProbe) for probe in spec.probes().values())


def listening(spec: Spec, kind: ProbeKind) -> Probe | None:
    """The probe of this kind, if it listens to what the component says."""
    probe = spec.probes().get(kind)
    return probe if probe is not None and isinstance(probe.handler, NotifyProbe) else None


def watchdog_microseconds(spec: Spec) -> int | None:
    """WATCHDOG_USEC for the component; None without such a liveness probe."""
    probe = listening(spec, ProbeKind.LIVENESS)
    return None if probe is None else round(probe.period * probe.failure_threshold * 1_000_000)
