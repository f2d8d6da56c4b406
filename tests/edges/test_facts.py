"""Processor time and memory of whole trees, from real processes and from made-up tables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from roost.edges import facts
from roost.edges.clock import RealClock
from roost.edges.facts import ProcessFacts, Usage
from roost.platform.table import Row, read_table


class HandClock:
    """A clock that a test sets by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    async def sleep_until(self, when: float) -> None:
        self.time = max(self.time, when)


Table = dict[int, Row]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[Table]:
    """What the next passes see, first to last."""
    coming: list[Table] = []
    monkeypatch.setattr(facts, "read_table", lambda: coming.pop(0))
    return coming


def row(parent: int, cpu: float = 0.0, rss: int = 1, session: int = 1, start_time: float = 0.0) -> Row:
    return Row(parent, session, start_time, cpu, rss)


def test_a_component_is_its_whole_tree_and_each_process_counts_once(tables: list[Table]) -> None:
    """Children, grandchildren, orphans of its session and further roots belong to it, others do not (P17)."""
    tables.append(
        {
            1: row(0),
            10: row(1, rss=100, session=10),
            11: row(10, rss=20, session=10),
            12: row(11, rss=3, session=12),  # left the session, but its parent is known
            13: row(1, rss=4000, session=10),  # its parent has ended; still in the session
            14: row(1, rss=50000, session=14),  # escaped altogether: known by other means
            20: row(1, rss=7, session=20),
        }
    )
    look = ProcessFacts(HandClock())
    assert look.refresh()
    assert look.tree([10]) == {10, 11, 12, 13}
    assert look.usage([10]) == Usage(None, 4123)
    assert look.usage([10, 11, 14]).rss_bytes == 54123
    assert look.usage_alone(10).rss_bytes == 100


def test_the_processor_share_is_what_was_used_between_two_looks(tables: list[Table]) -> None:
    """The first look knows none; then the tree's seconds over the time between, new processes too (P17)."""
    tables += [
        {10: row(1, cpu=50.0), 11: row(10, cpu=9.0), 12: row(10, cpu=70.0, start_time=1)},
        {
            10: row(1, cpu=50.5),
            11: row(10, cpu=10.0),
            12: row(10, cpu=0.2, start_time=2),
            13: row(11, cpu=0.3),
        },
    ]
    clock = HandClock()
    look = ProcessFacts(clock)
    look.refresh()
    assert look.usage([10]).cpu_percent is None
    clock.time += 2
    look.refresh()
    assert look.usage([10]).cpu_percent == 100.0


def test_one_pass_serves_a_whole_second(tables: list[Table]) -> None:
    """However often and for however many components it is asked, the table is read once a second (P17)."""
    tables += [{10: row(1)}, {10: row(1)}]
    clock = HandClock()
    look = ProcessFacts(clock)
    assert look.refresh()
    clock.time += 0.9
    assert not look.refresh()
    clock.time += 0.1
    assert look.refresh()


def test_what_is_not_there_is_not_known(tables: list[Table]) -> None:
    """No look yet, or no such process: None, never a zero that looks like a figure."""
    look = ProcessFacts(HandClock())
    assert look.usage([10]) == look.usage_alone(10) == Usage(None, None)
    tables.append({})
    look.refresh()
    assert look.usage([10]) == look.usage_alone(10) == Usage(None, None)


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A shell that waits for a child, which burns a core and holds 30 MB."""
    program = "memory = b'x' * 30_000_000; print('up', flush=True)\nwhile True: pass"
    process = subprocess.Popen(
        ["sh", "-c", '"$0" -c "$1"; true', sys.executable, program],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()


def test_a_real_tree_is_measured_as_psutil_measures_it(busy: subprocess.Popen[bytes]) -> None:
    """Processor time and memory of the child are its component's, and agree with psutil (P17)."""
    look = ProcessFacts(RealClock())
    look.refresh()
    deadline = time.monotonic() + 60
    while not look.refresh():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    usage = look.usage([busy.pid])
    family = [psutil.Process(busy.pid), *psutil.Process(busy.pid).children(recursive=True)]
    assert look.tree([busy.pid]) == {process.pid for process in family}
    assert usage.rss_bytes == pytest.approx(sum(p.memory_info().rss for p in family), rel=0.1)
    assert usage.rss_bytes is not None and usage.rss_bytes > 30_000_000
    assert usage.cpu_percent is not None and 1 < usage.cpu_percent <= 110


def test_where_the_system_has_no_table_psutil_gives_the_same(
    busy: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS and Windows get their figures from psutil, by the same rules (P17)."""
    monkeypatch.setattr(facts, "read_table", lambda: None)
    look = ProcessFacts(HandClock())
    look.refresh()
    usage = look.usage([busy.pid])
    assert len(look.tree([busy.pid])) == 2
    assert usage.rss_bytes is not None and usage.rss_bytes > 30_000_000


def test_the_systems_own_table_is_right_about_this_process() -> None:
    """Parent, session, memory and processor time are read from the right places."""
    table = read_table()
    if table is None:
        pytest.skip("this system has no table of its own")
    mine = table[os.getpid()]
    me = psutil.Process()
    times = me.cpu_times()
    assert (mine.parent, mine.session) == (os.getppid(), os.getsid(0))
    assert mine.rss == pytest.approx(me.memory_info().rss, rel=0.2)
    assert mine.cpu == pytest.approx(times.user + times.system, abs=0.5)
