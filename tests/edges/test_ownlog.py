"""The daemon's own log: structured lines, bounded (S61, S62)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from roost.edges import ownlog
from roost.edges.ownlog import OwnLog


def log_at(path: Path, debug: bool = False) -> OwnLog:
    return OwnLog(str(path), lambda: 1_700_000_000.25, debug)


def test_a_fact_is_a_line_with_time_level_and_values(tmp_path: Path) -> None:
    """A line break in a value does not make two lines of it."""
    log_at(tmp_path / "daemon.log").info("keeper connected", pid=12, said="one\ntwo")
    text = (tmp_path / "daemon.log").read_text()
    assert text == "2023-11-14T22:13:20.250000Z info keeper connected pid=12 said=one\\ntwo\n"


def test_debugging_lines_are_there_only_when_asked_for(tmp_path: Path) -> None:
    """S61: `ROOST_DEBUG=1`."""
    for debug in (False, True):
        log_at(tmp_path / "daemon.log", debug).debug("details")
        assert (tmp_path / "daemon.log").exists() is debug


def test_it_rotates_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S62: however long it writes, a bounded number of files of a bounded size, no line lost between them."""
    monkeypatch.setattr(ownlog, "MAX_SIZE", 2000)
    log = log_at(tmp_path / "daemon.log")
    for number in range(1000):
        log.info("fact", number=number)
    files = sorted(tmp_path.iterdir(), reverse=True)
    assert len(files) == ownlog.KEPT + 1
    assert all(file.stat().st_size < 2200 for file in files)
    numbers = [int(each) for file in files for each in re.findall(r"number=(\d+)", file.read_text())]
    assert numbers == list(range(numbers[0], 1000))


def test_a_disk_that_refuses_costs_lines_alone(tmp_path: Path) -> None:
    """The daemon goes on; here the folder is gone."""
    log_at(tmp_path / "gone" / "daemon.log").error("nobody hears it")
