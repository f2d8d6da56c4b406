"""The order in which an end is told, with pumps and disk that are as slow as the test wants."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from roost.keeper.lifecycle import LOG_PATIENCE, Lifecycle
from roost.keeper.table import Run, Table
from roost.keeper.timers import Timers


def ended_run(told: list[Any], timers: Timers) -> Run:
    """A run that has just ended, while the pump thread has not had its turn yet."""
    table, run = Table(), Run("api", 1)
    run.pid = 4711
    table.add(run)
    silent: Any = SimpleNamespace(
        of=lambda _: silent,
        flush=lambda *_: None,
        update=lambda *_: None,
        is_cheap=lambda _: True,
        say=lambda _: None,
    )
    lifecycle = Lifecycle(table, timers, silent, silent, silent, silent, told.append, lambda _: None)
    lifecycle.ended(run, 0, "waited")
    return run


def test_an_end_is_not_told_before_its_output_because_we_did_not_run() -> None:
    """S65: after a pause in which the machine let no thread of ours run, the pumps have their time first."""
    timers, told = Timers(), list[Any]()
    ended_run(told, timers)
    timers.run_due(time.monotonic() + 2 * LOG_PATIENCE)
    assert told == []


def test_a_log_that_stands_still_holds_up_no_end_for_ever() -> None:
    """D4: patience has an end."""
    timers, told = Timers(), list[Any]()
    ended_run(told, timers)
    for _ in range(10):
        timers.run_due(time.monotonic() + LOG_PATIENCE)
    assert [one["event"] for one in told] == ["exited"]
