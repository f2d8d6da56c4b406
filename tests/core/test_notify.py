"""sd_notify: what a datagram says, and what follows from it."""

from __future__ import annotations

import pytest

from roost.core.model import NotifyProbe, Probe, ProbeKind, Spec, TcpProbe
from roost.core.notify import Notice, Standing, heard, parse, readiness, speaks, watchdog_microseconds


@pytest.mark.parametrize(
    ("data", "notice"),
    [
        (b"READY=1", Notice(ready=True)),
        (b"READY=1\nSTATUS=serving 4 clients\nMAINPID=12", Notice(ready=True, status="serving 4 clients")),
        (b"WATCHDOG=1\n", Notice(beat=True)),
        (b"WATCHDOG=trigger", Notice(trigger=True)),
        (b"RELOADING=1\nMONOTONIC_USEC=123", Notice(reloading=True)),
        (b"STOPPING=1", Notice(stopping=True)),
        (b"STATUS=", Notice(status="")),
        (b"STATUS=a=b\tc", Notice(status="a=b c")),
        (b"READY=0", Notice()),
        (b"ready=1", Notice()),
        (b"FDSTORE=1\nX_OWN=2", Notice()),
        (b"", Notice()),
        (b"\xff\x00garbage\n=\n\n", Notice()),
    ],
)
def test_what_a_datagram_says(data: bytes, notice: Notice) -> None:
    """sd_notify(3): lines of NAME=value; unknown names are left alone, and rubbish says nothing (P20)."""
    assert parse(data) == notice


def test_a_status_text_is_bounded() -> None:
    """A line for people, however long the datagram."""
    status = parse(b"STATUS=" + b"x" * 4000).status
    assert status is not None and len(status) == 200


@pytest.mark.parametrize(
    ("said", "ready", "words"),
    [
        ([], False, "not sent READY=1 yet"),
        ([b"READY=1"], True, "is ready"),
        ([b"READY=1", b"RELOADING=1"], False, "is reloading"),
        ([b"READY=1", b"RELOADING=1", b"READY=1"], True, "is ready"),
        ([b"READY=1", b"STOPPING=1"], False, "is stopping"),
        ([b"READY=1", b"STOPPING=1", b"READY=1"], False, "is stopping"),
    ],
)
def test_ready_is_what_was_said_last(said: list[bytes], ready: bool, words: str) -> None:
    """READY=1 ends a reload; nothing takes STOPPING=1 back."""
    standing = Standing()
    for data in said:
        standing = heard(standing, parse(data))
    ok, message = readiness(standing)

    assert (ok, words in message) == (ready, True)


def test_the_watchdogs_time_is_that_of_the_liveness_probe() -> None:
    """WATCHDOG_USEC is `period * failure_threshold`; a component without such a probe has none."""
    notify = Probe(handler=NotifyProbe(), period=2.5, failure_threshold=4)
    spec = Spec(name="web", liveness=notify)
    assert (watchdog_microseconds(spec), speaks(spec)) == (10_000_000, True)

    ready = Spec(name="web", readiness=notify, liveness=Probe(handler=TcpProbe(port="1")))
    assert (watchdog_microseconds(ready), speaks(ready)) == (None, True)
    assert not speaks(Spec(name="web", liveness=Probe(handler=TcpProbe(port="1"))))


def test_every_kind_of_probe_may_listen() -> None:
    """One of the three is enough to be given a socket."""
    for kind in ProbeKind:
        assert speaks(Spec(name="web", **{kind.value: Probe(handler=NotifyProbe())}))  # type: ignore[arg-type]
