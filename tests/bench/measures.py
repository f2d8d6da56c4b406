"""The measurements: each brings one manager up in a folder of its own, looks, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import machine
from .managers import SLOW, Component, Manager, Roost
from .ping import Pinger

HERE = Path(__file__).resolve().parent
Figures = dict[str, float]


@dataclass(frozen=True)
class Effort:
    """How long and how often to look."""

    settle: float = 3.0  # seconds before anything idle is measured
    idle: float = 12.0  # seconds of idling
    calls: int = 15  # of status
    crashes: int = 40
    rounds: int = 5  # of up and of log intake; the median counts
    intake_megabytes: int = 1024
    round_trips: int = 20_000
    kills: int = 50  # of daemon and keeper, for the time until the next answer
    log_megabytes: tuple[int, ...] = (1, 100, 1024)  # of logs that are read
    followed: int = 1000  # lines
    probes: int = 1000
    probing: float = 20.0  # seconds


QUICK = Effort(
    settle=1.0,
    idle=3.0,
    calls=5,
    crashes=10,
    rounds=1,
    intake_megabytes=128,
    round_trips=3_000,
    kills=5,
    log_megabytes=(1, 100),
    followed=100,
    probes=100,
    probing=5.0,
)


@contextlib.contextmanager
def session(kind: type[Manager]) -> Iterator[tuple[Manager, machine.StartLine]]:
    """A manager in a new folder (short: sockets live below it); at the end nothing of it runs or remains."""
    folder = Path(tempfile.mkdtemp(prefix="rb-", dir="/tmp"))
    line = machine.StartLine(folder)
    manager = kind(folder)
    try:
        yield manager, line
    finally:
        manager.end()
        line.end_all()
        line.close()
        shutil.rmtree(folder, ignore_errors=True)


def sleepers(count: int, line: machine.StartLine) -> list[Component]:
    """So many components that say that they have started and then sleep."""
    script, fifo = str(HERE / "component.sh"), str(line.path)
    return [Component(f"c{n}", ("/bin/sh", script, f"c{n}", fifo)) for n in range(1, count + 1)]


def own_start(times: int) -> float:
    """Seconds that the component itself needs from its spawn to its first word, without any manager: p50."""
    folder = Path(tempfile.mkdtemp(prefix="rb-", dir="/tmp"))
    line = machine.StartLine(folder)
    taken = []
    try:
        argv = sleepers(1, line)[0].argv
        for _ in range(times):
            begun = time.monotonic()
            pid = os.posix_spawn(argv[0], argv, os.environ)
            taken.append(line.wait(1, 10)[0].at - begun)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    finally:
        line.close()
        shutil.rmtree(folder)
    return machine.median(taken)


# -- a stack of sleeping components -------------------------------------------------------------------


def median_of(rounds: Iterable[Figures]) -> Figures:
    """The median of each figure over several rounds."""
    seen = list(rounds)
    return {key: machine.median([figures[key] for figures in seen]) for key in seen[0]}


def ups(kind: type[Manager], count: int, rounds: int) -> Figures:
    """Up of `count` components, each time with nothing running before."""
    return median_of(_up_alone(kind, count) for _ in range(rounds))


def _up_alone(kind: type[Manager], count: int) -> Figures:
    with session(kind) as (manager, line):
        manager.configure(sleepers(count, line))
        figures = _up(manager, line, count)
        _down(manager, line)
        return figures


def stack(kind: type[Manager], count: int, effort: Effort) -> Figures:
    """Up, idling, memory, status, crashes and down of `count` components."""
    with session(kind) as (manager, line):
        manager.configure(sleepers(count, line))
        figures = _up(manager, line, count)
        time.sleep(effort.settle)
        figures |= _idle(manager, count, effort.idle)
        figures[f"status_{count}"] = _status(manager, effort.calls)
        if count == 50:
            figures |= _crashes(line, effort.crashes)
        figures[f"down_{count}"] = _down(manager, line)
        return figures


def _up(manager: Manager, line: machine.StartLine, count: int) -> Figures:
    begun = time.monotonic()
    child = manager.start(manager.up_argv())
    starts = _starts(manager, line, child, count)
    machine.end_of(child, SLOW)
    done = time.monotonic()
    manager.pids()
    return {f"up_{count}": (starts[-1].at - begun) * 1000, f"up_command_{count}": (done - begun) * 1000}


def _starts(
    manager: Manager, line: machine.StartLine, child: subprocess.Popen[str], count: int
) -> list[machine.Start]:
    """The first `count` starts; RuntimeError as soon as the command has failed, or when it takes too long."""
    deadline, starts = time.monotonic() + SLOW, list[machine.Start]()
    while len(starts) < count:
        starts += line.wait(count - len(starts), 1)
        if child.poll() or time.monotonic() > deadline:
            child.kill()
            child.wait()
            raise RuntimeError(f"{len(starts)} of {count} started, exit {child.poll()}\n{manager.said()}")
    return starts


def _idle(manager: Manager, count: int, seconds: float) -> Figures:
    pids = manager.pids().values()
    used, begun = machine.cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    share = (machine.cpu_seconds(pids) - used) / (time.monotonic() - begun)
    return {f"idle_{count}": share * 100, f"rss_{count}": machine.resident(pids) / 1e6}


def _status(manager: Manager, calls: int) -> float:
    argv, taken = manager.status_argv(), []
    for _ in range(calls + 1):
        begun = time.monotonic()
        manager.run(argv)
        taken.append((time.monotonic() - begun) * 1000)
    return machine.median(taken[1:])  # the first call warms the files


def bare_python(calls: int) -> Figures:
    """What a command in Python cannot go below on this machine at this moment: `python -c pass`."""
    taken = []
    for _ in range(calls + 1):
        begun = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        taken.append((time.monotonic() - begun) * 1000)
    return {"status_10": machine.median(taken[1:])}


def _crashes(line: machine.StartLine, times: int) -> Figures:
    base, taken = own_start(times), []
    for turn in range(times):
        victims = line.running()
        victim = victims[turn % len(victims)]
        begun = time.monotonic()
        os.kill(victim.pid, signal.SIGKILL)
        again = line.wait(1, 15)
        if not again:
            raise RuntimeError(f"{victim.name} was not restarted within 15 s")
        taken.append((again[0].at - begun - base) * 1000)
        time.sleep(0.05)  # the manager is done with it before the next one
    return {"restart_p50": machine.median(taken), "restart_max": max(taken)}


def _down(manager: Manager, line: machine.StartLine) -> float:
    pids = [*manager.pids().values(), *(start.pid for start in line.running())]
    begun = time.monotonic()
    manager.run(manager.down_argv())
    if not machine.wait_until_gone(pids, SLOW):
        raise RuntimeError(f"still running {SLOW:g} s after down\n{manager.said()}")
    return (time.monotonic() - begun) * 1000


# -- log intake ---------------------------------------------------------------------------------------


def _floods(count: int, megabytes: int, line: machine.StartLine) -> list[Component]:
    program = (sys.executable, "-I", "-S", str(HERE / "flood.py"))
    each = str(megabytes // count)
    return [Component(f"f{n}", (*program, f"f{n}", str(line.path), each)) for n in range(1, count + 1)]


def intake(kind: type[Manager], count: int, megabytes: int, rounds: int) -> Figures:
    """How fast `count` components' output reaches their logs, and what it costs the manager."""
    return median_of(_intake(kind, count, megabytes) for _ in range(rounds))


def _intake(kind: type[Manager], count: int, megabytes: int) -> Figures:
    with session(kind) as (manager, line):
        if isinstance(manager, Roost):
            manager.log_size = "100GB"
        components = _floods(count, megabytes, line)
        manager.configure(components)
        child = manager.start(manager.up_argv())
        _starts(manager, line, child, count)
        child.wait(SLOW)
        pids = manager.pids().values()
        time.sleep(1)  # the manager has done with its start
        used = machine.cpu_seconds(pids)
        with Pinger(manager) as pinger, machine.Peak(pids) as peak:
            begun = _let_go(line)
            finished = _wait_for_bytes([manager.log(one.name) for one in components], megabytes // count)
        gigabytes = megabytes * 1.048576e-3
        figures = {
            f"intake_{count}": gigabytes * 1000 / (finished - begun),
            f"intake_cpu_{count}": (machine.cpu_seconds(pids) - used) / gigabytes,
            f"intake_rss_{count}": peak.bytes / 1e6,
        }
        if pinger.taken:
            figures[f"intake_ping_{count}"] = max(pinger.taken) * 1000
        return figures


def _let_go(line: machine.StartLine) -> float:
    """Open the gate for all floods; the moment at which the first began to write."""
    Path(f"{line.path}.go").touch()
    starts = line.wait(1, SLOW)
    if not starts:
        raise RuntimeError("no component began to write")
    return starts[0].at


def _wait_for_bytes(logs: list[Path], megabytes: int) -> float:
    """The moment at which every log holds its whole size; RuntimeError when that takes too long."""
    deadline, left = time.monotonic() + SLOW, list(logs)
    while left:
        left = [log for log in left if not log.exists() or log.stat().st_size < megabytes << 20]
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(left)} logs were not complete within {SLOW:g} s")
        time.sleep(0.003)
    return time.monotonic()


def direct_intake(count: int, megabytes: int, rounds: int) -> Figures:
    """The speed at which the same programs write to files of their own."""
    return median_of(_direct_intake(count, megabytes) for _ in range(rounds))


def _direct_intake(count: int, megabytes: int) -> Figures:
    folder = Path(tempfile.mkdtemp(prefix="rb-", dir="/tmp"))
    line = machine.StartLine(folder)
    children = []
    try:
        components = _floods(count, megabytes, line)
        for one in components:
            with open(folder / f"{one.name}.log", "wb") as log:
                children.append(subprocess.Popen(one.argv, stdout=log, stdin=subprocess.DEVNULL))
        line.wait(count, SLOW)
        begun = _let_go(line)
        finished = _wait_for_bytes([folder / f"{one.name}.log" for one in components], megabytes // count)
        return {f"intake_{count}": megabytes * 1.048576 / (finished - begun)}
    finally:
        for child in children:
            child.kill()
            child.wait()
        line.close()
        shutil.rmtree(folder)
