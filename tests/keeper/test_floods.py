"""A flood gets room, and its pieces are let grow; nobody else does or waits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from keeper.fakes import FakeHost
from roost.keeper import pump as pump_module
from roost.keeper.channel import CALM, FLOOD, FLOOD_TIME, PIECE, Channel, Stream
from roost.keeper.logbound import LogBound
from roost.keeper.logfile import LogFile
from roost.keeper.pump import NARROW, PAUSE, WIDE, Pump
from roost.platform.pipes import CHUNK, BufferedReader, make_pipe, make_reader


class Endless:
    """A pipe that always holds as much as one asks for, up to `most` bytes."""

    fd, held = -1, b""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting = 0
        self.rooms = [65536]

    def move(self, target: int, offset: int, count: int) -> int:
        return os.pwrite(target, b"\n" * min(count, self.most), offset)

    def room(self) -> int:
        return self.rooms[-1]

    def resize(self, size: int) -> bool:
        if self.waiting <= size:
            self.rooms.append(size)
        return self.waiting <= size


class Host(FakeHost):
    """Counts who is given a wider pipe."""

    def __init__(self) -> None:
        super().__init__()
        self.widened: list[Stream] = []

    def widen(self, stream: Stream) -> None:
        self.widened.append(stream)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    file = LogFile(str(tmp_path / "a.log"), str(tmp_path / "a.idx"), 10**9, 1)
    yield Channel("a", file, Host())
    file.close()


def add(channel: Channel, most: int) -> Stream:
    reader: Any = Endless(most)
    return channel.add(1, 1, "nowhere", reader)


def widened(channel: Channel) -> list[Stream]:
    host = channel._host
    assert isinstance(host, Host)
    return host.widened


def test_so_much_in_so_little_time_is_a_flood(channel: Channel) -> None:
    """It is given a wider pipe, whatever the size of its pieces, until it has been calm for a while."""
    stream = add(channel, 4096)
    for _ in range(FLOOD // 4096 - 1):
        channel.pump(stream, 1.0)
    assert widened(channel) == []
    channel.pump(stream, 1.0 + FLOOD_TIME / 2)
    assert widened(channel) == [stream]
    flooded = stream.flooded
    assert flooded == 1.0 + FLOOD_TIME / 2
    channel.pump(stream, flooded + 2 * CALM)
    assert widened(channel) == [stream]
    assert not stream.floods(flooded + 2 * CALM)


def test_as_much_in_more_time_is_none(channel: Channel) -> None:
    """Many megabytes a second, for long, get no more than others."""
    stream = add(channel, PIECE)
    for turn in range(10 * FLOOD // PIECE):
        channel.pump(stream, turn * FLOOD_TIME * PIECE / FLOOD * 1.5)
    assert widened(channel) == []
    assert not stream.floods(0.0)


def test_pieces_of_a_flood_end_where_the_disk_likes_it(channel: Channel) -> None:
    """Large pages fit whole only where a piece begins at a multiple of their size."""
    stream = add(channel, 1000)
    channel.pump(stream, 1.0)
    stream.reader.most = 10 * PIECE  # type: ignore[union-attr]
    while not stream.floods(1.0):
        channel.pump(stream, 1.0)
    assert channel.file.end % PIECE == 1000
    ends = []
    for _ in range(3):
        channel.pump(stream, 1.0)
        ends.append(channel.file.end)
    assert [end % PIECE for end in ends] == [0, 0, 0]
    assert ends[1] - ends[0] == ends[2] - ends[1] == PIECE


def test_only_small_pieces_of_floods_alone_are_let_grow(channel: Channel, tmp_path: Path) -> None:
    """Whatever else is ready, or a flood that fills its pieces, is served at once."""
    pump = Pump(lambda function: function(), mock.Mock(), mock.Mock(), lambda name: (name, name))
    small, large, quiet = (add(channel, PIECE) for _ in range(3))
    pump._wide.update({small: 1, large: 1})
    small.moved, large.moved, quiet.moved = PIECE // 4, PIECE, 10
    pump._by_fd.update({1: small, 2: large, 3: quiet})
    assert pump._gathers([1])
    for ready in ([], [2], [3], [1, 2], [1, 3], [4], [1, 4]):
        assert not pump._gathers(ready)


def test_the_thread_pauses_where_it_should(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """P24: only while somebody floods, and for the shortest time that there is."""
    pump = Pump(lambda function: function(), mock.Mock(), mock.Mock(), lambda name: (name, name))
    turns, slept = iter(["quiet", "flood", "end"]), list[tuple[str, float]]()
    turn = ""

    def wait(_: float | None) -> list[int]:
        nonlocal turn
        turn = next(turns)
        pump._wide = {add(channel, PIECE): 1} if turn == "flood" else {}
        pump._stopping = turn == "end"
        return []

    clock = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda seconds: slept.append((turn, seconds)))
    monkeypatch.setattr(pump_module, "time", clock)
    monkeypatch.setattr(pump_module, "block_signals", lambda: None)
    monkeypatch.setattr(pump, "_gathers", lambda _: True)
    monkeypatch.setattr(pump, "_poller", SimpleNamespace(wait=wait))
    pump._run()
    assert slept == [("flood", PAUSE)]


def test_pieces_that_cannot_grow_are_not_waited_for(channel: Channel) -> None:
    """P24: on a file system without splice no more than CHUNK is moved at once, however much there is."""
    pump = Pump(lambda function: function(), mock.Mock(), mock.Mock(), lambda name: (name, name))
    stream = add(channel, PIECE)
    stream.reader = BufferedReader(-1)
    pump._wide[stream] = 1
    pump._by_fd[1] = stream
    stream.moved = CHUNK
    assert not pump._gathers([1])
    stream.moved = CHUNK // 4
    assert pump._gathers([1])


def test_few_have_a_wider_pipe_at_a_time(channel: Channel) -> None:
    """D9: the room of all pipes of a user is bounded; one that ends makes room for another."""
    pump = Pump(lambda function: function(), mock.Mock(), mock.Mock(), lambda name: (name, name))
    streams = [add(channel, PIECE) for _ in range(20)]
    for stream in streams:
        pump.widen(stream)
    wide = [stream for stream in streams if stream.reader.room() == WIDE]
    assert wide == streams[: len(wide)] and 0 < len(wide) < 20
    pump._open_streams["a", 1] = 20
    pump.ended(wide[0])
    pump.widen(streams[-1])
    assert streams[-1].reader.room() == WIDE


def test_a_pipe_is_wide_for_no_longer_than_its_flood(channel: Channel) -> None:
    """P2, D9: then it has the room that it had before, as soon as it holds no more; the next flood begins anew."""
    later, now = list[Callable[[float], None]](), 1.0
    pump = Pump(lambda function: function(), mock.Mock(), mock.Mock(), lambda name: (name, name))
    pump.call_at = lambda _, function: later.append(function)  # type: ignore[method-assign]
    calm, full, floods = (add(channel, PIECE) for _ in range(3))
    for stream in (calm, full, floods):
        for _ in range(2):
            pump.widen(stream)
    rooms = [stream.reader.rooms for stream in (calm, full, floods)]  # type: ignore[union-attr]
    assert rooms == [[65536, WIDE]] * 3
    full.reader.waiting = WIDE  # type: ignore[assignment, method-assign, union-attr]
    floods.flooded = now
    later.pop()(now + CALM / 2)
    assert rooms == [[65536, WIDE, 65536], [65536, WIDE], [65536, WIDE]]
    full.reader.waiting = 10  # type: ignore[assignment, method-assign, union-attr]
    later.pop()(now + CALM)
    assert [room[-1] for room in rooms] == [65536] * 3
    assert (later, pump._wide) == ([], {})
    pump.widen(calm)
    assert rooms[0] == [65536, WIDE, 65536, WIDE] and len(later) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="pipe sizes")
def test_a_pipe_that_an_earlier_keeper_has_widened_is_narrowed_too(tmp_path: Path) -> None:
    """P2: whoever takes over knows of no flood, but sees the pipe."""
    pipe = make_pipe(str(tmp_path / "pipe"), WIDE)
    log = str(tmp_path / "a.log"), str(tmp_path / "a.idx")
    pump = Pump(lambda function: function(), mock.Mock(), LogBound(str(tmp_path), mock.Mock()), lambda _: log)
    if (reader := make_reader(pipe.reading)).room() < WIDE:
        pytest.skip("this user's pipes have no more room")
    pump.add("a", 1, [(pipe.reading, 1, pipe.path)], max_size=10**6, max_files=1, late=True)
    pump._commands.popleft()()
    pump._timers.run_due(time.monotonic() + CALM)
    assert reader.room() == NARROW
    pipe.close()
