"""Where the reading of a container's log goes on: pure, against a model of the engine's log."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from roost.edges.engine.api import LogPiece, LogStream
from roost.edges.engine.position import (
    GRAIN_NS,
    MARGIN_NS,
    Anchor,
    Position,
    Sieve,
    Written,
    beyond,
    position_of,
)

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


Kept = list[tuple[int, LogPiece]]
"""Entries with their real times, by which an engine chooses; Podman tells whole seconds."""


@st.composite
def container_logs(draw: st.DrawFn) -> Kept:
    """What an engine keeps: times go up within a stream, between the two they may go back a little."""
    coarse = draw(st.sampled_from([1, 1000, GRAIN_NS, SECOND]))
    steps = st.integers(0, draw(st.sampled_from([3, 2000, 3 * GRAIN_NS, 20 * SECOND])))
    at_ns, last = NOW, {LogStream.STDOUT: 0, LogStream.STDERR: 0}
    pieces = []
    for number in range(draw(st.integers(0, 40))):
        at_ns += draw(steps)
        stream = draw(st.sampled_from(list(last)))
        real = last[stream] = max(last[stream], at_ns - draw(st.integers(0, 2000)))
        data = b"%d" % number + draw(st.sampled_from([b"\n", b"", b"abcdefgh\n"]))
        pieces.append((real, LogPiece(real // coarse * coarse, stream, data)))
    return pieces


def streams_of(pieces: list[tuple[int, bytes]]) -> dict[int, bytes]:
    """All bytes of each stream."""
    return {stream: b"".join(data for each, data in pieces if each == stream) for stream in (1, 2)}


class LogModel:
    """The log as StampedLog writes it, in memory."""

    def __init__(self) -> None:
        self.records: list[list[int]] = []  # time, stream, size
        self.bytes: list[tuple[int, bytes]] = []

    def write(self, piece: LogPiece, data: bytes) -> None:
        last = self.records[-1] if self.records else [0, -1, 0]
        if last[1] == piece.stream and piece.at_ns - last[0] < GRAIN_NS:
            last[2] += len(data)
        else:
            self.records.append([max(piece.at_ns, last[0]), int(piece.stream), len(data)])
        self.bytes.append((int(piece.stream), data))

    def back(self) -> Iterator[Written]:
        return (Written(*record) for record in reversed(self.records))


def read(kept: Kept, since_ns: int) -> list[LogPiece]:
    """What the engine answers."""
    return [piece for real, piece in kept if real >= since_ns]


@given(
    container_logs(), st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 9)), max_size=12)
)
def test_every_byte_comes_once_and_in_order(kept: Kept, interruptions: list[tuple[int, bool, int]]) -> None:
    """However often reading is interrupted, or the writer killed inside a piece, nothing is lost or doubled.

    Each interruption: after how many new entries, whether the writer dies of it, and how many bytes of one
    more piece it has still written then.
    """
    log, position = LogModel(), Position()
    for count, dies, torn in [*interruptions, (10**6, False, 0)]:
        sieve = Sieve(position)
        for piece in read(kept, position.since_ns):
            data = sieve.new(piece)
            if not data:
                continue
            if not count:
                if dies and data[:torn]:
                    log.write(piece, data[:torn])
                break
            count -= 1
            log.write(piece, data)
            sieve.written(piece)
        if dies:
            position = position_of(log.back())
    assert streams_of(log.bytes) == streams_of([(int(piece.stream), piece.data) for _, piece in kept])


@given(
    container_logs(),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["", "kill", "clear", "both"])), max_size=12),
)
def test_what_was_cleared_does_not_come_again(kept: Kept, interruptions: list[tuple[int, str]]) -> None:
    """`logs --clear` at any place, a kill at any later one: every byte was in the log once, in its stream's order.

    Each interruption: after how many new entries, and what happens then.
    """
    log, position, cleared = LogModel(), Position(), Position()
    had: list[tuple[int, bytes]] = []
    for count, what in [*interruptions, (10**6, "")]:
        sieve = Sieve(position)
        for piece in read(kept, position.since_ns):
            data = sieve.new(piece)
            if not data:
                continue
            if not count:
                break
            count -= 1
            log.write(piece, data)
            sieve.written(piece)
        if what in ("clear", "both"):
            cleared = beyond(cleared, position_of(log.back()))
            had += log.bytes
            log = LogModel()
        if what in ("kill", "both"):
            position = beyond(cleared, position_of(log.back()))
    had += log.bytes
    assert streams_of(had) == streams_of([(int(piece.stream), piece.data) for _, piece in kept])


def test_a_silent_stream_does_not_make_the_other_come_again() -> None:
    """The engine is asked for the last seconds, not for all since one stream was last heard of."""
    position = Position({1: Anchor(NOW + 3600 * SECOND, 4, NOW + 3600 * SECOND), 2: Anchor(NOW, 5, NOW)})
    assert position.since_ns == NOW + 3600 * SECOND - MARGIN_NS


def test_no_more_of_the_index_is_read_than_needed() -> None:
    """Of a log of hours the last seconds are looked at."""
    looked = 0

    def back() -> Iterator[Written]:
        nonlocal looked
        for number in range(1_000_000):
            looked += 1
            yield Written(NOW - number * SECOND, LogStream.STDOUT, 10)

    assert position_of(back()).anchors[LogStream.STDOUT].at_ns == NOW
    assert looked < 20
