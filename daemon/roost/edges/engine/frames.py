"""The engine's log stream as pieces: frames and time stamps taken apart.  Pure.

Without a terminal each entry is a frame: stream, length, then `TIME SPACE TEXT`.  With one there are no frames, and
a further time stands where an entry ends: behind a newline, or behind 16 KiB of a line without one.
"""

from __future__ import annotations

import calendar
import re
import struct
from collections.abc import Iterable, Iterator

from .api import LogPiece, LogStream
from .seen import time_ns

_HEADER = struct.Struct(">BxxxL")
PART = 16384
"""Bytes after which the engine cuts a line."""
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d) ")
_LONGEST_STAMP = 36


class Stamps:
    """Reads times, most of which share their second with the one before."""

    def __init__(self) -> None:
        self._second = b""
        self._base = 0

    def read(self, text: bytes) -> int:
        """Nanoseconds since the epoch; 0 for what is no time."""
        if len(text) == 30 and text[19] == 46 and text[29] == 90:  # 2026-11-21T11:48:00.123456789Z
            if text[:19] != self._second:
                self._second = text[:19]
                fields = re.split(rb"[-T:]", self._second)
                self._base = calendar.timegm(tuple(map(int, fields))) * 1_000_000_000
            return self._base + int(text[20:29])
        return time_ns(text.decode("ascii", "replace")) or 0


def demultiplexed(blocks: Iterable[bytes]) -> Iterator[tuple[LogStream, bytes]]:
    """The frames; a torn one at the end is left out."""
    held = bytearray()
    for block in blocks:
        held += block
        at = 0
        while len(held) - at >= _HEADER.size:
            number, length = _HEADER.unpack_from(held, at)
            end = at + _HEADER.size + length
            if len(held) < end:
                break
            stream = LogStream.STDERR if number == LogStream.STDERR else LogStream.STDOUT
            yield stream, bytes(held[at + _HEADER.size : end])
            at = end
        del held[:at]


def framed(blocks: Iterable[bytes], is_exact: bool = False, is_merged: bool = False) -> Iterator[LogPiece]:
    """Pieces of a container without a terminal.

    `is_exact`: the engine keeps each newline, and adds none (Podman); `is_merged`: one with a terminal.
    """
    stamps = Stamps()
    for stream, entry in demultiplexed(blocks):
        stamp, _, data = entry.partition(b" ")
        if not is_exact and len(data) < PART and not data.endswith(b"\n"):
            data += b"\n"  # the end of a line that was cut: the log driver `local` has left it out
        yield LogPiece(stamps.read(stamp), LogStream.MERGED if is_merged else stream, data)


def unframed(blocks: Iterable[bytes]) -> Iterator[LogPiece]:
    """Pieces of a container with a terminal; one that is not complete comes when the stream ends."""
    stamps = Stamps()
    held = bytearray()
    at_ns = 0
    for block in blocks:
        held += block
        while len(held) >= _LONGEST_STAMP and (found := _next(held, stamps, at_ns, is_end=False)):
            at_ns = found.at_ns
            yield found
    while held and (found := _next(held, stamps, at_ns, is_end=True)):
        at_ns = found.at_ns
        yield found


def _next(held: bytearray, stamps: Stamps, last_ns: int, is_end: bool) -> LogPiece | None:
    """Take the first entry out of `held`; what has no time of its own goes on from the one before."""
    match = _STAMP.match(held)
    begin = match.end() if match else 0
    newline = held.find(b"\n", begin, begin + PART)
    if newline >= 0:
        end = newline + 1
    elif len(held) >= begin + PART:
        end = begin + PART
    elif is_end and len(held) > begin:
        end = len(held)
    else:
        return None
    at_ns = stamps.read(bytes(held[: begin - 1])) if match else last_ns
    data = bytes(held[begin:end])
    del held[:end]
    return LogPiece(at_ns, LogStream.MERGED, data)
