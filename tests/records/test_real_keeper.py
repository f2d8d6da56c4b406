"""What a real keeper writes is what we read: two noisy streams, rotation, and readers all the while."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from records.model_keeper import MILLISECOND, ModelKeeper
from roost.platform.logindex import STDERR, STDOUT
from roost.records.entries import LogEntry
from roost.records.follow import Follower, RunLines
from roost.records.logs import query

if os.name != "nt":
    from keeper.harness import House, house_in, python, until

NOISE = """
import os, random, time
seed = random.Random({seed})
counts = {{1: 0, 2: 0}}
rest = {{1: b"", 2: b""}}
for turn in range(600):
    stream = seed.choice((1, 1, 2))
    for _ in range(seed.randrange(1, 30)):
        rest[stream] += b"%d %06d " % (stream, counts[stream]) + b"x" * seed.randrange(150) + b"\\n"
        counts[stream] += 1
    cut = seed.randrange(len(rest[stream]) + 1)
    os.write(stream, rest[stream][:cut])
    rest[stream] = rest[stream][cut:]
    if turn % 20 == 0:
        time.sleep(0.002)
for stream in (1, 2):
    os.write(stream, rest[stream])
    os.write(stream, b"%d end %d" % (stream, counts[stream]))
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path) as house:
        yield house


def assert_whole(entries: list[LogEntry], runs: int) -> None:
    """Each stream of each run complete, in order, under its own name."""
    for run in range(1, runs + 1):
        for number, stream in ((1, "stdout"), (2, "stderr")):
            texts = [entry.text for entry in entries if entry.run == run and entry.stream == stream]
            *lines, end = texts
            assert end == f"{number} end {len(lines)}"
            assert [line.split()[:2] for line in lines] == [
                [str(number), f"{at:06}"] for at in range(len(lines))
            ]
    times = [
        entry.at_ns for entry in entries if " end " not in entry.text
    ]  # unfinished: told when it is known
    assert times == sorted(times)


@pytest.mark.skipif(os.name == "nt", reason="the POSIX keeper")
def test_a_real_keeper_s_logs_read_back_whole(house: House) -> None:
    """Lines of both streams over rotations and restarts come back whole, once, in order, attributed (P13)."""
    client = house.start()
    follower = Follower(house.paths.logs, ["api"])
    probe = RunLines(house.paths.logs, "api", 2)
    followed: list[LogEntry] = []
    probed: list[str] = []
    log = {"max_size": 200_000, "max_files": 50}

    def look() -> bool:
        client.settle(0.001)
        followed.extend(follower.poll(0.0))
        probed.extend(probe.poll(0.0))
        return bool(client.events and any(e["event"] == "exited" and e["run"] == run for e in client.events))

    for run in (1, 2, 3):
        house.spawn(client, "api", python(NOISE.format(seed=run)), run=run, log=log)
        until(look)
    for now in (0.0, 1.0, 2.0):
        look()
        followed += follower.poll(now)
        while follower.more:
            followed += follower.poll(now)
    probed += probe.poll(1.0)
    everything = query(house.paths.logs, ["api"], lines=10**6, page_bytes=10**9).entries
    assert len(house.files(house.paths.log("api"))) > 3
    assert_whole(everything, runs=3)
    assert followed == everything
    assert probed == [entry.text for entry in everything if entry.run == 2]
    assert query(house.paths.logs, lines=50).entries == everything[-50:]


class _Pipe:
    """What LogFile takes bytes from: gives them once, then is empty."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    def move(self, fd: int, offset: int, _count: int) -> int:
        if not self._data:
            raise BlockingIOError
        data, self._data = self._data, b""
        return os.pwrite(fd, data, offset)


@pytest.mark.skipif(os.name == "nt", reason="the POSIX keeper")
def test_an_empty_pipe_leaves_no_trace(tmp_path: Path) -> None:
    """A look into the other stream's pipe that finds nothing does not give it the next line."""
    from roost.keeper.logfile import LogFile

    log = LogFile(str(tmp_path / "api.log"), str(tmp_path / "api.idx"), 1 << 30, 5)
    log.take(_Pipe(b"one\n"), 99, 1, STDOUT)  # type: ignore[arg-type]
    with pytest.raises(BlockingIOError):
        log.take(_Pipe(), 99, 1, STDERR)  # type: ignore[arg-type]
    log.take(_Pipe(b"two\n"), 99, 1, STDOUT)  # type: ignore[arg-type]
    log.close()
    found = query(str(tmp_path), ["api"]).entries
    assert [(entry.stream, entry.text) for entry in found] == [("stdout", "one"), ("stdout", "two")]


def test_rotations_in_the_middle_of_reading_lose_nothing(tmp_path: Path) -> None:
    """A writer that rotates without pause, and two readers that look meanwhile: nothing lost or doubled."""
    keeper = ModelKeeper(tmp_path, "api", max_size=600, max_files=100)
    count = 6000

    def write() -> None:
        for number in range(count):
            keeper.advance(MILLISECOND)
            keeper.write(STDERR if number % 3 else STDOUT, b"%06d\n" % number)

    follower = Follower(str(tmp_path), ["api"])
    entries: list[LogEntry] = []
    cursor, queried = follower.cursor(), list[LogEntry]()
    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        entries += follower.poll(0.0)
        page = query(str(tmp_path), ["api"], lines=None, cursor=cursor)
        queried, cursor = queried + page.entries, page.cursor
    writer.join()
    entries += [*follower.poll(0.0), *follower.poll(0.0)]
    queried += query(str(tmp_path), ["api"], lines=None, cursor=cursor).entries
    for found in (entries, queried):
        assert [int(entry.text) for entry in found] == list(range(count))
        assert [entry.stream for entry in found] == [
            "stderr" if number % 3 else "stdout" for number in range(count)
        ]
