"""The managers' own interfaces: round trips and requests per second on one connection, alone and beside others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from . import machine
from .managers import SLOW, Manager
from .measures import Figures, session, sleepers

_IDLE = 50  # further connections that stay open meanwhile
_ASKING = str(Path(__file__).with_name("asking.py"))


def round_trips(kind: type[Manager], times: int) -> Figures:
    """A question after the other, then as many as it can answer, of a manager of ten components."""
    figures: Figures = {}
    with session(kind) as (manager, line):
        manager.configure(sleepers(10, line))
        manager.run(manager.up_argv())
        line.wait(10, SLOW)
        manager.pids()  # so that it is ended whatever happens
        for which, idle in (("rpc_alone", 0), ("rpc", _IDLE)):
            found = _asked(manager, times, idle)
            figures[f"{which}_p50"] = machine.median(found["taken"]) * 1000
            figures[f"{which}_p99"] = machine.percentile(found["taken"], 99) * 1000
            figures[f"{which}_rate"] = found["rate"]
    return figures


def _asked(manager: Manager, times: int, idle: int) -> dict[str, Any]:
    python, address = manager.interface()
    argv = [python, _ASKING, manager.name, address, str(times), str(idle)]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=SLOW, check=False)
    if said.returncode:
        raise RuntimeError(said.stderr.strip()[-300:])
    found: dict[str, Any] = json.loads(said.stdout)
    return found
