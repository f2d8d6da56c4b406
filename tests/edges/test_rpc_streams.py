"""Subscriptions: order, slow readers, ends (INTERFACES.md §6, P12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edges.rpc_rig import Peer, Rig, pong, serving, short_folder
from roost.api import types as t
from roost.edges.rpc_server import Limits, Session


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short folder."""
    with short_folder() as found:
        yield found


@pytest.fixture
def rig(folder: Path) -> Iterator[Rig]:
    """A server whose clients may leave little unread."""
    with serving(folder / "roost.sock", Limits(unread=16_384, stream=32_768)) as found:
        yield found


@pytest.fixture
def peer(rig: Rig) -> Iterator[Peer]:
    """One client of it."""
    with rig.peer() as found:
        yield found


def event(number: int, size: int = 0) -> t.Event:
    return t.Event(seq=number, at="now", kind="sample", message="x" * size)


def test_the_answer_comes_before_the_stream(peer: Peer) -> None:
    """What a handler sends while it subscribes follows the answer that names the subscription."""
    peer.send({"jsonrpc": "2.0", "method": "events.stream", "id": 1})
    assert peer.receive() == {"jsonrpc": "2.0", "result": {"subscription": "events-1"}, "id": 1}
    notice = peer.receive()
    assert (notice["method"], notice["params"]["subscription"]) == ("events.event", "events-1")
    assert notice["params"]["seq"] == 0


def test_in_a_batch_the_answer_comes_first_too(peer: Peer) -> None:
    """Where the answer of a subscription waits for the rest of its batch, so does the stream."""
    peer.send(
        [
            {"jsonrpc": "2.0", "method": "events.stream", "id": 1},
            {"jsonrpc": "2.0", "method": "component.why", "params": ["a"], "id": 2},
        ]
    )
    assert [one["id"] for one in peer.receive()] == [1, 2]
    assert peer.receive()["method"] == "events.event"


def test_a_slow_reader_is_told_what_it_missed(rig: Rig, peer: Peer) -> None:
    """Nothing waits for a slow reader; what it missed is counted exactly, and told when it reads again."""
    peer.ask("events.stream")
    total = 3000

    def flood() -> bool:
        (stream,) = rig.sample.streams
        sent = [stream.send("events.event", event(number, 1000)) for number in range(1, total + 1)]
        return all(sent)

    assert rig.call(flood) is False
    with rig.peer() as other:
        assert other.ask("ping") == pong(1)
    seen, missed = 0, 0
    while seen + missed < total + 1:
        params = peer.receive()["params"]
        missed += params.get("lagged", 0)
        seen += "seq" in params
    assert seen + missed == total + 1
    assert missed > 0
    rig.wait(lambda: rig.sample.drained == 1, "the producer is told that there is room")
    rig.call(lambda: rig.sample.streams[0].send("events.event", event(-1)))
    last = peer.receive()["params"]
    assert (last["seq"], "lagged" in last) == (-1, False)


def test_a_producer_may_wait_for_its_reader(folder: Path) -> None:
    """With `drained` a handler sends any amount, and nothing is dropped (exec)."""

    async def chatter(_params: t.NameParams, session: Session) -> dict[str, int]:
        dropped = 0
        for number in range(500):
            await session.drained()
            dropped += not session.progress({"n": number, "text": "x" * 4000})
        return {"dropped": dropped}

    limits = Limits(unread=16_384, stream=32_768)
    with serving(folder / "exec.sock", limits, {"component.why": chatter}) as rig, rig.peer() as peer:
        peer.send({"jsonrpc": "2.0", "method": "component.why", "params": ["a"], "id": 7})
        for number in range(500):
            params = peer.receive()["params"]
            assert (params["id"], params["n"]) == (7, number)
        assert peer.receive() == {"jsonrpc": "2.0", "result": {"dropped": 0}, "id": 7}


def test_nobody_to_tell_is_no_reason_to_wait(folder: Path) -> None:
    """Without an id, or after the client is gone, progress goes nowhere and holds nothing up."""
    told: list[bool] = []

    async def chatter(_params: t.NameParams, session: Session) -> None:
        try:
            while not session.progress({"text": "x"}) or len(told) < 3:
                await session.drained()
                told.append(True)
        finally:
            told.append(session.progress({"text": "x"}))

    with serving(folder / "nobody.sock", None, {"component.why": chatter}) as rig, rig.peer() as peer:
        peer.send({"jsonrpc": "2.0", "method": "component.why", "params": ["a"]})
        assert peer.ask("ping") == pong(1)
        rig.wait(lambda: told == [True] * 4, "the handler has ended")


def test_unsubscribe_ends_a_stream(rig: Rig, peer: Peer) -> None:
    """After `unsubscribe` nothing more comes, the producer knows, and doing it again is an error."""
    peer.ask("events.stream")
    assert peer.ask("unsubscribe", ["events-1"])["result"] == {"unsubscribed": True}
    assert rig.sample.closed == ["events-1"]
    assert rig.call(lambda: rig.sample.streams[0].send("events.event", event(5))) is False
    assert peer.ask("unsubscribe", ["events-1"])["error"]["data"]["kind"] == "conflict"


def test_streams_end_with_their_connection(rig: Rig, peer: Peer) -> None:
    """When the client is gone its subscriptions are closed."""
    peer.ask("events.stream")
    peer.ask("events.stream")
    peer.socket.close()
    rig.wait(lambda: sorted(rig.sample.closed) == ["events-1", "events-2"], "both are closed")


def test_a_connection_has_a_limit_of_streams(peer: Peer) -> None:
    """The 65th subscription of a connection is refused."""
    answers: list[Any] = [peer.ask("events.stream", identity=number) for number in range(65)]
    assert ["error" in answer for answer in answers] == [False] * 64 + [True]


def test_a_call_that_fails_leaves_no_stream(folder: Path) -> None:
    """A handler that subscribes and then fails: the subscription is closed and nothing of it is sent."""

    def broken(_params: t.EventFollow, session: Session) -> t.Subscribed:
        session.subscribe("events").send("events.event", event(1))
        raise ValueError("no")

    with serving(folder / "broken.sock", None, {"events.stream": broken}) as rig, rig.peer() as peer:
        assert peer.ask("events.stream")["error"]["code"] == -32603
        assert peer.ask("ping", identity=2) == pong(2)
        assert all(not one.subscriptions for one in rig.server._connections)
