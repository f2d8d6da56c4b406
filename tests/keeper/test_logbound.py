"""All logs together: the oldest rotated files go first, of whichever component, and nothing else ever does."""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest

from keeper.harness import House, python
from roost.keeper import logbound
from roost.keeper.logbound import LogBound
from roost.keeper.logfile import LogFile
from roost.platform import logindex
from roost.platform.pipes import Pipe, make_pipe, make_reader
from roost.records.follow import Follower
from roost.records.history import Generation, History
from roost.records.logs import query

MB = 1024 * 1024


class Folder:
    """Logs of given sizes and ages, and what a bound on them has removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[tuple[dict[str, int], int]] = []
        self.bound = LogBound(str(path), lambda files, size: self.told.append((files, size)))

    def log(self, name: str, number: int, size: int, time: float, index: int = 0) -> None:
        """A log that was written last at `time`, with its index."""
        for kind, length in (("log", size), ("idx", index)):
            file = Path(logindex.rotated(str(self.path / f"{name}.{kind}"), number))
            file.write_bytes(b"x" * length)
            os.utime(file, (time, time))

    def names(self) -> set[str]:
        return {file.name for file in self.path.iterdir() if ".log" in file.name}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_oldest_go_first_over_all_components(folder: Folder) -> None:
    """By the time of their last byte, with their indices, also those of components that no longer are."""
    folder.log("gone", 0, MB, 1)
    folder.log("gone", 1, MB, 0)
    for number, time in ((0, 100), (1, 50), (2, 40)):
        folder.log("api", number, MB, time, index=1000)
        folder.log("web", number, MB, time + 5, index=1000)
    folder.bound.set(6 * MB + MB // 2)
    assert folder.names() == {"gone.log", "api.log", "web.log", "api.log.1", "web.log.1"}
    assert not (folder.path / "api.idx.2").exists()
    assert folder.told == [({"gone": 1, "api": 1, "web": 1}, 3 * MB + 2000)]


def test_within_the_bound_nothing_is_touched(folder: Folder) -> None:
    """And nothing is told."""
    folder.log("api", 0, MB, 2)
    folder.log("api", 1, MB, 1)
    folder.bound.set(2 * MB)
    assert (folder.names(), folder.told) == ({"api.log", "api.log.1"}, [])


def test_live_files_never_go(folder: Folder) -> None:
    """Not even when they alone are more than the bound, nor what is no log at all."""
    folder.log("api", 0, 3 * MB, 1)
    folder.log("api", 1, MB, 0)
    (folder.path / "notes.txt").write_bytes(b"x" * MB)
    folder.bound.set(MB)
    assert folder.names() == {"api.log"}
    assert (folder.path / "notes.txt").exists()
    folder.bound.wrote(MB)
    assert len(folder.told) == 1


def test_what_others_have_written_counts_when_it_is_said_again(folder: Folder) -> None:
    """The daemon writes the logs of containers: it repeats the bound when it has rotated one."""
    folder.bound.set(10 * MB)
    for number in range(3):
        folder.log("db", number, 5 * MB, 9 - number)
    folder.bound.set(10 * MB)
    assert folder.names() == {"db.log"}
    assert folder.told == [({"db": 2}, 10 * MB)]


def test_no_hole_is_left_among_the_numbers(folder: Folder) -> None:
    """Times that somebody has changed do not let a newer file go before an older one of the same component."""
    folder.log("api", 0, MB, 9)
    folder.log("api", 1, MB, 1)
    folder.log("api", 2, MB, 5)
    folder.log("web", 1, MB, 3)
    folder.bound.set(3 * MB)
    assert folder.names() == {"api.log", "api.log.1"}


def test_a_rotation_between_look_and_removal_leaves_no_hole(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon rotates the logs of containers and asks nobody: a number may come to mean a newer file."""
    for number in range(4):
        folder.log("db", number, MB, 9 - number)
    look = logbound._rotated

    def look_and_rotate(path: str) -> object:
        found = look(path)
        for number in range(3, -1, -1):
            for kind in ("log", "idx"):
                names = (
                    logindex.rotated(str(folder.path / f"db.{kind}"), each) for each in (number, number + 1)
                )
                os.rename(*names)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(logbound, "_rotated", look_and_rotate)
        folder.bound.set(3 * MB)
    assert folder.names() == {f"db.log.{number}" for number in range(1, 5)}
    folder.bound.set(3 * MB)
    assert folder.names() == {"db.log.1", "db.log.2"}


def test_nobody_looks_while_there_is_room(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look into the folder once for each thirty-second part of the bound at most, however much is written."""
    folder.log("api", 0, 64 * MB, 1)
    looks = 0
    scandir = os.scandir

    def counted(path: str) -> object:
        nonlocal looks
        looks += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    folder.bound.set(32 * MB)
    for _ in range(10 * 1024):
        folder.bound.wrote(1024)
    assert 2 <= looks <= 11


def test_a_look_that_was_refused_is_no_look(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: without a descriptor to look with (D10) nobody believes that there is room; the next piece asks again."""
    folder.bound.set(4 * MB)
    for number in range(4):
        folder.log("api", number, 2 * MB, 9 - number)
    scandir, refused = os.scandir, OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    monkeypatch.setattr(os, "scandir", mock.Mock(side_effect=refused))
    folder.bound.wrote(8 * MB)
    monkeypatch.setattr(os, "scandir", scandir)
    folder.bound.wrote(1)
    assert folder.names() == {"api.log"}


def test_before_the_bound_is_known_nothing_goes(folder: Folder) -> None:
    """A keeper that has taken over does not know it until a daemon has told it."""
    folder.log("api", 1, 30 * MB, 1)
    folder.bound.wrote(10**12)
    assert folder.names() == {"api.log.1"}


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    pipe = make_pipe(str(tmp_path / "pipe"))
    yield pipe
    pipe.close()


def test_a_log_file_tells_of_every_byte(tmp_path: Path, pipe: Pipe) -> None:
    """Its own writing is enough: old files go without anybody calling, and with them their index."""
    folder = Folder(tmp_path / "logs")
    folder.path.mkdir()
    folder.bound.set(100_000)
    file = LogFile(str(folder.path / "a.log"), str(folder.path / "a.idx"), 10_000, 1000, folder.bound)
    reader = make_reader(pipe.reading)
    for _ in range(200):
        os.write(pipe.writing, b"x" * 999 + b"\n")
        file.take(reader, 1000, 1, 1)
        if file.is_full:
            file.rotate()
        assert sum(each.stat().st_size for each in folder.path.iterdir()) <= 110_000
    file.close()
    assert folder.told
    kept = sorted(folder.names())
    assert len(kept) > 4
    assert {name.replace("log", "idx") for name in kept} == {each.name for each in folder.path.glob("*.idx*")}


def test_the_keeper_obeys_and_tells(house: House) -> None:
    """P14: `bound` on the wire; ten components together stay below it, and an event names what went."""
    client = house.start()
    client.call("bound", logs=2 * MB)
    code = "import os\nfor n in range(2000): os.write(1, b'%06d %s\\n' % (n, b'x' * 490))"
    log = {"max_size": 100_000, "max_files": 50}
    for number in range(10):
        house.spawn(client, f"c{number}", python(code), log=log)
    for number in range(10):
        client.event("drained", f"c{number}")
    event = client.event("logs_removed")
    assert event["limit"] == 2 * MB
    assert event["size"] > 0
    assert set(event["files"]) <= {f"c{number}" for number in range(10)}
    files = list(Path(house.paths.logs).iterdir())
    assert sum(file.stat().st_size for file in files) <= 2 * MB + 10 * 110_000
    for number in range(10):
        lines = house.log(f"c{number}").splitlines()
        assert [int(line[:6]) for line in lines] == list(range(2000 - len(lines), 2000))


def test_readers_bear_that_files_vanish(tmp_path: Path) -> None:
    """P13: a query and a follower, while the bound takes away what they read, see whole lines in order."""
    folder = Folder(tmp_path / "logs")
    folder.path.mkdir()
    folder.bound.set(60_000)
    pipe = make_pipe(str(tmp_path / "pipe"))
    file = LogFile(str(folder.path / "a.log"), str(folder.path / "a.idx"), 5_000, 1000, folder.bound)
    reader, chance, count = make_reader(pipe.reading), random.Random(1), 20_000
    writing = threading.Event()

    def write() -> None:
        for number in range(count):
            os.write(pipe.writing, b"%06d %s\n" % (number, b"x" * chance.randrange(60)))
            file.take(reader, 4096, 1, 1)
            if file.is_full:
                file.rotate()
        writing.set()

    thread = threading.Thread(target=write)
    thread.start()
    follower, followed = Follower(str(folder.path), ["a"], lines=5), []
    try:
        while not writing.is_set():
            texts = [entry.text for entry in query(str(folder.path), ["a"], lines=500).entries]
            numbers = [int(text[:6]) for text in texts]
            assert [(one, other) for one, other in pairwise(numbers) if other != one + 1] == []
            followed += [int(entry.text[:6]) for entry in follower.poll(0.0)]
    finally:
        thread.join()
        file.close()
        pipe.close()
    while more := follower.poll(1.0):
        followed += [int(entry.text[:6]) for entry in more]
    assert followed == sorted(set(followed))
    assert followed[-1] == count - 1
    assert folder.told


def test_a_question_whose_look_fell_into_rotations_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: a file in the middle that was missed by a look which cannot be believed makes no hole in the answer."""
    folder = Folder(tmp_path / "logs")
    folder.path.mkdir()
    pipe = make_pipe(str(tmp_path / "pipe"))
    file = LogFile(str(folder.path / "a.log"), str(folder.path / "a.idx"), 5_000, 1000, folder.bound)
    reader = make_reader(pipe.reading)
    for number in range(500):
        os.write(pipe.writing, b"%06d %s\n" % (number, b"x" * 30))
        file.take(reader, 4096, 1, 1)
        if file.is_full:
            file.rotate()
    file.close()
    pipe.close()
    look, looks = History._look_until_settled, []

    def look_into_a_rotation(history: History) -> tuple[list[Generation], bool]:
        found, settled = look(history)
        looks.append(len(found))
        return (found[:1] + found[2:], False) if len(looks) == 1 else (found, settled)

    monkeypatch.setattr(History, "_look_until_settled", look_into_a_rotation)
    numbers = [int(entry.text[:6]) for entry in query(str(folder.path), ["a"], lines=450).entries]
    assert numbers == list(range(50, 500)) and looks[0] > 2
