"""What `kill -9` of the manager does: who lives on, what runs twice, which lines are lost, when it is back.

Roost is asked for more: how soon its daemon answers after a kill of daemon or keeper.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from . import machine
from .managers import SLOW, Component, Manager, Roost
from .measures import HERE, Figures, session, sleepers
from .ping import connect

_WRITERS = 5
_SILENT = 5


def manager_killed(kind: type[Manager]) -> Figures:
    """Kill every process of the manager at once, start it again as its users do, and count."""
    with session(kind) as (manager, line):
        counts = manager.folder / "counts"
        counts.mkdir()
        program = (sys.executable, "-I", "-S", str(HERE / "counter.py"))
        writers = [
            Component(f"w{n}", (*program, f"w{n}", str(line.path), str(counts)))
            for n in range(1, _WRITERS + 1)
        ]
        manager.configure([*sleepers(_SILENT, line), *writers])
        _bring_up(manager, line, _WRITERS + _SILENT)
        time.sleep(1)
        for pid in manager.pids().values():
            os.kill(pid, signal.SIGKILL)
        time.sleep(2)
        alive = len(line.running())
        manager.run(manager.up_argv())
        line.wait(1000, 3)  # whoever is started now
        running = line.running()
        doubled = sum(count - 1 for count in Counter(start.name for start in running).values())
        manager.run(manager.down_argv())
        machine.wait_until_gone([start.pid for start in running], 5)
        left = len(line.running())
        line.end_all()
        lost = sum(_lost_lines(manager.log(one.name), counts, one.name) for one in writers)
        return {
            "killed_alive": alive,
            "killed_doubled": doubled,
            "killed_left": left,
            "killed_lost": lost,
        }


def _bring_up(manager: Manager, line: machine.StartLine, count: int) -> None:
    manager.run(manager.up_argv())
    if len(line.wait(count, 10)) < count:
        raise RuntimeError(f"not all of {count} components started\n{manager.said()}")


def _lost_lines(log: Path, counts: Path, name: str) -> int:
    """How many of the lines that a component wrote without an error are not in its log."""
    got: dict[int, set[int]] = defaultdict(set)
    for words in map(bytes.split, log.read_bytes().splitlines()):
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            got[int(words[0])].add(int(words[1]))
    lost = 0
    for file in counts.glob(f"{name}.*"):
        last = int(file.read_text().strip() or 0)
        lost += len(set(range(1, last + 1)) - got[int(file.suffix[1:])])
    return lost


def back_after(victim: str, times: int) -> Figures:
    """From `kill -9` of Roost's daemon or keeper until a daemon answers that the victim has a successor."""
    with session(Roost) as (manager, line):
        assert isinstance(manager, Roost)
        manager.configure(sleepers(10, line))
        _bring_up(manager, line, 10)
        taken = []
        for _ in range(times):
            before = manager.pids()
            begun = time.monotonic()
            os.kill(before[victim], signal.SIGKILL)
            taken.append(_next_answer(manager, victim, before[victim]) - begun)
            time.sleep(0.2)
        milliseconds = [seconds * 1000 for seconds in taken]
        return {
            f"back_{victim}_p50": machine.median(milliseconds),
            f"back_{victim}_p99": machine.percentile(milliseconds, 99),
        }


def _next_answer(manager: Roost, victim: str, old: int) -> float:
    """When a daemon first said that the victim's successor is there."""
    key = {"daemon": "pid", "keeper": "keeper_pid"}[victim]
    deadline = time.monotonic() + SLOW
    while time.monotonic() < deadline:
        answer = _daemon_status(manager)
        if answer and answer.get(key) not in (None, old):
            return time.monotonic()
        time.sleep(0.002)
    raise RuntimeError(f"no answer within {SLOW:g} s after kill -9 of the {victim}")


def _daemon_status(manager: Roost) -> dict[str, int] | None:
    try:
        with connect(manager.socket) as connection, connection.makefile("rwb") as stream:
            stream.write(b'{"jsonrpc": "2.0", "id": 1, "method": "daemon.status"}\n')
            stream.flush()
            answer: dict[str, dict[str, int]] = json.loads(stream.readline() or "{}")
    except (OSError, ValueError):
        return None  # nobody listens yet, or it died while answering
    return answer.get("result")
