"""Two hundred clients at once: no wrong answer, no growth, and a ping that does not notice them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import PATIENCE, PROGRAMS, ProjectUnderTest, eventually

CHATTER = [
    sys.executable,
    "-c",
    "import itertools, time\nfor n in itertools.count(): print('line', n, flush=True); time.sleep(0.05)",
]
NAMES = ["one", "two", "three", "four"]
PING_LIMIT = 0.050  # seconds
GROWTH_LIMIT = 8 * 1024 * 1024  # bytes, after the first third
PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'


class Wire:
    """A plain connection that sends a line and reads one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def ask(self, line: bytes) -> bytes:
        self._connection.sendall(line)
        return self._file.readline()

    def close(self) -> None:
        self._file.close()
        self._connection.close()


class Queue:
    """How long processes have stood in the queue for a processor, all their threads together (Linux: schedstat),
    and for how long the processors themselves were not there (a virtual machine's: "steal" of proc(5)).

    What a busy machine costs a ping, as against what the daemon makes of the time that it is given.
    """

    def __init__(self, *pids: int) -> None:
        self._tasks = [Path(f"/proc/{pid}/task") for pid in pids]

    def waited(self) -> float:
        """Seconds so far; 0 where the system does not count them."""
        total = stolen()
        for stat in (stat for task in self._tasks for stat in task.glob("*/schedstat")):
            with contextlib.suppress(OSError):  # a thread that has just ended
                total += int(stat.read_text().split()[1])
        return total / 1e9


def stolen() -> int:
    """Nanoseconds so far in which this machine's processors were somebody else's; 0 where that is not told."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/stat").read_text().split()[8]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return 0


def daemon_wire(project: ProjectUnderTest) -> Wire:
    endpoint = project.status()["daemon"]["endpoint"]
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(endpoint.partition(":")[2])
    return Wire(connection)


def gone(project: ProjectUnderTest) -> dict[str, Any] | None:
    """The daemon's health, once it has no other connections than one of ours and the question's."""
    health: dict[str, Any] = project.roost("call", "daemon.health", check=True).json
    return health if health["connections"] <= 2 else None


def timed(wire: Wire) -> float:
    begun = time.monotonic()
    assert wire.ask(PING)
    return time.monotonic() - begun


@pytest.mark.serial
@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_two_hundred_clients(project: ProjectUnderTest, seconds: int) -> None:
    """Calls, streams, rubbish, clients that vanish and clients that never read.

    Of a ping's time only that counts in which neither the daemon nor this test was kept waiting for a processor:
    this machine may be busy with something else, the daemon may not.
    """
    project.components(**{name: {"run": CHATTER} for name in NAMES})
    project.up()
    for name in NAMES:
        eventually(lambda name=name: project.log_lines(name), what=f"a line of {name}")
    wire, health = daemon_wire(project), daemon_wire(project)
    daemon = project.status()["daemon"]
    path, queue = daemon["endpoint"].partition(":")[2], Queue(daemon["pid"], os.getpid())
    crowd = [sys.executable, str(PROGRAMS / "many_clients.py"), path, str(seconds), *NAMES]
    looks: list[tuple[float, float]] = []
    sizes: list[tuple[float, int]] = []
    with subprocess.Popen(crowd, env=project.env, stdout=subprocess.PIPE) as clients:
        said: list[bytes] = []
        assert clients.stdout is not None
        reader = threading.Thread(target=lambda: said.append(clients.stdout.read()))
        reader.start()
        begun = time.monotonic()
        while reader.is_alive():
            waited, took = queue.waited(), timed(wire)
            looks.append((took, queue.waited() - waited))
            if not sizes or time.monotonic() - begun - sizes[-1][0] > 0.5:
                answer = json.loads(health.ask(PING.replace(b"ping", b"daemon.health")))
                sizes.append((time.monotonic() - begun, answer["result"]["rss_bytes"]))
            time.sleep(0.01)
        reader.join()
    wire.close()
    result = json.loads(said[0])
    last = eventually(lambda: gone(project), what="the end of the connections of clients that are gone")
    print(result["done"], f"worst ping {max(looks)[0] * 1000:.1f} ms", sizes[::5])

    assert result["wrong"] == 0, "\n".join(result["first"])
    assert sum(result["done"].values()) > 20 * seconds, result["done"]
    assert not slow_pings(looks), slow_pings(looks)
    settled = [size for at, size in sizes if at > seconds / 3]
    assert max(settled[-3:]) - min(settled[:3]) < GROWTH_LIMIT, sizes
    assert last["status"] == "healthy" and last["errors_last_hour"] == 0
    health.close()


def slow_pings(looks: list[tuple[float, float]]) -> list[str]:
    """The pings for which the daemon itself took over 50 ms."""
    return [
        f"{took * 1000:.1f} ms, of which {waited * 1000:.1f} ms in the queue for a processor"
        for took, waited in looks
        if took - waited > PING_LIMIT
    ]
