"""How long one stream's unfinished line holds up the other: from when that very line began (D2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.fakes import FakeHost
from roost.keeper.channel import LINE_PATIENCE, Channel
from roost.keeper.logfile import LogFile
from roost.platform.pipes import make_pipe, make_reader


class Two:
    """A channel with two pipes."""

    def __init__(self, folder: Path) -> None:
        self.host = FakeHost()
        self.log = folder / "a.log"
        file = LogFile(str(self.log), str(folder / "a.idx"), 10**9, 1)
        self.channel = Channel("a", file, self.host)
        self.pipes = {number: make_pipe(str(folder / f"pipe{number}")) for number in (1, 2)}
        self.streams = {
            number: self.channel.add(1, number, pipe.path, make_reader(pipe.reading))
            for number, pipe in self.pipes.items()
        }

    def write(self, number: int, data: bytes, now: float) -> bytes:
        """One write, after which that pipe alone is readable; what is in the log then."""
        os.write(self.pipes[number].writing, data)
        self.channel.pump(self.streams[number], now)
        return self.log.read_bytes()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    two = Two(tmp_path)
    yield two
    for pipe in two.pipes.values():
        pipe.close(with_reader=True)
    two.channel.file.close()


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_young_line_is_waited_for_though_lines_before_it_were_open_for_long(two: Two, size: int) -> None:
    """A flood is nearly always in the middle of a line, and never long in the same."""
    line = b"x" * size
    for turn in range(1, 5):
        two.write(1, line + b"\n" + line, turn * LINE_PATIENCE)
    begun = 4 * LINE_PATIENCE
    held = two.write(2, b"other\n", begun + LINE_PATIENCE / 2)
    assert held == (line + b"\n" + line) * 4
    assert two.write(1, b"end\n", begun + LINE_PATIENCE * 0.6) == held + b"end\n"
    two.host.advance(two.channel, begun + LINE_PATIENCE * 0.7)
    assert two.log.read_bytes() == held + b"end\nother\n"


def test_a_line_begins_when_it_has_been_read_and_not_when_that_was_about_to_begin(two: Two) -> None:
    """A pump that was held up in between does not take a line that has just come for an old one."""
    two.host.now = 10 * LINE_PATIENCE  # asked at 0, but the bytes came ten times the patience later
    two.write(1, b"half", 0.0)
    assert two.write(2, b"other\n", 10.5 * LINE_PATIENCE) == b"half"
    assert two.write(1, b" and half\n", 10.6 * LINE_PATIENCE) == b"half and half\n"


def test_an_old_line_holds_up_nobody_though_it_grows(two: Two) -> None:
    """A bar of progress, point by point."""
    for turn in range(10):
        two.write(1, b".", turn * LINE_PATIENCE / 5)
    assert two.write(2, b"other\n", 2 * LINE_PATIENCE) == b"." * 10 + b"other\n"
