"""A container's output on its way into the log store: over every interruption, each line once and in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from edges.engine_rig import order, run, talking_to, until
from roost.edges.engine.api import Engine, EngineError, ErrorKind, LogPiece, LogReader, LogStream
from roost.edges.engine.capture import EngineCapture
from roost.edges.engine.position import Anchor
from roost.edges.engine.stamped import StampedLog
from roost.records import logs
from support.engine import RealEngine

DAEMON = Path(__file__).resolve().parents[2] / "daemon"
WRITER = Path(__file__).with_name("capture_writer.py")

BOTH = "i=0; while [ $i -lt {count} ]; do echo out $i; echo err $i >&2; i=$((i+1)); {pause} done"
MEGABYTE = 1024 * 1024


class Notes:
    """What a capture has said."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.troubles: list[tuple[int, bool]] = []
        self.failures: list[EngineError] = []

    def grew(self, name: str, size: int) -> None:
        self.sizes.append(size)

    def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
        self.troubles.append((number, resolved))

    def capture_failed(self, name: str, error: EngineError) -> None:
        self.failures.append(error)


async def _started(engine: Engine, *command: str, **fields: object) -> str:
    container = await engine.create(order(*command, **fields))
    await engine.start(container)
    return container


def _stored(folder: Path, stream: logs.Stream | None = None) -> list[logs.LogEntry]:
    entries: list[logs.LogEntry] = []
    page = logs.query(str(folder), ["web"], lines=None, stream=stream)
    entries += page.entries
    while page.more:
        page = logs.query(str(folder), ["web"], lines=None, stream=stream, cursor=page.cursor)
        entries += page.entries
    return entries


def expect_each_once(folder: Path, count: int, more: tuple[str, ...] = ()) -> None:
    """Each line of BOTH in the store, in its stream's order; `more`: behind them on stdout."""
    out = [entry.text for entry in _stored(folder, "stdout")]
    assert out == [*(f"out {number}" for number in range(count)), *more]
    assert [entry.text for entry in _stored(folder, "stderr")] == [f"err {number}" for number in range(count)]


async def _pieces(engine: Engine, container: str, since_ns: int = 0) -> list[LogPiece]:
    return await asyncio.to_thread(lambda: list(engine.logs(container, since_ns, follow=False)))


def test_both_streams_with_the_engines_times(container_engine: RealEngine) -> None:
    """A reading ends with the container; streams are marked; a later one begins at the asked nanosecond."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine, "sh", "-c", "echo one; echo two >&2; sleep 0.2; printf three")
            await asyncio.to_thread(lambda: list(engine.logs(container)))  # ends when the container does

            async def three() -> list[LogPiece]:
                pieces = await _pieces(engine, container)
                return pieces if len(pieces) == 3 else []

            pieces = await until(three, "three pieces")
            assert {(piece.stream, piece.data) for piece in pieces} == {
                (LogStream.STDOUT, b"one\n"),
                (LogStream.STDERR, b"two\n"),
                (LogStream.STDOUT, b"three" if container_engine.is_podman else b"three\n"),
            }, "Docker keeps lines: it ends the last one itself"
            seen = await engine.inspect(container)
            assert seen.started_at and seen.finished_at
            assert all(seen.started_at - 1 <= piece.at_ns / 1e9 <= seen.finished_at + 1 for piece in pieces)
            last = pieces[-1]
            assert last in await _pieces(engine, container, last.at_ns)
            if container_engine.is_podman:  # it tells whole seconds
                assert await _pieces(engine, container, last.at_ns + 1_000_000_000) == []
            else:
                assert await _pieces(engine, container, last.at_ns) == [last]
                assert await _pieces(engine, container, last.at_ns + 1) == []
            with pytest.raises(EngineError) as caught:
                await _pieces(engine, "roost-none")
            assert caught.value.kind is ErrorKind.NO_SUCH_CONTAINER

    run(test)


@pytest.mark.parametrize("tty", [False, True])
def test_long_and_strange_lines_come_through(container_engine: RealEngine, tmp_path: Path, tty: bool) -> None:
    """P20: a line of 100 KB, which the engine cuts, is one line again, and any byte is kept.

    Behind a terminal Docker itself replaces what is no UTF-8.
    """

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            script = r"head -c 100000 /dev/zero | tr '\0' x; echo; printf '\377\001\033[1m\n'; echo end"
            container = await _started(engine, "sh", "-c", script, tty=tty)
            capture = EngineCapture(engine, str(tmp_path), Notes())
            capture.start("web", 1, container, MEGABYTE, 5)
            await capture.drained("web", 1)
            await capture.close()
        end, strange = b"\r\n" if tty else b"\n", b"\xff"
        if tty and not container_engine.is_podman:
            strange = "\ufffd".encode()
        assert (tmp_path / "web.log").read_bytes() == (
            b"x" * 100_000 + end + strange + b"\x01\x1b[1m" + end + b"end" + end
        )
        assert len(_stored(tmp_path)) == 3
        assert {entry.stream for entry in _stored(tmp_path)} == ({None} if tty else {"stdout"})

    run(test)


def test_a_running_container_is_followed_and_drained(container_engine: RealEngine, tmp_path: Path) -> None:
    """S65: lines are in the log while it runs, and `drained` comes after the last; growth is told."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            notes = Notes()
            capture = EngineCapture(engine, str(tmp_path), notes)
            script = "echo first; while ! test -e /tmp/go; do sleep 0.05; done; echo last"
            container = await _started(engine, "sh", "-c", script)
            capture.start("web", 7, container, MEGABYTE, 5)

            async def first() -> bool:
                return [entry.text for entry in _stored(tmp_path)] == ["first"]

            await until(first, "the first line")
            waiting = asyncio.ensure_future(capture.drained("web", 7))
            await engine.execute(container, ("touch", "/tmp/go"), 10)
            await waiting
            entries = _stored(tmp_path)
            assert [(entry.text, entry.run) for entry in entries] == [("first", 7), ("last", 7)]

            async def told() -> bool:
                return bool(notes.sizes) and notes.sizes[-1] == (tmp_path / "web.log").stat().st_size

            await until(told, "the growth")
            # A second run of the same component goes on in the same log; the same container comes once.
            capture.start("web", 7, container, MEGABYTE, 5)
            again = await _started(engine, "echo", "again")
            capture.start("web", 8, again, MEGABYTE, 5)
            await capture.drained("web", 7)
            await capture.drained("web", 8)
            assert [entry.text for entry in _stored(tmp_path)] == ["first", "last", "again"]
            await capture.drained("web", 9)  # one that is not taken is drained
            await engine.remove(container)
            capture.start("web", 9, container, MEGABYTE, 5)
            await capture.drained("web", 9)  # and so is one that is gone
            assert not notes.failures
            await capture.close()

    run(test)


def test_a_killed_writer_loses_and_doubles_nothing(container_engine: RealEngine, tmp_path: Path) -> None:
    """P1: `kill -9` of the writing process at random moments, with rotations: each line once, in order."""
    count, chance = 3000, random.Random(7)
    environment = {**container_engine.environment, "PYTHONPATH": str(DAEMON)}
    killed = 0

    async def test() -> None:
        nonlocal killed
        async with talking_to(container_engine) as engine:
            container = await _started(engine, "sh", "-c", BOTH.format(count=count, pause="usleep 300;"))
            command = [sys.executable, str(WRITER), str(tmp_path), container, "20000"]
            for _ in range(40):
                writer = subprocess.Popen(command, env=environment)
                try:
                    await asyncio.to_thread(writer.wait, 0.35 + chance.random() * 0.4)
                except subprocess.TimeoutExpired:
                    os.kill(writer.pid, signal.SIGKILL)
                    writer.wait()
                    killed += 1
                else:
                    assert writer.returncode == 0
                    break
            done = await asyncio.to_thread(subprocess.run, command, env=environment, timeout=60)
            assert done.returncode == 0

    run(test)
    assert killed >= 2
    assert (tmp_path / "web.log.1").exists()
    expect_each_once(tmp_path, count)


def test_an_interrupted_reading_goes_on_where_it_was(container_engine: RealEngine, tmp_path: Path) -> None:
    """Connections that break at random moments, under the same writer, lose and double nothing."""
    count, chance = 4000, random.Random(3)

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            capture = EngineCapture(engine, str(tmp_path), Notes())
            container = await _started(engine, "sh", "-c", BOTH.format(count=count, pause="usleep 100;"))
            capture.start("web", 1, container, 50_000, 100)
            taking = capture._takers["web"].of(1)
            waiting = asyncio.ensure_future(capture.drained("web", 1))
            broken = 0
            while not waiting.done():
                await asyncio.wait([waiting], timeout=chance.random() * 0.1)
                if taking is not None and taking.reader is not None:
                    taking.reader.close()
                    broken += 1
                if broken == 60:
                    await waiting
            await capture.close()
            assert broken > 5

    run(test)
    expect_each_once(tmp_path, count)


def test_a_disk_that_refuses_costs_nothing(container_engine: RealEngine, tmp_path: Path) -> None:
    """The engine keeps the bytes meanwhile: told at both ends, and no line is missing."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            notes = Notes()
            folder = tmp_path / "logs"
            folder.write_text("in the way: no folder can be made here")
            capture = EngineCapture(engine, str(folder), notes)
            container = await _started(engine, "sh", "-c", BOTH.format(count=50, pause=""))
            capture.start("web", 1, container, MEGABYTE, 5)

            async def told() -> bool:
                return bool(notes.troubles)

            await until(told, "the trouble")
            folder.unlink()
            await capture.drained("web", 1)
            await capture.close()
            assert [resolved for _, resolved in notes.troubles] == [False, True]
            expect_each_once(folder, 50)

    run(test)


def test_a_log_that_is_cleared_or_removed_goes_on(container_engine: RealEngine, tmp_path: Path) -> None:
    """P3b: after `logs --clear`, or `rm`, what was written before does not come again."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            capture = EngineCapture(engine, str(tmp_path), Notes())
            script = "n=0; while :; do echo line $n; n=$((n+1)); while ! test -e /tmp/$n; do sleep 0.05; done; done"
            container = await _started(engine, "sh", "-c", script)
            capture.start("web", 1, container, MEGABYTE, 5)

            async def holds(*texts: str) -> None:
                async def look() -> bool:
                    return [entry.text for entry in _stored(tmp_path)] == list(texts)

                await until(look, f"the log of {texts}")

            async def go(number: int) -> None:
                await engine.execute(container, ("touch", f"/tmp/{number}"), 10)

            await holds("line 0")
            await capture.clear("web", 1, MEGABYTE, 5)
            taking = capture._takers["web"].of(1)
            assert taking is not None and taking.reader is not None
            taking.reader.close()
            await go(1)
            await holds("line 1")
            for path in tmp_path.iterdir():
                path.unlink()
            capture.look_after()
            await go(2)
            await holds("line 2")
            capture.abandon("web", 1)
            await capture.drained("web", 1)
            await capture.close()

    run(test)


@pytest.mark.parametrize("taken", [True, False], ids=["while it is taken", "while it is not"])
def test_what_was_cleared_does_not_come_back_with_the_next_daemon(
    container_engine: RealEngine, tmp_path: Path, taken: bool
) -> None:
    """P1: also where nothing was written between `logs --clear` and the kill."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            script = (
                "echo old; echo older >&2; while ! test -e /tmp/go; do sleep 0.05; done; echo new; sleep 600"
            )
            container = await _started(engine, "sh", "-c", script)

            async def holds(*texts: str) -> None:
                async def look() -> bool:
                    return sorted(entry.text for entry in _stored(tmp_path)) == list(texts)

                await until(look, f"the log of {texts}")

            first = EngineCapture(engine, str(tmp_path), Notes())
            first.start("web", 1, container, MEGABYTE, 5)
            await holds("old", "older")
            if taken:
                await first.clear("web", 1, MEGABYTE, 5)
            await first.close()
            if not taken:
                await EngineCapture(engine, str(tmp_path), Notes()).clear("web", 1, MEGABYTE, 5)
            await holds()
            second = EngineCapture(engine, str(tmp_path), Notes())
            second.start("web", 1, container, MEGABYTE, 5)
            await engine.execute(container, ("touch", "/tmp/go"), 10)
            await holds("new")
            await second.close()
            assert (tmp_path / "web.cleared").exists()
            last = EngineCapture(engine, str(tmp_path), Notes())
            last.start("web", 2, container, MEGABYTE, 5)
            await holds("new", "new", "old", "older")
            await last.close()
            assert not (tmp_path / "web.cleared").exists()

    run(test)


def test_a_clearing_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    """P1: killed after it was written down that it is to be done."""

    class Killed(Exception):
        pass

    class Interrupted(StampedLog):
        def clear(self) -> None:
            raise Killed

    log = Interrupted(str(tmp_path), "web", MEGABYTE, 5)
    log.append(b"one\n", 1_000_000_000, 1, 1)
    with pytest.raises(Killed):
        log.clear_of(1)
    log.close()
    assert (tmp_path / "web.log").read_bytes() == b"one\n"
    after = StampedLog(str(tmp_path), "web", MEGABYTE, 5)
    assert after.position(1).anchors == {1: Anchor(1_000_000_000, 4, 1_001_000_000)}
    assert (tmp_path / "web.log").read_bytes() == b""
    after.append(b"two\n", 2_000_000_000, 1, 1)
    after.close()
    assert StampedLog(str(tmp_path), "web", MEGABYTE, 5).position(1).anchors[1].at_ns == 2_000_000_000
    assert (tmp_path / "web.log").read_bytes() == b"two\n"


def test_a_log_that_the_engine_refuses_is_told_of_once(tmp_path: Path) -> None:
    """Each look at the container tries again; nobody reads the same sentence with every status."""

    class Refusing:
        def logs(self, container: str, since_ns: int, follow: bool) -> LogReader:
            raise EngineError(ErrorKind.REFUSED, "this log driver cannot be read")

    async def test() -> None:
        notes = Notes()
        capture = EngineCapture(cast(Engine, Refusing()), str(tmp_path), notes)
        for _ in range(3):
            capture.start("web", 1, "c1", MEGABYTE, 5)
            await capture.drained("web", 1)
        assert [error.kind for error in notes.failures] == [ErrorKind.REFUSED]
        await capture.close()

    run(test)
