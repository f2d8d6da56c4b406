"""Reading logs: the last lines and those since a moment, of small and of large logs; how late a follower is."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import machine
from .managers import SLOW, Component, Roost
from .measures import Figures, session
from .ping import connect

HERE = Path(__file__).resolve().parent
LINES = 1000
PAUSES = (0.1, 0.002)  # seconds between two lines that are followed


def _scribe(*arguments: object) -> Component:
    return Component("scribe", (sys.executable, "-ISu", str(HERE / "scribe.py"), *map(str, arguments)))


@contextlib.contextmanager
def _running(component: Component) -> Iterator[Roost]:
    """A project of this one component, which is down again at the end."""
    with session(Roost) as (manager, _line):
        assert isinstance(manager, Roost)
        manager.log_size = "100GB"
        manager.configure([component])
        try:
            manager.run(manager.up_argv())
            yield manager
        finally:
            manager.run(manager.down_argv())


def queries(megabytes: int, calls: int) -> Figures:
    """`logs -n 1000` and `logs --since`, by the command and by the interface, of one log of that size; p50.

    With what the daemon has used of memory at most meanwhile.
    """
    with _running(_scribe("flood", megabytes)) as manager:
        since = _when_written(manager)
        pids = manager.pids().values()
        with machine.Peak(pids) as peak:
            figures = {
                f"logs_n_{megabytes}": _command(manager, calls, "-n", str(LINES)),
                f"logs_since_{megabytes}": _command(manager, calls, "-n", str(LINES), "--since", since),
                f"logs_rpc_{megabytes}": _asked(manager, calls, {"lines": LINES}),
                f"logs_rpc_since_{megabytes}": _asked(manager, calls, {"lines": LINES, "since": since}),
            }
        return figures | {f"logs_rss_{megabytes}": peak.bytes / 1e6}


def _when_written(manager: Roost) -> str:
    """Wait for the last lines; the moment of the first of them."""
    deadline = time.monotonic() + SLOW
    while time.monotonic() < deadline:
        argv = [*manager.command, "logs", "scribe", "--json", "-n", str(LINES), "--grep", "after"]
        shown = subprocess.run(argv, cwd=manager.folder, env=manager.env, capture_output=True, text=True)
        lines = shown.stdout.splitlines()
        if len(lines) == LINES:
            return str(json.loads(lines[0])["at"])
        time.sleep(0.2)
    raise RuntimeError(f"the log was not complete within {SLOW:g} s")


def _command(manager: Roost, calls: int, *arguments: str) -> float:
    argv, taken = [*manager.command, "logs", "scribe", *arguments], []
    for _ in range(calls + 1):
        begun = time.monotonic()
        shown = subprocess.run(argv, cwd=manager.folder, env=manager.env, capture_output=True, check=True)
        taken.append((time.monotonic() - begun) * 1000)
        _expect(shown.stdout.count(b"\n"))
    return machine.median(taken[1:])  # the first call warms the files


def _asked(manager: Roost, calls: int, params: dict[str, object]) -> float:
    request = {"jsonrpc": "2.0", "id": 1, "method": "logs.query", "params": {"names": ["scribe"], **params}}
    taken = []
    with connect(manager.socket) as peer, peer.makefile("rwb") as stream:
        for _ in range(calls + 1):
            begun = time.monotonic()
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            answer = stream.readline()
            taken.append((time.monotonic() - begun) * 1000)
            _expect(len(json.loads(answer)["result"]["entries"]))
    return machine.median(taken[1:])


def _expect(count: int) -> None:
    if count != LINES:
        raise RuntimeError(f"{count} lines instead of {LINES}")


def following(pause: float, count: int) -> Figures:
    """How long after it was written a line is with a follower, where one is written each `pause` seconds."""
    with _running(_scribe("clock", pause)) as manager:
        subscribe = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "logs.stream",
            "params": {"names": ["scribe"], "lines": 0},
        }
        late: list[float] = []
        with connect(manager.socket) as peer, peer.makefile("rwb") as stream:
            stream.write(json.dumps(subscribe).encode() + b"\n")
            stream.flush()
            while len(late) < count:
                said = json.loads(stream.readline())
                now = time.monotonic_ns()
                if said.get("method") == "logs.entries":
                    late += [(now - int(entry["text"])) / 1e6 for entry in said["params"]["entries"]]
        key = f"follow_{pause * 1000:g}"
        return {f"{key}_p50": machine.median(late), f"{key}_p99": machine.percentile(late, 99)}
