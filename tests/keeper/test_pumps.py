"""What the pump threads share: whose log is whose, the bound on all, the end; and looking at pipes side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from keeper.harness import until
from roost.keeper import logbound
from roost.keeper import pumps as pumps_module
from roost.keeper.logbound import LogBound
from roost.keeper.logfile import LogFile
from roost.keeper.pumps import THREADS, Pumps
from roost.platform import pipes

MB = 1024 * 1024


def idle_pumps(observer: Any, folder: str = "nowhere") -> Pumps:
    """None of whose threads was started."""
    return Pumps(lambda function: function(), observer, folder, lambda name: (name, name))


def test_new_logs_take_turns_and_stay_where_they_are() -> None:
    """A log's order needs no lock because one thread alone has it."""
    pumps = idle_pumps(mock.Mock())
    names = [f"c{number}" for number in range(10)]
    first = [pumps.of(name) for name in names]
    assert [first.count(each) for each in set(first)] == [10 // THREADS] * THREADS
    assert [pumps.of(name) for name in reversed(names)] == first[::-1]


def test_what_concerns_every_log_is_said_to_every_thread() -> None:
    """P3b: files that somebody has removed are made anew, whoever has them."""
    pumps = idle_pumps(mock.Mock())
    threads = pumps._pumps = [mock.Mock() for _ in range(THREADS)]  # type: ignore[assignment]
    pumps.watch(["a", "b"])
    pumps.look_after()
    for each in threads:
        each.watch.assert_called_once_with({"a", "b"})
        each.look_after.assert_called_once_with()


def test_the_end_waits_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that hang do not add up; all are told to end before anybody waits."""
    now, said = 1000.0, list[object]()

    class Hanging:
        def stop(self) -> None:
            said.append("stop")

        def join(self, patience: float) -> None:
            nonlocal now
            now += patience
            said.append(patience)

    pumps = idle_pumps(mock.Mock())
    pumps._pumps = [Hanging(), Hanging()]  # type: ignore[list-item]
    monkeypatch.setattr(pumps_module.time, "monotonic", lambda: now)
    pumps.stop(5.0)
    assert said == ["stop", "stop", 5.0, 0.0]


def test_what_the_bound_costs_is_told_at_once_and_then_together(tmp_path: Path) -> None:
    """Whichever thread has used the room up, the counts are kept by one."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.log.1").touch()
        os.truncate(tmp_path / f"{name}.log.1", 4 * MB)
    observer, later = mock.Mock(), list[Callable[[float], None]]()
    asked = list[Callable[[], None]]()
    pumps = idle_pumps(observer, str(tmp_path))
    pumps._pumps[0].do = asked.append  # type: ignore[method-assign]
    pumps._pumps[0].call_at = lambda _, function: later.append(function)  # type: ignore[method-assign]
    pumps._bound.set(11 * MB)
    observer.logs_removed.assert_not_called()
    asked.pop()()
    observer.logs_removed.assert_called_once_with({"a": 1}, 4 * MB, 11 * MB)
    for limit in (7 * MB, 0):
        pumps._bound.set(limit)
        asked.pop()()
    assert observer.logs_removed.call_count == 1
    later.pop()(0.0)
    assert observer.logs_removed.call_args == mock.call({"b": 1, "c": 1}, 8 * MB, 0)
    later.pop()(0.0)
    assert (observer.logs_removed.call_count, later) == (2, [])


@pytest.fixture
def full(tmp_path: Path) -> Iterator[LogFile]:
    """A log with one rotated file, beside a bound."""
    bound = LogBound(str(tmp_path), mock.Mock())
    file = LogFile(str(tmp_path / "a.log"), str(tmp_path / "a.idx"), 10, 3, bound)
    file.open()
    (tmp_path / "a.log").write_bytes(b"x" * MB)
    file.rotate()
    yield file
    file.close()


def test_nobody_asks_a_file_that_another_thread_removes_how_much_was_before(
    full: LogFile, tmp_path: Path
) -> None:
    """A log begun anew after a kill counts on from the one rotated last, all of which is there or none (P13)."""
    full.close()
    (tmp_path / "a.idx").unlink()
    again = LogFile(str(tmp_path / "a.log"), str(tmp_path / "a.idx"), 10, 3, full._bound)
    assert again._bound is not None
    again._mended = True  # or it would wait for another reason
    with again._bound.files:
        thread = threading.Thread(target=again.open)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
    thread.join()
    assert again.origin == MB
    again.close()


@pytest.mark.parametrize("what", ["rotate", "clear", "set", "open"])
def test_nobody_renames_while_another_thread_removes(full: LogFile, tmp_path: Path, what: str) -> None:
    """P14: a number must not come to mean another file between the look and the removal."""
    bound = full._bound
    assert bound is not None
    calls = {"rotate": full.rotate, "clear": full.clear, "set": lambda: bound.set(0), "open": full.open}
    if what == "open":  # after a rotation that was cut short
        full.close()
        full._mended = False
        (tmp_path / "a.idx.1").rename(tmp_path / "a.idx.2")
    before = sorted(os.listdir(tmp_path))
    with bound.files:
        thread = threading.Thread(target=calls[what])
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        assert sorted(os.listdir(tmp_path)) == before
    thread.join()
    assert sorted(os.listdir(tmp_path)) != before


def test_no_byte_goes_uncounted_because_another_thread_counts(tmp_path: Path) -> None:
    """P14: to subtract is to read and to write, and another thread may come between the two."""
    bound = LogBound(str(tmp_path), mock.Mock())
    bound.set(MB)
    with bound._counting:
        thread = threading.Thread(target=bound.wrote, args=(1,))
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        bound._room -= 1
    thread.join()
    assert bound._room == MB - 2


def test_what_another_thread_writes_during_a_look_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: whether the look has seen it or not; twice does no harm, never would."""
    bound = LogBound(str(tmp_path), mock.Mock())
    bound.set(MB)

    def rotated(_: str) -> tuple[int, list[tuple[str, int, int]]]:
        thread = threading.Thread(target=bound.wrote, args=(1000,))
        thread.start()
        thread.join()
        return 0, []

    monkeypatch.setattr(logbound, "_rotated", rotated)
    bound.set(MB)
    assert bound._room == MB - 1000


def test_room_that_another_thread_has_made_is_not_made_twice(tmp_path: Path) -> None:
    """Two threads that use the room up at the same time cost one look."""
    (tmp_path / "a.log").write_bytes(b"x")
    bound = LogBound(str(tmp_path), mock.Mock())
    bound.set(MB)
    look, looks = bound._look, list[int]()

    def counted() -> None:
        looks.append(1)
        look()

    with mock.patch.object(LogBound, "_look", lambda _: counted()):
        with bound.files:
            threads = [threading.Thread(target=bound.wrote, args=(MB,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            until(lambda: bound._room == 1 - 2 * MB + MB - 2, what="both to have used it up")
        for thread in threads:
            thread.join()
    assert len(looks) == 1


@pytest.mark.skipif(not pipes.HAS_SPLICE, reason="looking leaves no copy in between")
def test_looks_at_two_pipes_at_once_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread sees what its own pipe holds, though the copy passes through one scratch pipe."""
    made = [pipes.make_pipe(str(tmp_path / f"pipe{number}")) for number in range(2)]
    one, other = (pipes.make_reader(pipe.reading) for pipe in made)
    seen, tee = list[bytes](), pipes.tee
    thread = threading.Thread(target=lambda: seen.append(other.look(10)))

    def held_up(source: int, target: int, count: int) -> int:
        copied = tee(source, target, count)
        if source == one.fd:
            thread.start()
            thread.join(0.1)
        return copied

    monkeypatch.setattr(pipes, "tee", held_up)
    try:
        os.write(made[0].writing, b"one")
        os.write(made[1].writing, b"two")
        assert one.look(10) == b"one"
        thread.join()
        assert seen == [b"two"]
    finally:
        for pipe in made:
            pipe.close()
