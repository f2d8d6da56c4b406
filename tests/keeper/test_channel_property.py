"""Whatever is written, whenever it is pumped: what is read back by the index is what was written (P13)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.fakes import FakeHost
from keeper.harness import records_in
from roost.keeper.channel import LINE_PATIENCE, Channel
from roost.keeper.logfile import LogFile
from roost.platform import logindex
from roost.platform.pipes import BufferedReader, Reader, make_pipe, make_reader

text = st.lists(
    st.sampled_from([b"a", b"bc", b"\n", b"line\n", b"x" * 700, b"y" * 3000 + b"\n"]), max_size=6
).map(b"".join)
write = st.tuples(st.just("write"), st.sampled_from([1, 2]), text)
pump = st.tuples(st.just("pump"), st.just(0), st.just(b""))
wait = st.tuples(st.just("wait"), st.just(0), st.just(b""))
kill = st.tuples(st.just("kill"), st.just(0), st.just(b""))


class World:
    """Two pipes into one small log, whose keeper may be killed."""

    def __init__(self, folder: Path, reader_of: Callable[[int], Reader]) -> None:
        self.folder = folder
        self.reader_of = reader_of
        self.pipes = {number: make_pipe(str(folder / f"pipe{number}")) for number in (1, 2)}
        self.written = {1: b"", 2: b""}
        self.now = 0.0
        self.channel: Channel | None = None
        self.begin(late=False)

    def begin(self, late: bool) -> None:
        """A keeper begins, the first or the next after a kill."""
        self.host = FakeHost()
        self.file = LogFile(str(self.folder / "a.log"), str(self.folder / "a.idx"), 5000, 500)
        self.channel = Channel("a", self.file, self.host)
        for number, pipe in self.pipes.items():
            reader = self.reader_of(os.dup(pipe.reading))
            flags = logindex.LATE if late else 0
            self.channel.add(1, number, str(self.folder / "no"), reader, flags, self.now)

    def kill(self) -> None:
        """As `kill -9`: descriptors go, nothing is finished."""
        assert self.channel is not None
        for stream in self.channel.streams:
            stream.reader.close()
        self.file.close()
        self.begin(late=True)

    def pump(self) -> None:
        assert self.channel is not None
        self.now += 0.001
        self.host.advance(self.channel, self.now)

    def write(self, number: int, data: bytes) -> None:
        while data:
            n = os.write(self.pipes[number].writing, data[:4096])
            self.written[number] += data[:n]
            data = data[n:]
            self.pump()

    def finish(self) -> None:
        """The component ends: its pipes are emptied and closed."""
        assert self.channel is not None
        done: list[int] = []
        self.channel.flush(1, lambda: done.append(1), self.now)
        assert done == [1]
        for pipe in self.pipes.values():
            pipe.close()
        for _ in range(4):
            self.pump()
        assert len(self.host.ended_streams) == 2

    def read(self) -> dict[int, bytes]:
        """Each stream as the index tells it, over all rotated files."""
        number = 0
        while (self.folder / f"a.log.{number + 1}").exists():
            number += 1
        found = {1: b"", 2: b""}
        for each in range(number, -1, -1):
            log = Path(logindex.rotated(str(self.folder / "a.log"), each)).read_bytes()
            records = records_in(Path(logindex.rotated(str(self.folder / "a.idx"), each)))
            ends = [record[0] for record in records[1:]] + [len(log)]
            assert not log or records[0][0] == 0
            for record, end in zip(records, ends, strict=True):
                found[record[3]] += log[record[0] : end]
        return found


@pytest.mark.parametrize("reader_of", [make_reader, BufferedReader], ids=["best", "buffered"])
@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.one_of(write, write, pump, wait), max_size=40))
def test_what_was_written_is_read_back(
    reader_of: Callable[[int], Reader], steps: list[tuple[str, int, bytes]]
) -> None:
    """Random pieces on both streams, random pauses, rotations: complete, in order, told apart."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), reader_of)
        for kind, number, data in steps:
            if kind == "write":
                world.write(number, data)
            elif kind == "pump":
                world.pump()
            else:
                world.now += LINE_PATIENCE
        world.finish()
        assert world.read() == world.written


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.one_of(write, write, pump, wait, kill), max_size=40))
def test_what_was_written_is_read_back_over_kills(steps: list[tuple[str, int, bytes]]) -> None:
    """With splice, a kill between any two steps loses nothing and doubles nothing (P2)."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), make_reader)
        for kind, number, data in steps:
            if kind == "write":
                world.write(number, data)
            elif kind == "pump":
                world.pump()
            elif kind == "kill":
                world.kill()
            else:
                world.now += LINE_PATIENCE
        world.finish()
        assert world.read() == world.written


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(0, 5)), max_size=40))
def test_whole_lines_are_never_torn(steps: list[tuple[int, int]]) -> None:
    """Whoever writes whole lines finds them whole in the file, in whatever order they were pumped (D2)."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), make_reader)
        for stream, count in steps:
            world.write(stream, b"".join(b"%d:%s\n" % (stream, b"x" * (90 * n)) for n in range(count)))
        world.finish()
        files = sorted(Path(folder).glob("a.log*"))
        lines = [line for file in files for line in file.read_bytes().split(b"\n")]
        assert all(not line or (line[:2] in (b"1:", b"2:") and not line[2:].strip(b"x")) for line in lines)
        assert sum(map(bool, lines)) == sum(count for _, count in steps)
