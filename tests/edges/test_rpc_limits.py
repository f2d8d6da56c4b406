"""What one client may use, and that the others notice nothing (INTERFACES.md §6, S47, P12, P20)."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edges.rpc_rig import Peer, Rig, ping, pong, serving, short_folder
from roost.api import types as t
from roost.edges.rpc_server import Limits, Session

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short folder."""
    with short_folder() as found:
        yield found


@pytest.fixture
def rig(folder: Path) -> Iterator[Rig]:
    """A server with the limits of the contract."""
    with serving(folder / "roost.sock") as found:
        yield found


def padded_ping(size: int) -> bytes:
    """A ping of exactly `size` bytes."""
    line = json.dumps(ping(1)).encode()
    return line + b" " * (size - len(line))


def test_a_message_may_have_a_mebibyte_and_no_more(rig: Rig) -> None:
    """One byte over 1 MiB: id null, -32600, `too_large`, and the connection goes on after the newline."""
    with rig.peer() as peer:
        peer.send(padded_ping(MEBIBYTE))
        assert peer.receive() == pong(1)
        peer.send(padded_ping(MEBIBYTE + 1))
        answer = peer.receive()
        assert (answer["id"], answer["error"]["code"]) == (None, -32600)
        assert answer["error"]["data"]["kind"] == "too_large"
        assert peer.ask("ping", identity=2) == pong(2)


def test_an_endless_message_is_refused_once_and_forgotten(rig: Rig) -> None:
    """Five MiB without a newline get one error, while they come, and are not kept."""
    with rig.peer() as peer:
        for _ in range(5):
            peer.socket.sendall(b"x" * MEBIBYTE)
        assert peer.receive()["error"]["data"]["kind"] == "too_large"
        held = rig.call(lambda: max(len(one._buffer) for one in rig.server._connections))
        assert held <= MEBIBYTE + 1
        peer.send(b"the end of it", ping(3))
        assert peer.receive() == pong(3)


def test_sixty_four_calls_may_be_in_flight(rig: Rig) -> None:
    """The 65th call that waits is answered with `too_many_requests`; quick ones and other clients go on."""
    with rig.peer() as peer, rig.peer() as other:
        for number in range(65):
            peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]], "id": number})
        answers = [answer for answer in (peer.receive() for _ in range(65)) if "error" in answer]
        assert [(one["id"], one["error"]["data"]["kind"]) for one in answers] == [(64, "too_many_requests")]
        assert peer.ask("ping", identity="p") == pong("p")
        assert other.ask("component.why", ["a"])["result"]["component"] == "a"
        rig.call(rig.sample.release.set)
        assert {peer.receive()["id"] for _ in range(64)} == set(range(64))


def test_too_many_connections_are_told_so(folder: Path) -> None:
    """One connection too many gets an error and its end; the others go on; a place that is free is given."""
    with serving(folder / "few.sock", Limits(connections=3)) as rig:
        peers = [rig.peer() for _ in range(3)]
        assert [peer.ask("ping") for peer in peers] == [pong(1)] * 3
        with rig.peer() as refused:
            answer = refused.receive()
            assert (answer["id"], answer["error"]["data"]["kind"]) == (None, "too_many_connections")
            assert refused.receive() is None
        assert [peer.ask("ping") for peer in peers] == [pong(1)] * 3
        peers.pop().socket.close()
        rig.wait(lambda: rig.server.stats.connections == 2, "the place is free")
        with rig.peer() as admitted:
            assert admitted.ask("ping") == pong(1)
        for peer in peers:
            peer.socket.close()


def test_who_comes_while_it_ends_is_told_so(folder: Path) -> None:
    """Not that there are too many: a follower of logs waits for the next daemon only if this one is ending."""
    with serving(folder / "ending.sock", Limits(connections=3)) as rig:
        rig.server._closing = True
        with rig.peer() as refused:
            assert refused.receive()["error"]["data"]["kind"] == "shutting_down"
        rig.server._closing = False


def test_who_does_not_read_is_not_read(rig: Rig) -> None:
    """Answers that nobody takes stop their own client alone, and all arrive once it reads (P12)."""
    with rig.peer() as lazy, rig.peer() as other:
        calls = [
            {"jsonrpc": "2.0", "method": "logs.query", "params": {"lines": 100_000}, "id": number}
            for number in range(200)
        ]
        lazy.send(b"\n".join(json.dumps(one).encode() for one in calls))
        rig.wait(lambda: any(one._choked for one in rig.server._connections), "the server stops reading")
        assert other.ask("ping") == pong(1)
        assert rig.server.requests < 50, "it went on carrying out what nobody reads"
        assert [lazy.receive()["id"] for _ in range(200)] == list(range(200))


def test_a_client_that_lets_too_much_pile_up_is_cut_off(folder: Path) -> None:
    """Answers to calls in flight, past the bound of a connection: it is ended, with a word in the log."""
    release = asyncio.Event()

    async def big(_params: t.NameParams, _session: Session) -> dict[str, str]:
        await release.wait()
        return {"text": "x" * 300_000}

    limits = Limits(output=MEBIBYTE)
    with serving(folder / "cut.sock", limits, {"component.why": big}) as rig, rig.peer() as lazy:
        for number in range(40):
            lazy.send({"jsonrpc": "2.0", "method": "component.why", "params": ["a"], "id": number})
        rig.wait(
            lambda: any(len(one.tasks) == 40 for one in rig.server._connections), "40 calls are in flight"
        )
        rig.call(release.set)
        rig.wait(lambda: rig.server.stats.connections == 0, "it is cut off")
        assert any("does not read" in line for line in rig.log)
        with rig.peer() as other:
            assert other.ask("ping") == pong(1)


def test_the_answer_to_a_batch_is_bounded(folder: Path) -> None:
    """Past the bound the other calls of a batch are not carried out, and each is told so."""
    with serving(folder / "batch.sock", Limits(batch=10_000)) as rig, rig.peer() as peer:
        calls = [
            {"jsonrpc": "2.0", "method": "logs.query", "params": {"lines": 3000}, "id": number}
            for number in range(20)
        ]
        peer.send(calls)
        answers = {answer["id"]: answer for answer in peer.receive()}
        assert set(answers) == set(range(20))
        refused = [one for one, answer in answers.items() if "error" in answer]
        assert refused == list(range(4, 20))
        assert rig.server.requests == 4


def test_a_flood_starves_nobody(rig: Rig) -> None:
    """While one client pipelines 100,000 pings, another is answered in between (P12, P22)."""
    count = 100_000
    flooder = rig.peer()
    line = json.dumps(ping(1)).encode() + b"\n"
    answered = threading.Event()
    sent = seen = 0

    def send() -> None:
        nonlocal sent
        while sent < count or not answered.is_set():  # no pause before the other has been answered
            flooder.socket.sendall(line * 1000)
            sent += 1000
        flooder.socket.shutdown(socket.SHUT_WR)

    def read() -> None:
        nonlocal seen
        while data := flooder.socket.recv(MEBIBYTE):
            seen += data.count(b"\n")

    sender, reader = threading.Thread(target=send), threading.Thread(target=read)
    with flooder, rig.peer() as other:
        sender.start()
        reader.start()
        try:
            rig.wait(lambda: rig.server.requests > 100, "the flood has begun")
            assert [other.ask("ping", identity=n) for n in range(3)] == [pong(n) for n in range(3)]
        finally:
            answered.set()
            sender.join()
            reader.join()
    assert seen == sent >= count


@pytest.fixture(scope="module")
def shared_rig(folder: Path) -> Iterator[Rig]:
    """One server for all examples of the fuzz test."""
    with serving(folder / "fuzz.sock") as found:
        yield found


_RUBBISH = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b""))
_ODD = st.sampled_from(
    [
        b"[]",
        b"{}",
        b"[1]",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"2.0","method":"x"}',
        b"[[[[",
        b"\xff",
        b" ",
        b"null",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(_RUBBISH | _ODD | st.just(None), max_size=12),
    cuts=st.lists(st.integers(min_value=1, max_value=40), max_size=30),
)
def test_no_bytes_disturb_the_server(shared_rig: Rig, lines: list[bytes | None], cuts: list[int]) -> None:
    """Rubbish in any pieces: every ping among it is answered, in order, and so is the next (200 examples)."""
    pings = 0
    data = b""
    for line in lines:
        if line is None:
            data += json.dumps(ping(pings)).encode() + b"\n"
            pings += 1
        else:
            data += line + b"\n"
    data += json.dumps(ping("last")).encode() + b"\n"
    with shared_rig.peer() as peer:
        for cut in cuts:
            peer.socket.sendall(data[:cut])
            data = data[cut:]
        peer.socket.sendall(data)
        answered = _answers_until_last(peer)
    assert answered == [*range(pings), "last"]
    assert shared_rig.log == []


def _answers_until_last(peer: Peer) -> list[object]:
    """The ids of the pings that were answered; every other answer must be an error."""
    found: list[object] = []
    while not found or found[-1] != "last":
        answer = peer.receive()
        for one in answer if isinstance(answer, list) else [answer]:
            if one.get("result") == {"pong": True}:
                found.append(one["id"])
            else:
                assert -32700 <= one["error"]["code"] <= -32600
    return found
