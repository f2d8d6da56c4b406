"""A disk that fills up and is freed, over and over, under two streams at full speed: nothing is lost or torn."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.harness import PACKAGE, house_in, python, records_in, until
from roost.keeper import channel as channels
from roost.keeper.pumps import Pumps
from roost.platform import logindex
from roost.platform.pipes import make_pipe
from roost.records import logs

SEED = int(os.environ.get("ROOST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
NUMBERED = """
import os, random
chance = random.Random({seed})
numbers = {{1: 0, 2: 0}}
for _ in range(2 * {count}):
    fd = chance.choice([fd for fd in numbers if numbers[fd] < {count}])
    line = b"%d:%06d " % (fd, numbers[fd]) + b"x" * chance.randrange(chance.choice((20, 200, {longest})))
    line = memoryview(line + b"\\n")
    numbers[fd] += 1
    while line:
        line = line[os.write(fd, line):]
"""
"""A program that writes `count` numbered lines of random lengths on each stream, each with one `write`."""


class Listener:
    """What the control thread would hear."""

    def __init__(self) -> None:
        self.drained_runs: list[int] = []
        self.lost: list[int] = []
        self.mistakes: list[str] = []

    def flushed(self, name: str, run: int) -> None:
        """Not asked for here."""

    def drained(self, name: str, run: int) -> None:
        self.drained_runs.append(run)

    def grew(self, name: str, size: int) -> None:
        """Nobody watches."""

    def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
        self.lost.append(lost)

    def logs_removed(self, files: dict[str, int], size: int, limit: int) -> None:
        """No bound here."""

    def pump_failed(self, text: str) -> None:
        self.mistakes.append(text)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 40 MiB; on it the folder of a project."""
    mount = tmp_path / "project"
    mount.mkdir()
    options = ["-t", "tmpfs", "-o", "size=40m", "none", str(mount)]
    if os.getuid() != 0 or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("no right to mount here")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def patient_package(folder: Path) -> Path:
    """A copy of Roost whose keeper drops nothing, however long a busy machine makes a disk stay full."""
    package = folder / "patient" / "roost"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    module = package / "keeper" / "channel.py"
    text = module.read_text()
    assert text.count("DISK_PATIENCE = 5.0") == 1
    module.write_text(text.replace("DISK_PATIENCE = 5.0", "DISK_PATIENCE = 3600.0"))
    return package


def take_all_room(ballast: Path) -> None:
    """Leave not a byte."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def leave_some_room(ballast: Path, chance: random.Random) -> None:
    """Give a little back, and not a whole number of pages."""
    os.truncate(ballast, max(0, ballast.stat().st_size - chance.randrange(200_000)))


def assert_complete(folder: Path, count: int) -> None:
    """By the bytes of each stream, by the reader and in the raw files: each line once, whole, in order."""
    found = {1: b"", 2: b""}
    raw = b""
    number = 0
    while (folder / f"a.log.{number + 1}").exists():
        number += 1
    for each in range(number, -1, -1):
        data = Path(logindex.rotated(str(folder / "a.log"), each)).read_bytes()
        records = records_in(Path(logindex.rotated(str(folder / "a.idx"), each)))
        raw += data
        assert not data or records[0][0] == 0
        for record, end in zip(records, [record[0] for record in records[1:]] + [len(data)], strict=True):
            assert not record[4] & logindex.GAP
            found[record[3]] += data[record[0] : end]
    for stream, data in found.items():
        assert [line[:9] for line in data.splitlines()] == [b"%d:%06d " % (stream, at) for at in range(count)]
    lines = raw.splitlines()
    assert len(lines) == 2 * count
    assert not [line[:80] for line in lines if line[1:2] != b":" or line[8:9] != b" " or line[9:].strip(b"x")]
    told = []
    page = logs.query(str(folder), ["a"], lines=None)
    while page.entries:
        told += page.entries
        page = logs.query(str(folder), ["a"], cursor=page.cursor, lines=None)
    for stream, name in ((1, "stdout"), (2, "stderr")):
        texts = [entry.text for entry in told if entry.stream == name]
        assert [text.rstrip("x") for text in texts] == [f"{stream}:{at:06} " for at in range(count)]


@pytest.mark.parametrize(("longest", "count"), [(4000, 3000), (30_000, 500)], ids=["short", "long"])
def test_a_disk_that_fills_up_again_and_again_costs_nothing(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longest: int, count: int
) -> None:
    """P13, P20, DESIGN §3: no line is lost, doubled or, even in the raw file, cut by the other stream."""
    monkeypatch.setattr(channels, "DISK_PATIENCE", 3600.0)  # nothing may be dropped here
    monkeypatch.setattr(channels, "RETRY", 0.05)
    for patience in ("LINE_PATIENCE", "PRESSED_PATIENCE"):
        monkeypatch.setattr(channels, patience, 5.0)  # a busy machine may hold the program up in a long line
    print("seed", SEED)
    chance = random.Random(SEED)
    folder, ballast, told = disk / "logs", disk / "ballast", Listener()
    paths = str(folder / "a.log"), str(folder / "a.idx")
    pumps = Pumps(lambda function: function(), told, str(folder), lambda _: paths)
    pumps.start()
    pipes = [make_pipe(str(tmp_path / f"pipe{number}")) for number in (1, 2)]
    ends = [(pipe.reading, number, pipe.path) for number, pipe in enumerate(pipes, 1)]
    pumps.of("a").add("a", 1, ends, max_size=300_000, max_files=1000)
    code = NUMBERED.format(seed=SEED, longest=longest, count=count)
    take_all_room(ballast)
    writer = subprocess.Popen(python(code), stdout=pipes[0].writing, stderr=pipes[1].writing)
    for pipe in pipes:
        pipe.close(with_reader=False)
    try:
        while writer.poll() is None:
            take_all_room(ballast)
            time.sleep(chance.uniform(0, 0.3))
            for _ in range(chance.randrange(4)):
                leave_some_room(ballast, chance)
                time.sleep(chance.uniform(0, 0.1))
        ballast.unlink()
        until(lambda: told.drained_runs, what="the end of the output")
    finally:
        writer.kill()
        writer.wait()
        pumps.stop(5)
    assert not told.mistakes
    assert told.lost, "the disk never refused"
    assert not any(told.lost)
    assert_complete(folder, count)


def test_keepers_killed_on_a_full_disk_lose_nothing(disk: Path, tmp_path: Path) -> None:
    """P2, P20: a keeper begins, takes over and is killed while there is no room; each line is there once."""
    print("seed", SEED)
    chance = random.Random(SEED)
    ballast, count = disk / "ballast", 3000
    with house_in(tmp_path) as house:
        house.package = patient_package(tmp_path)
        client = house.start()
        code = NUMBERED.format(seed=SEED, longest=4000, count=count)
        log = {"max_size": 300_000, "max_files": 1000}
        house.spawn(
            client, "a", ["/bin/sh", "-c", 'sleep .2; exec "$@"', "-", *python(code)], log=log, cwd="/"
        )
        for _ in range(6):
            take_all_room(ballast)
            time.sleep(chance.uniform(0, 0.4))
            house.kill_keeper()
            client.close()
            client = house.start()
            time.sleep(chance.uniform(0, 0.4))
            leave_some_room(ballast, chance)
            time.sleep(chance.uniform(0, 0.4))
        ballast.unlink()
        client.event("drained", "a")
        assert not [event for event in client.events if event["event"] == "log_trouble" and event.get("lost")]
    assert_complete(Path(house.paths.logs), count)
