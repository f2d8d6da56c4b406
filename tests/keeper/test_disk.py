"""A disk that is full, fails, or stands still: a state of one log, never the end of anything (D5)."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.fakes import FakeHost
from keeper.harness import house_in, python, records_in, until
from roost.keeper.channel import DISK_PATIENCE, Channel
from roost.keeper.logfile import LogFile
from roost.platform import logindex
from roost.platform.pipes import Reader, make_pipe, make_reader


class Bench:
    """A channel with two pipes, of which the second may stay silent, whose disk can be made to refuse."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = FakeHost()
        self.file = LogFile(str(folder / "a.log"), str(folder / "a.idx"), 10**9, 1)
        self.channel = Channel("a", self.file, self.host)
        self.pipe, self.other = (make_pipe(str(folder / f"pipe{number}")) for number in (1, 2))
        self.stream, self.other_stream = (
            self.channel.add(1, number, pipe.path, make_reader(pipe.reading))
            for number, pipe in ((1, self.pipe), (2, self.other))
        )
        self.log = folder / "a.log"
        self._take, self._gap = LogFile.take, LogFile.gap
        self._monkeypatch = monkeypatch

    def room(self, count: int) -> None:
        """The disk takes so many bytes more of the log, then it is full."""

        def some(file: LogFile, reader: Reader, wanted: int, *rest: int) -> int:
            nonlocal count
            if not count:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            moved = self._take(file, reader, min(wanted, count), *rest)
            count -= moved
            return moved

        self._monkeypatch.setattr(LogFile, "take", some)

    def refuse(self, number: int) -> None:
        def no(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        self._monkeypatch.setattr(LogFile, "take", no)
        self._monkeypatch.setattr(LogFile, "gap", no)

    def accept(self) -> None:
        self._monkeypatch.setattr(LogFile, "take", self._take)
        self._monkeypatch.setattr(LogFile, "gap", self._gap)

    def write(self, data: bytes) -> None:
        os.write(self.pipe.writing, data)

    def write_other(self, data: bytes) -> None:
        os.write(self.other.writing, data)

    def gaps(self) -> list[tuple[int, int, int]]:
        """(offset, bytes, stream) of the losses that the index tells of."""
        records = records_in(self.log.with_suffix(".idx"))
        return [(record[0], record[2], record[3]) for record in records if record[4] == logindex.GAP]

    def at(self, now: float) -> None:
        self.host.advance(self.channel, now)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    bench.pipe.close(with_reader=bench.stream in bench.channel.streams)
    bench.other.close(with_reader=bench.other_stream in bench.channel.streams)
    bench.file.close()


def test_bytes_wait_while_a_full_disk_may_recover(bench: Bench) -> None:
    """For five seconds nothing is dropped; when there is room again everything is written, nothing lost."""
    bench.write(b"before\n")
    bench.at(0.0)
    bench.refuse(errno.ENOSPC)
    bench.write(b"during\n")
    bench.at(1.0)
    assert bench.host.troubles == [(errno.ENOSPC, 0, False)]
    assert bench.stream not in bench.host.watched
    bench.accept()
    bench.at(2.0)
    assert bench.log.read_bytes() == b"before\nduring\n"
    assert bench.host.troubles[1:] == [(errno.ENOSPC, 0, True)]


def test_a_line_that_the_disk_has_cut_is_finished_before_the_other_stream_goes_on(bench: Bench) -> None:
    """The room ended in the middle of a line: it is not given up after 200 ms like one left unfinished (D2)."""
    bench.room(5)
    bench.write_other(b"error one\n")
    bench.at(0.0)
    bench.write(b"out\n")
    for tenth in range(1, 25):
        bench.at(tenth / 10)
    assert bench.log.read_bytes() == b"error"
    bench.accept()
    for tenth in range(25, 45):
        bench.at(tenth / 10)
    assert bench.log.read_bytes() == b"error one\nout\n"


def test_room_for_a_part_of_the_rest_cuts_no_line_either(bench: Bench) -> None:
    """A piece that the disk takes in part, when the line was old already, is still followed by its end."""
    bench.write(b"a long")
    bench.at(0.0)
    bench.write(b" line\n")
    bench.write_other(b"error\n")
    bench.room(2)
    bench.host.watched.discard(bench.stream)  # the busy machine: nobody told us that there is more of it
    bench.at(0.5)
    bench.host.watched.add(bench.stream)
    bench.at(0.6)
    assert bench.log.read_bytes() == b"a long l"
    bench.accept()
    for tenth in range(7, 30):
        bench.at(tenth / 10)
    assert bench.log.read_bytes() == b"a long line\nerror\n"


def test_an_end_without_last_words_does_not_wait_for_the_disk(bench: Bench) -> None:
    """A component that has nothing more to say has ended, whatever the disk does; one that has, is waited for."""
    told = list[str]()
    bench.refuse(errno.ENOSPC)
    bench.channel.flush(1, lambda: told.append("nothing to say"), 0.0)
    assert told == ["nothing to say"]
    bench.write(b"last words\n")
    bench.channel.flush(1, lambda: told.append("last words"), 0.1)
    assert told == ["nothing to say"]
    bench.accept()
    bench.at(2.0)
    assert told == ["nothing to say", "last words"]
    assert bench.log.read_bytes() == b"last words\n"


def test_each_stream_has_its_own_loss(bench: Bench) -> None:
    """What was dropped of both streams is noted for both: no reader joins what lies on its two sides."""
    bench.write(b"begin")
    bench.at(0.0)
    bench.refuse(errno.ENOSPC)
    bench.write(b" and end\n")
    bench.write_other(b"error\n")
    for tenth in range(1, 80):
        bench.at(tenth / 10)
    bench.accept()
    for tenth in range(80, 100):
        bench.at(tenth / 10)
    bench.write(b"later\n")
    bench.at(10.0)
    assert bench.log.read_bytes() == b"beginlater\n"
    assert bench.gaps() == [(5, 9, 1), (5, 6, 2)]
    assert bench.host.troubles[-1] == (errno.ENOSPC, 15, True)


def test_after_five_seconds_bytes_are_dropped_and_counted(bench: Bench) -> None:
    """The component is held up no longer; the loss is an event and a record in the index."""
    bench.refuse(errno.ENOSPC)
    bench.write(b"x" * 1000)
    for now in range(1, 8):
        bench.at(float(now))
    bench.write(b"y" * 500)
    bench.at(8.0)
    bench.accept()
    bench.write(b"after\n")
    for now in range(9, 12):
        bench.at(float(now))
    assert bench.log.read_bytes() == b"after\n"
    assert bench.host.troubles == [(errno.ENOSPC, 0, False), (errno.ENOSPC, 1500, True)]
    assert bench.gaps()[0] == (0, 1500, logindex.STDOUT)


def test_recovery_is_noticed_though_nobody_writes(bench: Bench) -> None:
    """The loss is noted within a second of the disk's recovery, also when the component is silent."""
    bench.refuse(errno.EIO)
    bench.write(b"x" * 10)
    for now in range(1, 9):
        bench.at(float(now))
    bench.accept()
    bench.at(10.0)
    assert bench.host.troubles == [(errno.EIO, 0, False), (errno.EIO, 10, True)]


def test_the_end_of_a_run_waits_for_the_disk_or_for_the_loss(bench: Bench) -> None:
    """A flush is done when the bytes are written or dropped, not before (S65)."""
    done: list[int] = []
    bench.refuse(errno.ENOSPC)
    bench.write(b"last words\n")
    bench.channel.flush(1, lambda: done.append(1), 0.0)
    bench.at(1.0)
    assert done == []
    bench.accept()
    bench.at(2.0)
    assert done == [1]
    assert bench.log.read_bytes() == b"last words\n"


def test_a_pipe_that_ends_during_trouble_is_let_go(bench: Bench) -> None:
    """A component that ends while its disk is full is drained all the same, after the patience."""
    bench.refuse(errno.ENOSPC)
    bench.write(b"x")
    bench.at(0.0)
    os.close(bench.pipe.writing)
    bench.pipe.writing = os.dup(bench.pipe.spare)
    for now in range(1, 9):
        bench.at(float(now))
    assert bench.host.ended_streams == [bench.stream]


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system")
def test_a_really_full_disk_stops_nothing_and_is_told(tmp_path: Path) -> None:
    """On a file system of 1 MiB: trouble is told, the component goes on, with room again so does its log."""
    mount = tmp_path / "project"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(mount)], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount here")
    try:
        with house_in(tmp_path) as house:
            client = house.start()
            code = (
                "import os, time\n"
                "for n in range(10**7): os.write(1, b'%d %s\\n' % (n, b'x' * 1000)); time.sleep(.0002)"
            )
            house.spawn(client, "api", python(code))
            event = client.event("log_trouble", "api")
            assert event["errno"] == errno.ENOSPC
            took = []
            for run in (1, 2, 3):
                began = time.monotonic()
                house.spawn(client, "other", ["/bin/sh", "-c", "exit 3"], run=run)
                assert client.event("exited", "other", run)["code"] == 3
                took.append(time.monotonic() - began)
            assert min(took) < DISK_PATIENCE - 0.5, "each as if it had waited for the disk"
            assert client.call("list")["runs"][0]["ended"] is False
            client.call("log", name="api", clear=True, max_size=100_000, max_files=1)
            until(lambda: client.settle(0.05) or any(event.get("resolved") for event in client.events))
            until(lambda: house.log("api").count(b"\n") > 10)
            house.clean()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounts and freezes a file system")
def test_a_frozen_disk_stops_logs_and_nothing_else(tmp_path: Path) -> None:
    """While the project's file system stands still, requests are answered and ends are told (D4, P12)."""
    image, mount = tmp_path / "image", tmp_path / "project"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    mkfs, freeze = (shutil.which(name, path="/sbin:/usr/sbin") for name in ("mkfs.ext4", "fsfreeze"))
    if not mkfs or not freeze:
        pytest.skip("no mkfs.ext4 or no fsfreeze here")
    made = subprocess.run([mkfs, "-q", str(image)], check=False, capture_output=True)
    mounted = made.returncode == 0 and subprocess.run(
        ["mount", "-o", "loop", str(image), str(mount)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no loop devices here")
    try:
        with house_in(tmp_path) as house:
            client = house.start()
            code = "import os, time\nfor n in range(10**7): os.write(1, b'%d\\n' % n); time.sleep(.001)"
            house.spawn(client, "api", python(code), cwd="/")
            house.spawn(client, "other", ["/bin/sleep", "60"], cwd="/")
            until(lambda: house.log("api").count(b"\n") > 10)
            subprocess.run([freeze, "-f", str(mount)], check=True)
            try:
                time.sleep(0.2)
                for _ in range(20):
                    client.call("list")
                client.call("signal", name="other", run=1, signal="KILL")
                event = client.event("exited", "other")
                assert event["signal"] == "KILL"
            finally:
                subprocess.run([freeze, "-u", str(mount)], check=True)
            size = house.log("api").count(b"\n")
            until(lambda: house.log("api").count(b"\n") > size + 50)
            numbers = [int(line) for line in house.log("api").splitlines()[:-1]]
            assert numbers == list(range(len(numbers)))
            house.clean()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
