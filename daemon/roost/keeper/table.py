"""What the keeper knows: the runs, and the events that the daemon has not acknowledged yet.  Pure.

A run is in the table from its spawn until it has ended *and* its end has been acknowledged.  Several runs of
one name may be in it, at most one of them alive.  Events are numbered once and kept in order, so that each
new daemon can be told what none before it has confirmed.
"""

from __future__ import annotations

import collections

from . import requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .timers import Timer

TERMINAL_SUFFIX = ".tty"
"""How the name of the pipe ends behind which there is a terminal."""


class Run:
    """One life of a component, as its keeper sees it."""

    __slots__ = (
        "acknowledged",
        "adopted",
        "drained",
        "ended",
        "exit",
        "family",
        "fifos",
        "instance",
        "kill_at",
        "kill_timer",
        "leftovers",
        "master",
        "max_files",
        "max_size",
        "mono",
        "name",
        "note",
        "pid",
        "reported",
        "run",
        "start_time",
        "started_at",
        "stop_signal",
        "stop_timeout",
        "stopping",
        "swept",
    )

    def __init__(self, name: str, run: int) -> None:
        self.name = name
        self.run = run
        self.pid = 0
        self.start_time = 0
        self.started_at = 0.0
        self.mono = 0.0
        self.note: object = None
        self.instance = ""
        self.adopted = False
        self.ended = False
        self.exit: dict[str, object] = {}  # the fields of `exited`, once it is known
        self.reported = False  # `exited` has been told
        self.swept = False  # what it left behind has been looked for, once, after its end
        self.drained = False
        self.acknowledged = False  # the daemon knows of its end
        self.stopping = False
        self.kill_at = float("inf")
        self.kill_timer: Timer | None = None
        self.stop_signal: str | None = "TERM"
        self.stop_timeout = 10.0
        self.leftovers = "end"
        self.max_size = 10 * 1024 * 1024
        self.max_files = 5
        self.fifos: list[tuple[str, int]] = []  # path, stream number (platform/logindex)
        self.master = (
            -1
        )  # our hold on its terminal, if it has one: neither read nor written (keeper/terminals.py)
        self.family: dict[int, int] = {}  # descendants seen below it: pid → start time

    def take_settings(self, fields: dict[str, object]) -> None:
        """Take `log` and `stop` from a request or a record; raises Refused."""
        log = requests.mapping(fields, "log", {})
        self.max_size = requests.whole(log, "max_size", self.max_size)
        self.max_files = requests.whole(log, "max_files", self.max_files)
        stop = requests.mapping(fields, "stop", {})
        if "signal" in stop:
            self.stop_signal = requests.optional_text(stop, "signal")
        self.stop_timeout = requests.seconds(stop, "timeout", self.stop_timeout)
        self.leftovers = requests.optional_text(stop, "leftovers") or self.leftovers

    @property
    def has_terminal(self) -> bool:
        """Whether it was started with a terminal, whoever has that now."""
        return any(path.endswith(TERMINAL_SUFFIX) for path, _ in self.fifos)

    @property
    def key(self) -> tuple[str, int]:
        return self.name, self.run

    def public(self) -> dict[str, object]:
        """RUN, as the wire has it."""
        return {
            "name": self.name,
            "run": self.run,
            "pid": self.pid,
            "start_time": self.start_time,
            "started_at": self.started_at,
            "mono": self.mono,
            "ended": self.ended,
            "stopping": self.stopping,
            "adopted": self.adopted,
            "terminal": self.has_terminal,
            "note": self.note,
        }


class Table:
    """All runs by (name, run), the living by pid, and the events on record."""

    __slots__ = ("_by_pid", "_current", "_events", "_runs", "_seq")

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], Run] = {}
        self._by_pid: dict[int, Run] = {}
        self._current: dict[str, Run] = {}
        self._events: collections.deque[dict[str, object]] = collections.deque()
        self._seq = 0

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def add(self, run: Run) -> None:
        """A run has begun.  The caller has made sure that no other of its name lives."""
        self._runs[run.key] = run
        self._by_pid[run.pid] = run
        self._current[run.name] = run

    def find(self, name: str, run: int) -> Run | None:
        """The run, living or ended, while it is in the table."""
        return self._runs.get((name, run))

    def current(self, name: str) -> Run | None:
        """The latest run of a name."""
        return self._current.get(name)

    def by_pid(self, pid: int) -> Run | None:
        """The living run whose first process has that pid."""
        return self._by_pid.get(pid)

    def living(self) -> list[Run]:
        """The runs that have not ended."""
        return list(self._by_pid.values())

    def end(self, run: Run) -> None:
        """Its first process is gone; the pid is anybody's from now on."""
        run.ended = True
        self._by_pid.pop(run.pid, None)

    def record(self, event: dict[str, object]) -> dict[str, object]:
        """Put an event on record: the same with its number."""
        self._seq += 1
        event["seq"] = self._seq
        self._events.append(event)
        return event

    def unacknowledged(self) -> list[dict[str, object]]:
        """The events on record, oldest first."""
        return list(self._events)

    def acknowledge(self, seq: int) -> list[Run]:
        """Forget the events up to `seq`; the runs whose end was among them, which are forgotten, too."""
        gone = []
        while self._events and _seq(self._events[0]) <= seq:
            event = self._events.popleft()
            if event["event"] == "exited":
                run = self._runs.pop((str(event["name"]), int(str(event["run"]))), None)
                if run is not None:
                    gone.append(run)
                    if self._current.get(run.name) is run:
                        del self._current[run.name]
        return gone


def _seq(event: dict[str, object]) -> int:
    seq = event["seq"]
    assert isinstance(seq, int)
    return seq
