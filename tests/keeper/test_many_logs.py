"""Many components that flood small logs, in all threads at once: what is kept is whole, and the oldest goes first."""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from keeper.harness import House, python, records_in, until
from roost.keeper.logbound import LogBound
from roost.keeper.pumps import Pumps
from roost.platform import logindex
from roost.platform.pipes import HAS_SPLICE, make_pipe
from roost.records import logs

COMPONENTS = 12
NUMBERED = """
import os, random
chance, lines = random.Random({seed}), []
for number in range({count}):
    lines.append(b"%06d %s\\n" % (number, b"x" * chance.randrange(chance.choice((20, 200, 2000)))))
data = memoryview(b"".join(lines))
while data:
    data = data[os.write(1, data[:chance.choice((1000, 65536))]):]
"""
"""A program that writes `count` numbered lines of random lengths, in writes that do not ask where a line ends."""
UNTIL_GO = """
import time
while not os.path.exists("go"): time.sleep(.01)
"""


def numbers_of(folder: Path, name: str) -> list[int]:
    """How often the rotated files that there are were rotated, in order; each has its index."""
    logs, indices = (
        sorted(int(file.suffix[1:]) for file in folder.glob(f"{name}.{kind}.*")) for kind in ("log", "idx")
    )
    assert logs == indices
    return logs


def lines_of(folder: Path, name: str) -> list[int]:
    """The numbers of the lines that are kept, each whole, by the index and by the reader."""
    found = []
    for number in (*reversed(numbers_of(folder, name)), 0):
        data = Path(logindex.rotated(str(folder / f"{name}.log"), number)).read_bytes()
        records = records_in(Path(logindex.rotated(str(folder / f"{name}.idx"), number)))
        assert [record[0] for record in records] == sorted(record[0] for record in records)
        assert not data or records[0][0] == 0
        assert data[-1:] in (b"", b"\n")
        found += data.splitlines()
    assert not [line[:80] for line in found if line[6:7] != b" " or line[7:].strip(b"x")]
    page = logs.query(str(folder), [name], lines=len(found) + 1, page_bytes=10**9)
    assert [entry.text.encode() for entry in page.entries] == found
    return [int(line[:6]) for line in found]


def test_threads_that_share_a_bound_remove_the_oldest_and_nothing_else(tmp_path: Path) -> None:
    """P14: while all rotate, no number comes to mean another file: none is missing, no younger one goes before."""
    folder, told, count = tmp_path / "logs", mock.Mock(), 1500
    wrong, remove = list[str](), LogBound._remove
    posts = collections.deque[Callable[[], None]]()

    def checked(bound: LogBound, name: str, number: int) -> bool:
        names = {file.name.partition(".")[0] for file in folder.iterdir()}
        oldest = {each: folder / f"{each}.log.{n[-1]}" for each in names if (n := numbers_of(folder, each))}
        victim = folder / f"{name}.log.{number}"
        if oldest[name] != victim or any(
            victim.stat().st_mtime > other.stat().st_mtime for other in oldest.values()
        ):
            wrong.append(f"{victim} of {sorted(oldest.values())}")
        return remove(bound, name, number)

    def all_have_ended() -> bool:
        while posts:
            posts.popleft()()
        return bool(told.drained.call_count == COMPONENTS)

    pumps = Pumps(
        posts.append,
        told,
        str(folder),
        lambda name: (str(folder / f"{name}.log"), str(folder / f"{name}.idx")),
    )
    writers = []
    with mock.patch.object(LogBound, "_remove", checked):
        pumps.start()
        pumps.bound(2_000_000)
        for each in range(COMPONENTS):
            pipe = make_pipe(str(tmp_path / f"pipe{each}"))
            code = NUMBERED.format(seed=each, count=count)
            writers.append(subprocess.Popen(python(code), stdout=pipe.writing))
            ends = [(pipe.reading, 1, pipe.path)]
            pumps.of(f"c{each}").add(f"c{each}", 1, ends, max_size=30_000, max_files=500)
            pipe.close(with_reader=False)
        try:
            until(all_have_ended)
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
            pumps.stop(60)
    told.pump_failed.assert_not_called()
    assert told.logs_removed.called
    assert wrong == []
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 2_000_000 + COMPONENTS * 30_000
    for each in range(COMPONENTS):
        kept = lines_of(folder, f"c{each}")
        assert kept == list(range(count - len(kept), count))


@pytest.mark.skipif(not HAS_SPLICE, reason="without splice one read may be lost")
@pytest.mark.parametrize("seed", [1, 2])
def test_keepers_that_are_stopped_and_killed_in_the_flood_of_many_lose_nothing(
    house: House, seed: int
) -> None:
    """P2, P13: what all threads had in hand is in the logs, once, whole and in order."""
    chance, count, go = random.Random(seed), 4000, Path(house.paths.root) / "go"
    client = house.start()
    for each in range(COMPONENTS):
        code = NUMBERED.format(seed=each, count=count) + UNTIL_GO
        house.spawn(client, f"c{each}", python(code), log={"max_size": 50_000, "max_files": 500})
    for _ in range(4):
        assert house.keeper is not None
        client.settle(chance.uniform(0, 0.1))
        house.keeper.send_signal(signal.SIGSTOP)
        os.waitpid(house.keeper.pid, os.WUNTRACED)
        house.keeper.send_signal(signal.SIGCONT)
        client.settle(chance.uniform(0, 0.1))
        house.kill_keeper()
        client = house.start()
    go.touch()
    for each in range(COMPONENTS):
        client.event("drained", f"c{each}")
        assert lines_of(Path(house.paths.logs), f"c{each}") == list(range(count))
