"""What the keeper holds for the next daemon."""

from __future__ import annotations

import os

import pytest

from keeper.harness import House, WireFailed
from roost.keeper.kept import PATIENCE, Kept
from roost.keeper.timers import Timers
from roost.platform.inbox import CARRIES_DESCRIPTORS

pytestmark = pytest.mark.skipif(not CARRIES_DESCRIPTORS, reason="no descriptors can be handed over here")


def test_the_next_daemon_is_given_what_was_kept(house: House) -> None:
    """P1: by its name, and it is the same open thing: what was written to it meanwhile is in it."""
    client = house.start()
    reading, writing = os.pipe()
    other, unused = os.pipe()
    client.give("keep", [unused], name="web")
    client.give("keep", [reading], name="web")
    client.give("keep", [other], name="db")
    client.call("keep", name="db")
    client.close()
    os.close(reading)
    os.write(writing, b"meanwhile")
    successor = house.connect()
    event = successor.event("kept")
    assert (event["name"], event["fds"]) == ("web", 1)
    assert os.read(successor.fds[-1], 100) == b"meanwhile"
    successor.settle(0.1)
    kept = [one["name"] for one in successor.events if one["event"] == "kept"]
    assert kept == ["web"], "what was let go is not given"
    for fd in (writing, other, unused):
        os.close(fd)


def test_what_is_said_to_come_must_come(house: House) -> None:
    """A frame that promises descriptors and brings none is refused."""
    client = house.start()
    with pytest.raises(WireFailed, match="bad_request"):
        client.call("keep", name="web", fds=1)


def test_the_next_daemon_is_told_what_was_remembered(house: House) -> None:
    """P1, P19: texts by name, the last of each; in the keeper's memory alone."""
    client = house.start()
    assert client.hello["remembered"] == {}
    client.call("remember", name="roost.yaml", text="old")
    client.call("remember", name="roost.yaml", text="a: 'ünï'")
    client.close()
    assert house.connect().hello["remembered"] == {"roost.yaml": "a: 'ünï'"}
    with pytest.raises(WireFailed, match="bad_request"):
        house.connect().call("remember", name="roost.yaml", text=5)


def test_without_a_daemon_nothing_is_kept_for_ever() -> None:
    """A socket that nobody reads blocks its writers once it is full: after ten seconds they get an error instead."""
    for there, left in ((True, 1), (False, 0)):
        timers = Timers()
        kept = Kept(timers, lambda there=there: there)
        reading, writing = os.pipe()
        kept.keep("web", [reading])
        kept.daemon_lost()
        due = timers.delay(0.0)
        assert due is not None
        timers.run_due(due + PATIENCE)
        assert len(kept.everything()) == left
        kept.keep("web", [])
        os.close(writing)
