"""The keeper's table of runs and events on record."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from roost.keeper.table import Run, Table


def living(table: Table, name: str, number: int, pid: int) -> Run:
    run = Run(name, number)
    run.pid = pid
    table.add(run)
    return run


def exited(table: Table, run: Run) -> int:
    table.end(run)
    event = table.record({"event": "exited", "name": run.name, "run": run.run})
    seq = event["seq"]
    assert isinstance(seq, int)
    return seq


def test_a_run_is_found_by_name_and_by_pid_while_it_lives() -> None:
    """Both ways lead to the same run, and the pid is free again when it has ended (P3)."""
    table = Table()
    run = living(table, "api", 1, 100)
    assert table.find("api", 1) is table.by_pid(100) is table.current("api") is run
    exited(table, run)
    assert table.by_pid(100) is None
    assert table.find("api", 1) is run


def test_a_run_stays_until_its_end_is_acknowledged() -> None:
    """An exit is on record until the daemon has confirmed it, then run and event are forgotten (P1)."""
    table = Table()
    run = living(table, "api", 1, 100)
    seq = exited(table, run)
    assert table.acknowledge(seq - 1) == []
    assert len(table) == 1
    assert table.acknowledge(seq) == [run]
    assert len(table) == 0
    assert table.unacknowledged() == []


def test_the_next_run_may_begin_before_the_last_one_is_acknowledged() -> None:
    """A late acknowledgement forgets the old run and leaves the new one alone."""
    table = Table()
    seq = exited(table, living(table, "api", 1, 100))
    second = living(table, "api", 2, 101)
    table.acknowledge(seq)
    assert table.current("api") is second
    assert table.living() == [second]


@given(st.lists(st.integers(0, 30)))
def test_events_are_replayed_in_order_and_only_the_unconfirmed(acknowledged: list[int]) -> None:
    """Whatever is acknowledged, and in whatever order, what remains is exactly what came after it."""
    table = Table()
    for number in range(30):
        table.record({"event": "drained", "name": "x", "run": number})
    for seq in acknowledged:
        table.acknowledge(seq)
    highest = max(acknowledged, default=0)
    assert [event["seq"] for event in table.unacknowledged()] == list(range(highest + 1, 31))
