"""The index beside a component's log: its one record format, shared by the keeper (writes) and the readers.

`NAME.log` holds what the component wrote and nothing else; `NAME.idx` says when each piece arrived, by which
stream and in which run.  Nothing here opens a file.

The rules that a reader may rely on
-----------------------------------
* A record is 24 bytes, little endian: offset u64, time_ns u64 (wall clock), run u32, stream u16, flags u16.
* A record describes the bytes of its log from its offset to the offset of the next record (the last one: to
  the end of the log).  Offsets and times never go back within one file.  Of several records with the same
  offset the last one counts, the others describe no bytes.
* The record is written before its bytes: no byte of a log is ever without its record, but the last record may
  begin at (never beyond) the end of the log.
* One record covers at most about a millisecond of one stream in one run; inside it, the time is the record's.
* A line of a stream may be cut: by a piece of the other stream, when its component left it unfinished for
  200 ms (20 ms where 8 KiB wait on the other stream), or by a rotation, when it is longer than a log file
  should be.  It goes on in the next piece of the same stream and run.  A different run begins a new line,
  whatever the old one ended with.
* `LATE`: these bytes were found waiting when a keeper took over; they were written at or before that time.
* `GAP`: describes no bytes; it says that at this offset bytes were dropped because the disk did not take
  them.  How many is in the field `run` (at most 2**32 - 1, `stream` as usual).  It is always followed by an
  ordinary record with the same offset before more bytes come.  Each stream that lost something has its own.
* `ORIGIN`, beside `GAP`: the first two records, both at offset 0, written when the file is made, say how many
  bytes this component's log had had before it: the upper and the lower half of that number, in the field
  `run`.  So a reader whose place was removed before he came to it knows how many bytes went with it.  Their
  time is 1, before all others.  Older keepers wrote none; where nobody knows any more how many there had been,
  the count begins anew.
* A torn record at the end of the file (its size is no multiple of 24) is to be ignored.

Rotation
--------
`NAME.log` becomes `NAME.log.1`, `NAME.log.1` becomes `NAME.log.2` …, each with its index (`NAME.idx.1` …);
the live pair is made new, its offsets begin at 0.  Of each pair the index is renamed first, the oldest pair
first; of the new pair the log is made first.  So somebody who looks in the middle finds a log without its
index, or no log, but never one with the index of another; he looks again a millisecond later.  Clearing a
log removes all pairs and makes a new live one: like a rotation it shows as a new inode.
"""

from __future__ import annotations

import struct

RECORD = struct.Struct("<QQIHH")
SIZE = RECORD.size

MERGED = 0
STDOUT = 1
STDERR = 2

LATE = 1
GAP = 2
ORIGIN = 4

MAX_COUNT = 2**32 - 1


def rotated(path: str, number: int) -> str:
    """The name of a log or index after `number` rotations; 0 is the live one."""
    return f"{path}.{number}" if number else path


def pack(offset: int, time_ns: int, run: int, stream: int, flags: int = 0) -> bytes:
    """One record as bytes; `run` is cut off at MAX_COUNT (a GAP's count may be larger)."""
    return RECORD.pack(offset, time_ns, min(run, MAX_COUNT), stream, flags)


def pack_origin(origin: int) -> bytes:
    """The first two records of a file before which there were `origin` bytes."""
    halves = divmod(origin, MAX_COUNT + 1)
    return b"".join(RECORD.pack(0, 1, half, MERGED, GAP | ORIGIN) for half in halves)


def unpack_origin(data: bytes) -> int | None:
    """What the first two records say, `data` being at least these; None if they are no such records."""
    if len(data) < 2 * SIZE:
        return None
    records = unpack(data), unpack(data, SIZE)
    if any(record[0] or record[4] != GAP | ORIGIN for record in records):
        return None
    return records[0][2] * (MAX_COUNT + 1) + records[1][2]


def unpack(data: bytes, at: int = 0) -> tuple[int, int, int, int, int]:
    """(offset, time_ns, run, stream, flags) of the record that begins at byte `at`."""
    offset, time_ns, run, stream, flags = RECORD.unpack_from(data, at)
    return offset, time_ns, run, stream, flags
