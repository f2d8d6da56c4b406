"""`python asking.py KIND ADDRESS TIMES IDLE`: asks a manager's own interface, and prints its times as JSON.

KIND is roost (JSON-RPC over a Unix socket), supervisor (XML-RPC over HTTP over one) or circus (JSON over ZeroMQ,
for which this is run by a Python that has it).  The question is the cheapest that each has.  IDLE further
connections stay open meanwhile.  Stands alone: it imports nothing of the benchmark.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Protocol

AT_ONCE = 32  # requests that are sent before the first answer is awaited, where the interface allows it
_ANSWER = 10.0  # seconds to wait for one


class Connection(Protocol):
    """One open connection to a manager."""

    def ask(self, count: int) -> None:
        """Put the question so many times, at once where that is possible, and take the answers."""


class _Stream:
    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_ANSWER)
        self._socket.connect(path)
        self._file = self._socket.makefile("rb")


class Roost(_Stream):
    """`ping`."""

    _QUESTION = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'

    def ask(self, count: int) -> None:
        self._socket.sendall(self._QUESTION * count)
        for _ in range(count):
            assert b'"pong":true' in self._file.readline()


class Supervisor(_Stream):
    """`supervisor.getAPIVersion`; one after the other, as HTTP has it."""

    _BODY = b"<?xml version='1.0'?><methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>"
    _QUESTION = (
        b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
        b"Connection: keep-alive\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
    )

    def ask(self, count: int) -> None:
        for _ in range(count):
            self._socket.sendall(self._QUESTION)
            length = 0
            while (line := self._file.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            assert b"<string>" in self._file.read(length)


class Circus:
    """`numwatchers`."""

    _QUESTION = json.dumps({"id": "1", "command": "numwatchers", "properties": {}}).encode()

    def __init__(self, endpoint: str) -> None:
        import zmq  # of the peers' own environment

        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVTIMEO, int(_ANSWER * 1000))
        self._socket.connect(endpoint)

    def ask(self, count: int) -> None:
        for _ in range(count):
            self._socket.send(self._QUESTION)
        for _ in range(count):
            assert b'"ok"' in self._socket.recv()


KINDS: dict[str, type[Connection]] = {"roost": Roost, "supervisor": Supervisor, "circus": Circus}


def main(kind: str, address: str, times: int, idle: int) -> None:
    """Measure and print: seconds of each single question, and questions a second when many are asked."""
    others = [KINDS[kind](address) for _ in range(idle)]
    for one in others:
        one.ask(1)
    peer = KINDS[kind](address)
    peer.ask(1)
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        peer.ask(1)
        taken.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(times // AT_ONCE):
        peer.ask(AT_ONCE)
    rate = times // AT_ONCE * AT_ONCE / (time.perf_counter() - begun)
    print(json.dumps({"taken": taken, "rate": rate, "others": len(others)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
