"""Processor time and memory of components, each with its whole tree (P17).  Looks; changes nothing.

One pass over the table of processes serves every question of the same second, however many components there
are.  A processor share is what was used between the last two passes, so the first one knows none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from roost.platform.table import Row, read_table

from .clock import Clock

_FRESH = 1.0
"""Seconds for which a pass is good."""


class Usage(Struct, frozen=True):
    """`cpu_percent` of one core (None: not known yet), memory in bytes (None: no such process)."""

    cpu_percent: float | None
    rss_bytes: int | None


_UNKNOWN = Usage(None, None)


class _Pass(Struct, frozen=True):
    """The table at one moment, and who is whose child and in whose session."""

    at: float
    table: dict[int, Row]
    below: dict[int, list[int]]


class ProcessFacts:
    """Answers from the last pass, which `refresh` renews; that may happen in another thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passes: tuple[_Pass | None, _Pass | None] = (None, None)
        """The pass before the last, and the last: replaced as one, so that every answer is of one moment."""

    def refresh(self) -> bool:
        """Look at all processes if the last look is older than a second; whether it did.

        Blocking: about 15 µs for each process of the machine on Linux, 150 elsewhere.
        """
        now, last = self._clock.now(), self._passes[1]
        if last is not None and now - last.at < _FRESH:
            return False
        self._passes = (last, _look(now))
        return True

    def tree(self, roots: Iterable[int]) -> set[int]:
        """The processes `roots` that are alive, all that descend from them, and all in their sessions.

        The session finds a descendant whose parent has ended, as long as it has not made one of its own;
        name in `roots` what else is known to belong.
        """
        now = self._passes[1]
        return set() if now is None else _tree(now, roots)

    def usage(self, roots: Iterable[int]) -> Usage:
        """What the trees of `roots` use together, each process counted once."""
        before, now = self._passes
        return _UNKNOWN if now is None else _sum(before, now, _tree(now, roots))

    def usage_alone(self, pid: int) -> Usage:
        """What one process uses without its children: keeper and daemon are parents of all."""
        before, now = self._passes
        return _UNKNOWN if now is None else _sum(before, now, {pid} & now.table.keys())


def _tree(now: _Pass, roots: Iterable[int]) -> set[int]:
    found: set[int] = set()
    row = [pid for pid in roots if pid in now.table]
    while row:
        pid = row.pop()
        if pid not in found:
            found.add(pid)
            row += now.below.get(pid, ())
    return found


def _sum(before: _Pass | None, now: _Pass, pids: set[int]) -> Usage:
    if not pids:
        return _UNKNOWN
    return Usage(_share(before, now, pids), sum(now.table[pid].rss for pid in pids))


def _share(before: _Pass | None, now: _Pass, pids: set[int]) -> float | None:
    if before is None:
        return None
    used = sum(now.table[pid].cpu - _cpu_then(before, pid, now.table[pid]) for pid in pids)
    return round(max(0.0, used) * 100 / (now.at - before.at), 1)


def _cpu_then(before: _Pass, pid: int, row: Row) -> float:
    """The processor time that this very process had used at the pass before; 0 if it is younger."""
    then = before.table.get(pid)
    return then.cpu if then is not None and then.start_time == row.start_time else 0.0


def _look(now: float) -> _Pass:
    table = read_table()
    if table is None:
        table = _table_of_psutil()
    below: dict[int, list[int]] = defaultdict(list)
    for pid, row in table.items():
        below[row.parent].append(pid)
        if row.session not in (pid, row.parent, 0):
            below[row.session].append(pid)
    return _Pass(now, table, dict(below))


def _table_of_psutil() -> dict[int, Row]:
    import psutil  # only where the system itself has no table

    table: dict[int, Row] = {}
    for process in psutil.process_iter(["ppid", "create_time", "cpu_times", "memory_info"]):
        facts = process.info
        cpu, memory = facts["cpu_times"], facts["memory_info"]
        table[process.pid] = Row(
            facts["ppid"] or 0,
            0,
            facts["create_time"] or 0.0,
            cpu.user + cpu.system if cpu else 0.0,
            memory.rss if memory else 0,
        )
    return table
