"""The running daemon's interface: round trips and requests per second on one connection, beside 50 open ones."""

from __future__ import annotations

import contextlib
import time

from . import machine
from .managers import Roost
from .measures import Figures, session, sleepers
from .ping import connect

_PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
_IDLE = 50  # further connections that stay open meanwhile
_IN_FLIGHT = 32  # requests that are sent at once; a connection may have 64 on their way


def round_trips(times: int) -> Figures:
    """A ping after the other, then as many as the daemon can answer; in a project of ten components."""
    with session(Roost) as (manager, line), contextlib.ExitStack() as open_ones:
        assert isinstance(manager, Roost)
        manager.configure(sleepers(10, line))
        manager.run(manager.up_argv())
        for _ in range(_IDLE):
            open_ones.enter_context(connect(manager.socket))
        taken = _one_by_one(manager.socket, times)
        return {
            "rpc_p50": machine.median(taken) * 1000,
            "rpc_p99": machine.percentile(taken, 99) * 1000,
            "rpc_rate": times / _all_at_once(manager.socket, times),
        }


def _one_by_one(path: str, times: int) -> list[float]:
    taken = []
    with connect(path) as peer:
        for _ in range(times):
            begun = time.perf_counter()
            peer.sendall(_PING)
            peer.recv(4096)
            taken.append(time.perf_counter() - begun)
    return taken


def _all_at_once(path: str, times: int) -> float:
    """Seconds for so many requests, sent `_IN_FLIGHT` at a time."""
    with connect(path) as peer, peer.makefile("rb") as answers:
        begun = time.perf_counter()
        for _ in range(times // _IN_FLIGHT):
            peer.sendall(_PING * _IN_FLIGHT)
            for _ in range(_IN_FLIGHT):
                answers.readline()
        return time.perf_counter() - begun
