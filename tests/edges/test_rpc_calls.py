"""The server carries out calls and answers them, many clients at once (S37–S44, P20)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edges.rpc_rig import Peer, Rig, ping, pong, serving, short_folder
from roost.edges.rpc_server import RpcServer


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short folder."""
    with short_folder() as found:
        yield found


@pytest.fixture
def rig(folder: Path) -> Iterator[Rig]:
    """A server of sample methods."""
    with serving(folder / "roost.sock") as found:
        yield found


@pytest.fixture
def peer(rig: Rig) -> Iterator[Peer]:
    """One client of it."""
    with rig.peer() as found:
        yield found


def test_ping_answers_pong(peer: Peer) -> None:
    """`ping` → `{"pong": true}` (S40)."""
    assert peer.ask("ping") == pong(1)


def test_a_call_reaches_its_handler(peer: Peer) -> None:
    """Parameters by name and by position, a handler that answers at once and one that waits."""
    assert peer.ask("component.get", {"name": "api"})["result"] == {"name": "api"}
    assert peer.ask("component.get", ["api"])["result"] == {"name": "api"}
    assert peer.ask("component.why", ["api"])["result"]["component"] == "api"


@pytest.mark.parametrize(
    ("line", "code", "kind", "identity"),
    [
        (b"nonsense", -32700, "parse_error", None),
        (b"{}", -32600, "invalid_request", None),
        (b'{"jsonrpc":"2.0","method":"component.gte","id":1}', -32601, "no_such_method", 1),
        (b'{"jsonrpc":"2.0","method":"component.get","id":1}', -32602, "invalid_params", 1),
        (b'{"jsonrpc":"2.0","method":"component.signal","params":["a"],"id":1}', -32603, "internal", 1),
        (
            b'{"jsonrpc":"2.0","method":"component.signal","params":["a","USR1"],"id":1}',
            -32603,
            "internal",
            1,
        ),
        (b'{"jsonrpc":"2.0","method":"component.stop","params":[["a"]],"id":1}', -32603, "internal", 1),
        (
            b'{"jsonrpc":"2.0","method":"component.get","params":["nobody"],"id":1}',
            -32001,
            "no_such_component",
            1,
        ),
    ],
)
def test_each_error_has_its_code(peer: Peer, line: bytes, code: int, kind: str, identity: int | None) -> None:
    """Parse, request, method, parameter, internal errors and ours; the connection goes on (S38)."""
    peer.send(line)
    answer = peer.receive()
    assert (answer["error"]["code"], answer["error"]["data"]["kind"]) == (code, kind)
    assert answer["id"] == identity
    assert peer.ask("ping", identity=9) == pong(9)


def test_a_defect_is_logged_and_counted_but_not_told(rig: Rig, peer: Peer) -> None:
    """What a handler raises stays in the daemon's log; the client learns that it happened (P20, S60)."""
    answer = peer.ask("component.stop", [["a"]])
    assert "secret" not in str(answer)
    assert "RuntimeError: a secret detail" in rig.log[0]
    assert "Traceback" in rig.log[0]
    assert rig.call(lambda: rig.server.stats.errors_last_hour) == 1


def test_lines_come_in_pieces_and_several_at_once(peer: Peer) -> None:
    """A message may arrive byte by byte, or with others in one packet (S37)."""
    import json

    for byte in json.dumps(ping(1)).encode() + b"\n":
        peer.socket.sendall(bytes([byte]))
    assert peer.receive() == pong(1)
    peer.socket.sendall(b"\n \r\n".join(json.dumps(ping(n)).encode() for n in range(50)) + b"\n")
    assert [peer.receive() for _ in range(50)] == [pong(n) for n in range(50)]


def test_a_notification_is_carried_out_and_not_answered(rig: Rig, peer: Peer) -> None:
    """A call without an id gets no answer, not even an error."""
    peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]]})
    peer.send({"jsonrpc": "2.0", "method": "component.get", "params": 5 * [0]})
    peer.send({"jsonrpc": "2.0", "method": "nobody.knows"})
    assert peer.ask("ping") == pong(1)
    rig.wait(lambda: rig.sample.waiting == 1, "the notification is carried out")
    rig.call(rig.sample.release.set)
    assert peer.ask("ping", identity=2) == pong(2)


def test_a_batch_is_answered_as_one(peer: Peer) -> None:
    """One array with an answer for each request, whether its handler waits or not; none for notifications."""
    peer.send(
        [
            ping(1),
            {"jsonrpc": "2.0", "method": "component.why", "params": ["a"], "id": 2},
            {"jsonrpc": "2.0", "method": "ping"},
            7,
            {"jsonrpc": "2.0", "method": "component.get", "params": ["a"], "id": 3},
        ]
    )
    answers = {answer["id"]: answer for answer in peer.receive()}
    assert set(answers) == {1, 2, 3, None}
    assert answers[1] == pong(1)
    assert answers[2]["result"]["component"] == "a"
    assert answers[None]["error"]["code"] == -32600
    peer.send([{"jsonrpc": "2.0", "method": "ping"}] * 3)
    assert peer.ask("ping", identity=4) == pong(4)


def test_a_quick_call_overtakes_a_slow_one(rig: Rig, peer: Peer) -> None:
    """While one call waits, others on the same connection are answered (P12)."""
    peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]], "id": "slow"})
    assert peer.receive() == {
        "jsonrpc": "2.0",
        "method": "progress",
        "params": {"id": "slow", "names": ["a"]},
    }
    assert peer.ask("ping") == pong(1)
    rig.call(rig.sample.release.set)
    assert peer.receive() == {"jsonrpc": "2.0", "result": {"components": [], "warnings": []}, "id": "slow"}


def test_a_call_ends_with_its_client(rig: Rig, peer: Peer) -> None:
    """When the client is gone, what waits for it is cancelled and `on_close` is called, once."""
    peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]], "id": 1})
    peer.receive()
    rig.call(lambda: next(iter(rig.server._connections)).abort())
    rig.wait(lambda: rig.sample.cancelled == 1, "the waiting call is cancelled")
    assert rig.sample.closed == ["a"]
    assert rig.server.stats.connections == 0


def test_who_stops_sending_still_gets_the_answers(rig: Rig, peer: Peer) -> None:
    """A client may close its sending side and read on, the last newline forgotten (as with `nc`)."""
    import json
    import socket

    peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]], "id": 1})
    peer.socket.sendall(json.dumps(ping(2)).encode())
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.receive()["method"] == "progress"
    assert peer.receive() == pong(2)
    assert rig.sample.closed == []
    rig.call(rig.sample.release.set)
    assert peer.receive()["id"] == 1
    assert peer.receive() is None


def test_who_is_gone_is_noticed_at_once_and_what_he_asked_is_done(rig: Rig) -> None:
    """A client that is killed while its call is silent: `on_close` is called, once; the call itself goes on."""
    with rig.peer() as peer:
        peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]], "id": 1})
        peer.receive()
    rig.wait(lambda: rig.sample.closed == ["a"], "its end is told")
    assert rig.sample.cancelled == 0
    rig.call(rig.sample.release.set)
    rig.wait(lambda: rig.server.stats.connections == 0, "the connection is closed")
    assert rig.sample.closed == ["a"]


def test_fifty_clients_get_their_own_answers(rig: Rig) -> None:
    """Fifty connections, each with its own ids and names, get exactly their own answers (S42)."""
    wrong: list[object] = []

    def client(number: int) -> None:
        with rig.peer() as peer:
            for turn in range(40):
                identity = f"{number}-{turn}"
                answer = peer.ask("component.get", [identity], identity)
                if answer != {"jsonrpc": "2.0", "result": {"name": identity}, "id": identity}:
                    wrong.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert rig.server.stats.requests == 50 * 40


def test_discover_describes_what_is_offered(peer: Peer) -> None:
    """rpc.discover lists the methods of this server, and no other (P16)."""
    names = {entry["name"] for entry in peer.ask("rpc.discover")["result"]["methods"]}
    assert names == {
        "ping",
        "rpc.discover",
        "unsubscribe",
        "component.get",
        "component.why",
        "component.start",
        "component.stop",
        "component.signal",
        "events.stream",
        "logs.query",
    }


def test_a_handler_without_a_row_in_the_table_is_refused() -> None:
    """A server cannot offer what the table does not describe."""
    with pytest.raises(ValueError, match="component\\.explode"):
        RpcServer("unix:/x", {"component.explode": lambda _p, _s: None}, log=print, now=lambda: 0.0)


def test_the_end_is_orderly(folder: Path) -> None:
    """At the end calls in flight are told `shutting_down`, what was sent arrives, and the file is gone."""
    with serving(folder / "end.sock") as rig:
        peer = rig.peer()
        peer.send({"jsonrpc": "2.0", "method": "component.start", "params": [["a"]], "id": 1})
        assert peer.receive()["method"] == "progress"
        rig.wait(lambda: rig.sample.waiting == 1, "the call waits")
    with peer:
        assert peer.receive()["error"]["data"]["kind"] == "shutting_down"
        assert peer.receive() is None
    assert not (folder / "end.sock").exists()
