"""A log and its index on the disk."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeper.harness import records_in
from roost.keeper.logfile import LogFile
from roost.platform import logindex, positional
from roost.platform.pipes import CHUNK, Pipe, make_pipe, make_reader


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    pipe = make_pipe(str(tmp_path / "pipe"))
    yield pipe
    pipe.close()


def log_in(folder: Path) -> LogFile:
    return LogFile(str(folder / "logs" / "a.log"), str(folder / "logs" / "a.idx"), 1000, 2)


def test_opening_goes_on_at_the_end(tmp_path: Path, pipe: Pipe) -> None:
    """After a restart of the keeper the next bytes follow the last, whether or not a line was open."""
    reader = make_reader(pipe.reading)
    for text, line_open in ((b"one\ntw", True), (b"o\n", False)):
        file = log_in(tmp_path)
        os.write(pipe.writing, text)
        file.take(reader, 100, 1, 1)
        assert file.line_open is line_open
        file.close()
        again = log_in(tmp_path)
        again.open()
        assert (again.end, again.line_open) == (file.end, line_open)
        again.close()
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"one\ntwo\n"


def test_a_record_without_its_bytes_is_overwritten(tmp_path: Path, pipe: Pipe) -> None:
    """A keeper killed between index and log leaves a record beyond the end: the next one drops it."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    os.write(pipe.writing, b"one\n")
    file.take(reader, 100, 1, 1)
    file.close()
    index = tmp_path / "logs" / "a.idx"
    with index.open("ab") as out:
        out.write(logindex.pack(999, 1, 1, 1) + b"torn")
    again = log_in(tmp_path)
    os.write(pipe.writing, b"two\n")
    again.take(reader, 100, 2, 1)
    again.close()
    assert [(record[0], record[2]) for record in records_in(index)[:2]] == [(0, 1), (4, 2)]


def test_a_noted_loss_outlives_the_keeper(tmp_path: Path, pipe: Pipe) -> None:
    """Dropped bytes at the very end of the log are still on record when the next keeper has opened it."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    os.write(pipe.writing, b"one\n")
    file.take(reader, 100, 1, 1)
    file.gap(70, 1)
    file.close()
    again = log_in(tmp_path)
    os.write(pipe.writing, b"two\n")
    again.take(reader, 100, 1, 1)
    again.close()
    found = records_in(tmp_path / "logs" / "a.idx")
    assert [(record[0], record[2], record[4]) for record in found] == [
        (0, 1, 0),
        (4, 70, logindex.GAP),
        (4, 1, 0),
    ]


def test_a_rotation_that_the_disk_refused_costs_no_index(
    tmp_path: Path, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index moved and its log did not: the next piece finds both again where they belong."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    os.write(pipe.writing, b"one\n")
    file.take(reader, 100, 1, 1)

    def only_the_index(old: str, new: str) -> None:
        if old.endswith(".log"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.rename(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", only_the_index)
        with pytest.raises(OSError, match="space"):
            file.rotate()
    os.write(pipe.writing, b"two\n")
    file.take(reader, 100, 2, 1)
    file.close()
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"one\ntwo\n"
    assert [(record[0], record[2]) for record in records_in(tmp_path / "logs" / "a.idx")] == [(0, 1), (4, 2)]


def test_the_index_stays_small_under_many_small_writes(tmp_path: Path, pipe: Pipe) -> None:
    """Pieces of one stream within a millisecond share a record (D13)."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    for _ in range(200):
        os.write(pipe.writing, b"x\n")
        file.take(reader, 100, 1, 1)
    file.close()
    stamps = [record[1] for record in records_in(tmp_path / "logs" / "a.idx")]
    assert all(later - earlier >= 1_000_000 for earlier, later in pairwise(stamps))


def test_a_clock_that_is_set_back_sets_no_time_back(
    tmp_path: Path, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: the wall clock steps by hours, in either direction, also between two keepers: times never go back."""
    reader = make_reader(pipe.reading)
    hour = 3600 * 10**9
    file = log_in(tmp_path)
    for number, now in enumerate((5 * hour, 2 * hour, 6 * hour, 1 * hour)):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        for stream in (1, 2):
            os.write(pipe.writing, b"%d\n" % number)
            file.take(reader, 100, 1, stream)
        file.close()
        file = log_in(tmp_path)
    stamps = [record[1] // hour for record in records_in(tmp_path / "logs" / "a.idx")]
    assert stamps == [5, 5, 5, 5, 6, 6, 6, 6]


def test_rotation_with_nothing_kept_begins_anew(tmp_path: Path, pipe: Pipe) -> None:
    """`max_files: 0` keeps the live file alone."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    file.max_files = 0
    os.write(pipe.writing, b"old\n")
    file.take(reader, 100, 1, 1)
    file.rotate()
    os.write(pipe.writing, b"new\n")
    file.take(reader, 100, 1, 1)
    file.close()
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["a.idx", "a.log"]
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"new\n"


def test_a_log_that_was_moved_with_its_project_goes_on_in_its_new_place(tmp_path: Path, pipe: Pipe) -> None:
    """P3b: nothing is made anew in the old one, by what is open or by another run."""
    reader = make_reader(pipe.reading)
    place = tmp_path / "project" / ".roost"
    place.mkdir(parents=True)
    file = log_in(place)
    os.write(pipe.writing, b"before\n")
    file.take(reader, 100, 1, 1)
    (tmp_path / "project").rename(tmp_path / "moved")
    assert file.is_current()
    os.write(pipe.writing, b"after\n")
    file.take(reader, 100, 1, 1)
    file.close()
    assert (tmp_path / "moved" / ".roost" / "logs" / "a.log").read_bytes() == b"before\nafter\n"
    with pytest.raises(FileNotFoundError):
        log_in(place).open()
    assert not (tmp_path / "project").exists()


def test_fewer_files_may_be_kept_from_now_on(tmp_path: Path, pipe: Pipe) -> None:
    """What a smaller bound leaves over is removed at the next rotation (P14)."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    file.max_files = 5
    for number in range(7):
        os.write(pipe.writing, b"%d\n" % number)
        file.take(reader, 100, 1, 1)
        file.rotate()
    file.max_files = 1
    file.rotate()
    file.close()
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [
        "a.idx",
        "a.idx.1",
        "a.log",
        "a.log.1",
    ]


def test_a_rotation_that_was_cut_short_costs_no_index(tmp_path: Path, pipe: Pipe) -> None:
    """A keeper killed between the renames of index and log: the next one puts the index back."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    for text in (b"old\n", b"new\n"):
        os.write(pipe.writing, text)
        file.take(reader, 100, 1, 1)
        if text == b"old\n":
            file.rotate()
    file.close()
    folder = tmp_path / "logs"
    for name in ("log", "idx"):
        (folder / f"a.{name}.1").rename(folder / f"a.{name}.2")
    (folder / "a.idx").rename(folder / "a.idx.1")
    again = log_in(tmp_path)
    again.open()
    again.close()
    assert sorted(path.name for path in folder.iterdir()) == ["a.idx", "a.idx.2", "a.log", "a.log.2"]
    assert [record[0] for record in records_in(folder / "a.idx")] == [0]


@pytest.mark.parametrize("newline", [None, 0, 1, 100_000, 300_000, 524_286, 524_287])
def test_the_beginning_of_an_open_line_is_found_in_a_large_piece(
    tmp_path: Path, newline: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P25: wherever in the piece, and with little of it in memory at a time."""
    piece = bytearray(b"x" * 524_288)
    if newline is not None:
        piece[newline] = 10
    reader: Any = SimpleNamespace(move=lambda target, offset, count: os.pwrite(target, piece, offset))
    reads = list[int]()

    def read_at(fd: int, count: int, offset: int) -> bytes:
        reads.append(count)
        return os.pread(fd, count, offset)

    monkeypatch.setattr(positional, "read_at", read_at)
    file = log_in(tmp_path)
    assert file.take(reader, len(piece), 1, 1) == len(piece)
    assert (file.line_open, file.line_is_new) == (newline != len(piece) - 1, newline is not None)
    assert max(reads) <= CHUNK
    file.close()


def test_clearing_after_a_rotation_that_was_cut_short_leaves_nothing(tmp_path: Path, pipe: Pipe) -> None:
    """A keeper killed between two pairs leaves out a number; what is behind it must not come back one day."""
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    file.max_files = 5
    for number in range(3):
        os.write(pipe.writing, b"%d\n" % number)
        file.take(reader, 100, 1, 1)
        file.rotate()
    file.close()
    folder = tmp_path / "logs"
    for number in (3, 2):
        for name in ("idx", "log"):
            (folder / f"a.{name}.{number}").rename(folder / f"a.{name}.{number + 1}")
    (folder / "a.idx.1").rename(folder / "a.idx.2")
    again = log_in(tmp_path)
    again.clear()
    again.close()
    assert sorted(path.name for path in folder.iterdir()) == ["a.idx", "a.log"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can set room aside behind a file's end")
def test_room_that_is_set_aside_is_given_back(tmp_path: Path, pipe: Pipe) -> None:
    """A flood's log has room ahead of it, which shows in no size, and ends with the file or with the keeper."""
    reader = make_reader(pipe.reading)
    log = tmp_path / "logs" / "a.log"
    file = log_in(tmp_path)
    file.max_size = 10**7
    os.write(pipe.writing, b"one\n")
    file.take(reader, 100, 1, 1)
    with log.open("r+b") as other:
        try:
            positional.reserve(other.fileno(), 0, 4096)
        except OSError:
            pytest.skip("not on this file system")
    file.reserve()
    assert (log.stat().st_size, positional.has_reserve(log.stat())) == (4, True)
    file.close()
    assert not positional.has_reserve(log.stat())
    killed, following = log_in(tmp_path), log_in(tmp_path)
    killed.open()
    killed.reserve()
    following.open()
    assert not positional.has_reserve(log.stat())
    for each in (killed, following):
        each.close()
    assert log.read_bytes() == b"one\n"


def test_a_disk_without_room_to_set_aside_is_no_trouble(
    tmp_path: Path, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it has room is found out by the bytes themselves; and it is not asked at each piece."""
    asked = []

    def no(fd: int, offset: int, count: int) -> None:
        asked.append(offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(positional, "reserve", no)
    reader = make_reader(pipe.reading)
    file = log_in(tmp_path)
    file.max_size = 10**7
    for _ in range(10):
        os.write(pipe.writing, b"line\n")
        file.take(reader, 100, 1, 1)
        file.reserve()
    file.close()
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"line\n" * 10
    assert asked == [5]


def origin_of(index: Path) -> int | None:
    return logindex.unpack_origin(index.read_bytes())


def test_each_file_says_how_much_was_before_it(tmp_path: Path, pipe: Pipe) -> None:
    """Over rotation, clearing, a keeper's death, and files that somebody emptied or removed; to the byte."""
    reader = make_reader(pipe.reading)
    index = tmp_path / "logs" / "a.idx"
    file = log_in(tmp_path)

    def write(text: bytes) -> None:
        os.write(pipe.writing, text)
        file.take(reader, 100, 1, 1)

    write(b"12345")
    assert origin_of(index) == 0
    file.rotate()
    assert (origin_of(index), origin_of(tmp_path / "logs" / "a.idx.1")) == (5, 0)
    file.close()
    file = log_in(tmp_path)  # killed before the new file had any bytes
    write(b"678")
    assert origin_of(index) == 5
    file.clear()
    assert origin_of(index) == 8
    write(b"90")
    os.truncate(tmp_path / "logs" / "a.log", 0)
    time.sleep(0.002)  # or the record of before would do
    write(b"ab")
    assert origin_of(index) == 10
    file.close()
    for each in (tmp_path / "logs").iterdir():
        each.unlink()
    write(b"c")
    assert origin_of(index) == 12
    file.rotate()
    index.unlink()
    file.close()
    file = log_in(tmp_path)
    file.open()
    assert origin_of(index) == 13
    file.close()
