"""Pipes and the two ways of reading them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from roost.platform import pipes
from roost.platform.pipes import CHUNK, BufferedReader, Pipe, make_pipe, make_reader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs")
ways = pytest.mark.parametrize("reader_of", [make_reader, BufferedReader], ids=["best", "buffered"])


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    pipe = make_pipe(str(tmp_path / "pipe"))
    yield pipe
    pipe.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


@ways
def test_bytes_move_to_the_place_that_is_said(
    pipe: Pipe, target: int, reader_of: Callable[[int], pipes.Reader]
) -> None:
    """`move` takes as many as allowed, in order; an empty pipe says so, an ended one gives 0."""
    reader = reader_of(pipe.reading)
    os.write(pipe.writing, b"one two")
    assert reader.waiting() == 7
    assert reader.move(target, 0, 4) == 4
    assert reader.move(target, 4, 100) == 3
    assert os.pread(target, 100, 0) == b"one two"
    with pytest.raises(BlockingIOError):
        reader.move(target, 7, 100)
    os.close(pipe.writing)
    assert reader.move(target, 7, 100) == 0
    pipe.writing = os.dup(pipe.spare)


@ways
def test_looking_takes_nothing(pipe: Pipe, target: int, reader_of: Callable[[int], pipes.Reader]) -> None:
    """What was seen is still there to be moved, all of it."""
    reader = reader_of(pipe.reading)
    assert reader.look(10) == b""
    os.write(pipe.writing, b"a line\nhalf")
    assert reader.look(100) == b"a line\nhalf"
    assert reader.look(3) == b"a l"
    assert reader.waiting() == 11
    assert reader.move(target, 0, 7) == 7
    assert reader.move(target, 7, 100) == 4
    assert os.pread(target, 100, 0) == b"a line\nhalf"


@ways
def test_discarding_takes_and_forgets(pipe: Pipe, reader_of: Callable[[int], pipes.Reader]) -> None:
    """The pipe is empty afterwards."""
    reader = reader_of(pipe.reading)
    os.write(pipe.writing, b"x" * 5000)
    reader.look(100)
    taken = 0
    while taken < 5000:
        taken += reader.discard(10000)
    assert reader.waiting() == 0
    with pytest.raises(BlockingIOError):
        reader.discard(10)


@ways
def test_a_file_that_refuses_loses_nothing(
    pipe: Pipe, tmp_path: Path, target: int, reader_of: Callable[[int], pipes.Reader]
) -> None:
    """After an error the same bytes can be moved elsewhere (D5)."""
    reader = reader_of(pipe.reading)
    os.write(pipe.writing, b"precious")
    read_only = os.open(tmp_path / "log", os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        reader.move(read_only, 0, 100)
    os.close(read_only)
    assert reader.move(target, 0, 100) == 8


def test_the_writer_never_gets_sigpipe_while_it_holds_the_spare_end(pipe: Pipe) -> None:
    """Our end may go away: writing then fills the pipe, and raises nothing (P2)."""
    os.close(pipe.reading)
    assert os.write(pipe.writing, b"still here") == 10
    pipe.reading = os.dup(pipe.spare)


@pytest.mark.skipif(sys.platform != "linux", reason="pipe sizes")
def test_a_pipe_can_be_made_smaller_and_wider(tmp_path: Path) -> None:
    """Smaller for the many, wider for the few that flood (D9)."""
    small = make_pipe(str(tmp_path / "small"), 16384)
    os.set_blocking(small.writing, False)
    written = 0
    with pytest.raises(BlockingIOError):
        while True:
            written += os.write(small.writing, b"x" * 4096)
    assert written == 16384
    reader = make_reader(small.reading)
    assert reader.room() == 16384
    assert reader.resize(65536)
    assert os.write(small.writing, b"x" * 4096) == 4096
    assert reader.room() == 65536
    assert not reader.resize(16384), "it holds more than that"
    os.read(small.reading, 4096)
    assert reader.resize(16384)
    assert reader.room() == 16384
    small.close()


@pytest.mark.skipif(sys.platform != "linux", reason="pipe sizes")
def test_without_splice_little_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """P2: however much is asked for and there, no more than CHUNK can be lost with the keeper."""
    pipe = make_pipe(str(tmp_path / "pipe"))
    reader = BufferedReader(pipe.reading)
    if not reader.resize(16 * CHUNK):
        pytest.skip("this user's pipes have no more room")
    target = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    assert os.write(pipe.writing, b"x" * 10 * CHUNK) == 10 * CHUNK
    assert reader.move(target, 0, 8 * CHUNK) == CHUNK
    assert reader.discard(8 * CHUNK) == CHUNK
    assert (reader.held, reader.waiting()) == (b"", 8 * CHUNK)
    os.close(target)
    pipe.close()


def test_an_old_name_in_the_way_is_replaced(tmp_path: Path) -> None:
    """A pipe left by a run of the same number is not reused: its description may be spoilt."""
    path = str(tmp_path / "pipe")
    first = make_pipe(path)
    second = make_pipe(path)
    os.write(first.writing, b"old")
    with pytest.raises(BlockingIOError):
        os.read(second.reading, 10)
    first.close()
    second.close()
    pipes.remove_pipe(path)
    pipes.remove_pipe(path)
    with pytest.raises(OSError) as failed:
        make_pipe(str(tmp_path / "no" / "pipe"))
    assert failed.value.errno == errno.ENOENT
