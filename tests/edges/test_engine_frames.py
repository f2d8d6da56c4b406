"""The engine's log stream taken apart: frames, times, lines of a terminal.  Pure."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.edges.engine.api import LogPiece, LogStream
from roost.edges.engine.frames import PART, framed, unframed
from roost.edges.engine.seen import time_ns

STAMP = b"2026-11-21T11:48:00.%09dZ"
BASE = time_ns("2026-11-21T11:48:00Z") or 0


def whole(data: bytes) -> bytes:
    """With the newline that one of the engine's log drivers leaves out."""
    return data if data.endswith(b"\n") else data + b"\n"


entries = st.lists(
    st.tuples(st.integers(0, 999_999_999), st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=12
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The same bytes in blocks."""
    edges = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[low:high] for low, high in pairwise(edges)]


@given(entries, st.lists(st.integers(0, 10_000), max_size=10))
def test_frames_come_apart_wherever_the_connection_cuts_them(
    told: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    """Time, stream and bytes of each entry, whatever the blocks."""
    wire = b""
    for nanos, stream, data in told:
        text = STAMP % nanos + b" " + data
        wire += struct.pack(">BxxxL", stream, len(text)) + text
    expected = [LogPiece(BASE + nanos, LogStream(stream), whole(data)) for nanos, stream, data in told]
    assert list(framed(cut(wire, places))) == expected
    assert list(framed([wire + b"\x01\x00\x00\x00\x00\x00\x00\xfftorn"])) == expected


@given(
    st.lists(
        st.tuples(st.integers(0, 999_999_999), st.binary(max_size=40).filter(lambda data: b"\n" not in data)),
        max_size=12,
    ),
    st.lists(st.integers(0, 10_000), max_size=10),
)
def test_lines_of_a_terminal_come_apart(lines: list[tuple[int, bytes]], places: list[int]) -> None:
    """Without frames an entry ends at its newline."""
    wire = b"".join(STAMP % nanos + b" " + data + b"\r\n" for nanos, data in lines)
    expected = [LogPiece(BASE + nanos, LogStream.MERGED, data + b"\r\n") for nanos, data in lines]
    assert list(unframed(cut(wire, places))) == expected


def test_a_long_line_of_a_terminal_has_no_times_in_it() -> None:
    """The engine cuts a line after 16 KiB and stamps the rest anew, in the middle of the line."""
    wire = STAMP % 1 + b" " + b"a" * PART + STAMP % 2 + b" " + b"b" * PART + STAMP % 3 + b" end\r\n"
    for size in (1, 7, 1000, len(wire)):
        pieces = list(unframed(wire[at : at + size] for at in range(0, len(wire), size)))
        assert [(piece.at_ns - BASE, piece.data) for piece in pieces] == [
            (1, b"a" * PART),
            (2, b"b" * PART),
            (3, b"end\r\n"),
        ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T02:00:00.000000001+02:00", 1),
        ("1969-12-31T23:00:00-01:00", 0),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times_of_docker_and_podman(text: str, expected: int | None) -> None:
    """Nanoseconds, zones, and Go's word for no time."""
    assert time_ns(text) == expected
