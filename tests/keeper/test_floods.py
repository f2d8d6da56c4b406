"""A flood gets room, and its pieces are let grow; nobody else does or waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from keeper.fakes import FakeHost
from roost.keeper import pump as pump_module
from roost.keeper.channel import FLOOD, FLOOD_TIME, PIECE, Channel, Stream
from roost.keeper.logfile import LogFile
from roost.keeper.pump import PAUSE, Pump
from roost.platform.pipes import CHUNK, BufferedReader


class Endless:
    """A pipe that always holds as much as one asks for, up to `most` bytes."""

    fd, held = -1, b""

    def __init__(self, most: int) -> None:
        self.most = most
        self.widened: list[int] = []

    def move(self, target: int, offset: int, count: int) -> int:
        return os.pwrite(target, b"\n" * min(count, self.most), offset)

    def widen(self, size: int) -> bool:
        self.widened.append(size)
        return True


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
    """It is given a wider pipe once, whatever the size of its pieces."""
    stream = add(channel, 4096)
    for _ in range(FLOOD // 4096 - 1):
        channel.pump(stream, 1.0)
    assert widened(channel) == []
    for _ in range(3):
        channel.pump(stream, 1.0 + FLOOD_TIME / 2)
    assert widened(channel) == [stream]


def test_as_much_in_more_time_is_none(channel: Channel) -> None:
    """Many megabytes a second, for long, get no more than others."""
    stream = add(channel, PIECE)
    for turn in range(10 * FLOOD // PIECE):
        channel.pump(stream, turn * FLOOD_TIME * PIECE / FLOOD * 1.5)
    assert widened(channel) == []
    assert not stream.floods


def test_pieces_of_a_flood_end_where_the_disk_likes_it(channel: Channel) -> None:
    """Large pages fit whole only where a piece begins at a multiple of their size."""
    stream = add(channel, 1000)
    channel.pump(stream, 1.0)
    stream.reader.most = 10 * PIECE  # type: ignore[union-attr]
    while not stream.floods:
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
    pump._wide |= {small, large}
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
        pump._wide = {add(channel, PIECE)} if turn == "flood" else set()
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
    pump._wide.add(stream)
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
    wide = [stream for stream in streams if stream.reader.widened]  # type: ignore[union-attr]
    assert wide == streams[: len(wide)] and 0 < len(wide) < 20
    pump._open_streams["a", 1] = 20
    pump.ended(wide[0])
    pump.widen(streams[-1])
    assert streams[-1].reader.widened  # type: ignore[union-attr]
