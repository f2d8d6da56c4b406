"""What the engine's own HEALTHCHECK of a container means for a probe.  Pure."""

from __future__ import annotations

from msgspec import Struct

from .model import ProbeKind

_HEALTHY = "healthy"
_STARTING = "starting"


class Checkup(Struct, frozen=True, kw_only=True):
    """What the engine says; `known` is false where nothing is checked.  `said`: the check's last line."""

    known: bool = False
    state: str = "none"
    said: str = ""


def judge(kind: ProbeKind, checkup: Checkup) -> tuple[bool, str]:
    """Whether the probe passes, and why (S16).  What is still starting is not ready, and not yet at fault."""
    if not checkup.known:
        return (
            False,
            "the container has no health check; give it one with `healthcheck`, or use another probe",
        )
    if checkup.state == _HEALTHY:
        return True, "the engine says healthy"
    if checkup.state == _STARTING:
        return kind is ProbeKind.LIVENESS, "its health check has not passed yet" + _quoted(checkup.said)
    return False, f"the engine says {checkup.state}" + _quoted(checkup.said)


def _quoted(said: str) -> str:
    return f": {said}" if said else ""
