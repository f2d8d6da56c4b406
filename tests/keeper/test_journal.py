"""keeper.log: one line a fact, bounded (S62)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from roost.keeper import journal
from roost.keeper.journal import Journal


def test_it_rotates_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of a bounded size, the newest lines in them, in order."""
    monkeypatch.setattr(journal, "_MAX_SIZE", 2000)
    path = tmp_path / "keeper.log"
    said = Journal(str(path))
    for number in range(1000):
        said.say(f"fact {number}\nand its second line")
    files = [path.with_name("keeper.log.1"), *([path] if path.exists() else [])]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size < 2200 for file in files)
    lines = [line for file in files for line in file.read_text().splitlines()]
    numbers = [int(found[1]) for line in lines if (found := re.search(r"Z fact (\d+) and its second", line))]
    assert len(numbers) == len(lines)
    assert numbers == list(range(numbers[0], 1000))


def test_a_disk_that_refuses_costs_lines_alone(tmp_path: Path) -> None:
    """The keeper goes on; here the folder is gone."""
    Journal(str(tmp_path / "gone" / "keeper.log")).say("nobody hears it")
