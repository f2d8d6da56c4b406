"""Many probes of which a tenth hang: how late the others are."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from . import machine
from .managers import SLOW, Roost
from .measures import Figures, session, sleepers

HERE = Path(__file__).resolve().parent
PERIOD = 2.0  # seconds
HUNG = 10  # each tenth probe asks what never answers


def lateness(count: int, seconds: float) -> Figures:
    """`count` components with a probe each, looked at for so long."""
    argv = [sys.executable, "-IS", str(HERE / "probe_server.py")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server, session(Roost) as (manager, line):
        assert isinstance(manager, Roost) and server.stdout is not None
        try:
            address = f"http://127.0.0.1:{int(server.stdout.readline())}"
            _configure(manager, line, count, address)
            manager.run([*manager.command, "up", "--no-wait"])
            _await_running(manager, count)
            pids = manager.pids().values()
            _report(address)  # what came while they started
            used, begun = machine.cpu_seconds(pids), time.monotonic()
            time.sleep(seconds)
            late = _report(address)
            share = (machine.cpu_seconds(pids) - used) / (time.monotonic() - begun)
        finally:
            server.kill()
        if len(late) < _answered(count):
            raise RuntimeError(f"only {len(late)} looks in {seconds:g} s")
        return {
            "probes_late_p50": machine.median(late),
            "probes_late_p99": machine.percentile(late, 99),
            "probes_late_max": max(late),
            "probes_cpu": share * 100,
        }


def _configure(manager: Roost, line: machine.StartLine, count: int, address: str) -> None:
    manager.configure(sleepers(count, line))
    file = manager.folder / "roost.yaml"
    config = json.loads(file.read_text())
    for number, entry in enumerate(config["components"].values()):
        path = f"hang/{number}" if number % HUNG == 0 else str(number)
        probe = {"http": f"{address}/{path}", "period": PERIOD, "timeout": PERIOD / 2}
        entry["probes"] = {"liveness": probe | {"failure_threshold": 1_000_000}}
    file.write_text(json.dumps(config))


def _await_running(manager: Roost, count: int) -> None:
    """Until every component has been looked at once: each tenth fails, the others are healthy."""
    deadline = time.monotonic() + SLOW
    while time.monotonic() < deadline:
        argv = [*manager.command, "call", "component.list"]
        shown = subprocess.run(argv, cwd=manager.folder, env=manager.env, capture_output=True, text=True)
        answer = json.loads(shown.stdout)
        if sum(one["health"] == "healthy" for one in answer) >= _answered(count):
            return
        time.sleep(0.5)
    raise RuntimeError(f"not every probe had looked within {SLOW:g} s\n{manager.said()}")


def _answered(count: int) -> int:
    """How many of so many probes ask what does answer."""
    return count - count // HUNG


def _report(address: str) -> list[float]:
    with urllib.request.urlopen(f"{address}/report/{PERIOD}", timeout=10) as answer:
        found: list[float] = json.load(answer)
        return found
