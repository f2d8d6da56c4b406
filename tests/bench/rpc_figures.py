"""What the RPC server does on this machine: round trips and requests per second (S43, S44, P22).

A server of its own in another process, plain sockets, no daemon behind it: the cost of the interface alone.

    python tests/bench/rpc_figures.py [ROUND_TRIPS]
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PING = b'{"jsonrpc":"2.0","method":"ping","id":1}\n'
IDLE = 50


def main() -> None:
    """Measure alone, beside idle connections, and while another client floods; print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with server() as path:
        print(f"{'':34}{'p50 µs':>10}{'p99 µs':>10}{'max µs':>10}{'requests/s':>12}")
        show("one at a time, alone", round_trips(path, count))
        idle = [connected(path) for _ in range(IDLE)]
        show(f"one at a time, {IDLE} others open", round_trips(path, count))
        rate = pipelined(path, count * 5)
        print(f"{f'pipelined, {IDLE} others open':34}{'':30}{rate:>12,.0f}")
        with flood(path):
            show("one at a time, beside a flood", round_trips(path, count // 10))
        for one in idle:
            one.close()


def round_trips(path: Path, count: int) -> list[float]:
    """The durations, in seconds and sorted, of so many pings, each sent after the answer before it."""
    clock = time.perf_counter
    durations = []
    with connected(path) as peer:
        for _ in range(count):
            began = clock()
            peer.sendall(PING)
            peer.recv(4096)
            durations.append(clock() - began)
    return sorted(durations)


def pipelined(path: Path, count: int) -> float:
    """Requests per second on one connection that does not wait for answers."""
    with connected(path) as peer:
        began = time.perf_counter()
        sender = threading.Thread(target=peer.sendall, args=(PING * count,))
        sender.start()
        seen = 0
        while seen < count:
            seen += peer.recv(1 << 20).count(b"\n")
        sender.join()
        return count / (time.perf_counter() - began)


@contextmanager
def flood(path: Path) -> Iterator[None]:
    """Another process that pipelines pings without end."""
    script = (
        "import socket, sys, threading\n"
        "peer = socket.socket(socket.AF_UNIX); peer.connect(sys.argv[1])\n"
        "def send():\n"
        "    while True: peer.sendall(sys.argv[2].encode() * 1000)\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        "while peer.recv(1 << 20): pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path), PING.decode()], stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.3)
        yield
    finally:
        process.kill()
        process.wait()


def show(what: str, durations: list[float]) -> None:
    """One row of the table."""
    count = len(durations)
    p50, p99, worst = (durations[min(int(count * part), count - 1)] * 1e6 for part in (0.5, 0.99, 1.0))
    print(f"{what:34}{p50:>10.0f}{p99:>10.0f}{worst:>10.0f}{count / sum(durations):>12,.0f}")


def connected(path: Path) -> socket.socket:
    """A connection to the server."""
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(path))
    return peer


@contextmanager
def server() -> Iterator[Path]:
    """A server process, until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="rb"))
    path = folder / "roost.sock"
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield path
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


async def serve(path: str) -> None:
    """Be the server."""
    from roost.edges.rpc_server import RpcServer

    await RpcServer(f"unix:{path}", {}, log=print, now=time.monotonic).start()
    print("up", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(sys.argv[2]))
    else:
        main()
