"""The engine's HEALTHCHECK as a probe."""

from __future__ import annotations

import pytest

from roost.core.checkup import Checkup, judge
from roost.core.model import ProbeKind


@pytest.mark.parametrize(
    ("state", "kind", "ok"),
    [
        ("healthy", ProbeKind.READINESS, True),
        ("unhealthy", ProbeKind.READINESS, False),
        ("starting", ProbeKind.READINESS, False),
        ("starting", ProbeKind.STARTUP, False),
        ("starting", ProbeKind.LIVENESS, True),
        ("unhealthy", ProbeKind.LIVENESS, False),
    ],
)
def test_what_the_engine_says_decides(state: str, kind: ProbeKind, ok: bool) -> None:
    """S19: healthy passes; one that is still starting is not ready, but nothing to restart."""
    passed, message = judge(kind, Checkup(known=True, state=state, said="no route"))
    assert passed is ok
    assert message.endswith("no route") is not (state == "healthy")


def test_a_container_without_a_check_says_what_to_do() -> None:
    """S16: the probe names the missing key."""
    assert judge(ProbeKind.READINESS, Checkup()) == (
        False,
        "the container has no health check; give it one with `healthcheck`, or use another probe",
    )
