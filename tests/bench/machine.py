"""What the benchmark reads of the system: memory and CPU time of processes, who has started when.  Linux."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def start_time(pid: int) -> str | None:
    """What tells one life of a pid from the next; None when nothing (or a zombie) runs under it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def resident(pids: Iterable[int]) -> int:
    """Resident bytes of these processes together."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in pids)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that all live threads of these processes have used, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Peak:
    """A context that looks at the resident bytes of processes together; `bytes` is the most that it saw."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look_on(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                self.bytes = max(self.bytes, resident(self._pids))
            if self._stop.wait(0.02):
                return


@dataclass(frozen=True)
class Start:
    """One line of a component: it runs, under this pid, since this moment (seconds, monotonic)."""

    at: float
    pid: int
    name: str
    token: str | None


class StartLine:
    """A FIFO into which each component writes as its first act: who started when, under which pid."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "started"
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""
        self.seen: list[Start] = []

    def wait(self, count: int, timeout: float) -> list[Start]:
        """The next `count` lines; fewer when `timeout` seconds have passed."""
        deadline = time.monotonic() + timeout
        got: list[Start] = []
        while len(got) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                break
            got += self._read()
        return got

    def _read(self) -> list[Start]:
        data = self._rest + os.read(self._fd, 65536)
        now = time.monotonic()
        *lines, self._rest = data.split(b"\n")
        words = [line.decode().split() for line in lines]
        starts = [Start(now, int(pid), name, start_time(int(pid))) for pid, name in words]
        self.seen += starts
        return starts

    def running(self) -> list[Start]:
        """Those of all that ever started that still run."""
        return [start for start in self.seen if start.token and start_time(start.pid) == start.token]

    def end_all(self) -> None:
        """Kill what still runs, by pid, and only where the start time is still the same."""
        self.wait(sys.maxsize, 0.2)  # whoever has spoken since the last look
        for start in self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(start.pid, signal.SIGKILL)

    def close(self) -> None:
        """Give the FIFO back."""
        os.close(self._fd)


def wait_until_gone(pids: Iterable[int], timeout: float) -> bool:
    """Whether all of them ended within `timeout` seconds."""
    tokens = {pid: start_time(pid) for pid in pids}
    deadline = time.monotonic() + timeout
    while any(token and start_time(pid) == token for pid, token in tokens.items()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def median(values: list[float]) -> float:
    """The middle value; NaN of none."""
    return percentile(values, 50)


def percentile(values: list[float], which: float) -> float:
    """The nearest-rank percentile; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * which / 100))]


def end_of(child: subprocess.Popen[str], timeout: float) -> int:
    """The exit code of a command, in the instant of its end; killed after `timeout` seconds.

    `Popen.wait` with a time-out looks at growing intervals, which rounds up to 32 or 64 ms.
    """
    limit = threading.Timer(timeout, child.kill)
    limit.start()
    try:
        return child.wait()
    finally:
        limit.cancel()
