"""Reading an index: which piece of a log came when, by which stream, in which run.

The rules of the format are in `platform.logindex`.  An index is believed as far as it makes sense: whatever
is missing, torn, beyond the log's end or going back, the pieces made from it cover every byte of the log.
Never reads a whole index, a question costs a binary search; unless it meets damage, which it then mends.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from ..platform.logindex import GAP, MERGED, ORIGIN, RECORD, SIZE, STDERR, unpack_origin
from .stored import StoredFile, read_range

_FIRST_BLOCK = 8  # records read at once; most questions need one, a walk soon reads more
_BLOCK = 512
_NOWHERE = 2**64  # beyond the end of every log
LOOK_BACK = 16_384  # records; how far a walk goes that might otherwise go on to the beginning


class Record(NamedTuple):
    """One index record as it lies on the disk, and its number in the file."""

    number: int
    offset: int
    time_ns: int
    run: int
    stream: int
    flags: int

    @property
    def is_gap(self) -> bool:
        """Whether it describes no bytes."""
        return bool(self.flags & GAP)

    @property
    def is_loss(self) -> bool:
        """Whether it says that bytes are missing here."""
        return self.flags & (GAP | ORIGIN) == GAP


class Source(NamedTuple):
    """Who writes lines: one stream of one run."""

    run: int
    stream: int


class Piece(NamedTuple):
    """The bytes from `start` to `end`: one stream's, in one run (0: unknown), arrived at `time_ns`.

    A gap has no bytes: something of `stream` is missing at `start`.  `number` is that of the index record,
    -1 if there is none.
    """

    start: int
    end: int
    time_ns: int
    run: int
    stream: int
    number: int
    gap: bool = False

    @property
    def source(self) -> Source:
        return Source(self.run, self.stream)


class Index:
    """The index of one log file of `log_size` bytes; `file` is None where there is none.

    `fallback_ns` is the time of bytes about which nothing better is known.
    """

    __slots__ = ("_mended", "count", "fallback_ns", "file", "log_size")

    def __init__(self, file: StoredFile | None, log_size: int, fallback_ns: int) -> None:
        self.file = file
        self.log_size = log_size
        self.fallback_ns = fallback_ns
        self.count = file.size // SIZE if file else 0
        self._mended: list[Record] | None = None

    @property
    def is_mended(self) -> bool:
        """Whether damage was met; answers from before that may not fit those from after it."""
        return self._mended is not None

    def grown(self, size: int, log_size: int, fallback_ns: int) -> None:
        """The files are longer now; sizes in bytes."""
        self.log_size = log_size
        self.fallback_ns = fallback_ns
        if self.file is not None and size != self.file.size:
            self.file.size = size
            self.count = size // SIZE
            if self._mended is not None:
                self._mended = mended(self._read(0, self.count))

    def follow(self, seen: Index) -> None:
        """The same index was seen just now, perhaps under another name."""
        if seen.file is not None and self.file is not None:
            self.file.number, self.file.written_ns = seen.file.number, seen.file.written_ns
            self.grown(seen.file.size, seen.log_size, seen.fallback_ns)
        else:
            self.file, self._mended = seen.file, None
            self.count, self.log_size, self.fallback_ns = seen.count, seen.log_size, seen.fallback_ns

    # -- pieces --------------------------------------------------------------------------------------

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """Covers the bytes from `start` to `end` in order, with the gaps among them."""
        first = self._first(lambda record: record.offset >= start)
        current = self._valid_before(first)
        position = start
        for record in self._records(first):
            if not self._is_sound(record):
                continue
            if record.offset >= end:
                break
            if record.offset > position:
                yield _piece(position, record.offset, current)
                position = record.offset
            if record.is_loss:
                yield _gap(position, record)
            elif not record.is_gap:
                current = record
        if position < end:
            yield _piece(position, end, current)

    def pieces_back(self, end: int) -> Iterator[Piece]:
        """Covers the bytes before `end` down to the beginning, the nearest piece first."""
        position = end
        for record in self._records_back(self._first(lambda record: record.offset >= end)):
            if not self._is_sound(record):
                continue
            if record.is_gap:
                if record.offset < position:  # what should follow a gap is not there
                    yield _piece(record.offset, position, self._valid_before(record.number))
                    position = record.offset
                if record.is_loss:
                    yield _gap(position, record)
            elif record.offset < position:
                yield _piece(record.offset, position, record)
                position = record.offset
        if position > 0:
            yield _piece(0, position, self._unknown())

    # -- questions -----------------------------------------------------------------------------------

    def born_ns(self) -> int:
        """The time of the first record: with the inode, what tells this file from any other; 0 if none."""
        return self.head()[0]

    def head(self) -> tuple[int, int | None]:
        """The time of the first record of bytes, and how many bytes there were before (None: nobody knows)."""
        data = self.file.read(0, min(self.file.size // SIZE, 3) * SIZE) if self.file else b""
        origin = unpack_origin(data)
        first = data if origin is None else data[2 * SIZE :]
        return RECORD.unpack_from(first)[1] if len(first) >= SIZE else 0, origin

    def last_time_ns(self, end: int) -> int:
        """When the last byte before `end` arrived."""
        return self._valid_before(self._first(lambda record: record.offset >= end)).time_ns

    def offset_at(self, time_ns: int) -> int:
        """Where the bytes begin that arrived at `time_ns` or later; the log's size if there are none."""
        if not self.count:
            return 0 if self.fallback_ns >= time_ns else self.log_size
        found = self._first(lambda record: record.time_ns >= time_ns)
        return min(next((record.offset for record in self._records(found)), self.log_size), self.log_size)

    def offset_of_run(self, run: int) -> int:
        """Where `run` begins; the log's size if it is not here.

        A leftover of the run before may still write after the new one began, so around the place that the
        binary search finds, the first record of the run is looked for.
        """
        found = self._first_of_run(run)
        offset = self.log_size
        for record in self._records(found):
            if not record.is_gap:
                offset = min(record.offset, self.log_size) if record.run >= run else offset
                break
        for seen, record in enumerate(self._records_back(found)):
            if seen > LOOK_BACK:
                break
            if record.run == run and not record.is_gap:
                offset = min(offset, record.offset)
        return offset

    def highest_run(self) -> int:
        """The newest run that the last records name; 0 if none does."""
        highest = 0
        for seen, record in enumerate(self._records_back(self.count)):
            if seen > _BLOCK:
                break
            if self._is_sound(record) and not record.is_gap:
                highest = max(highest, record.run)
        return highest

    # -- records -------------------------------------------------------------------------------------

    def _is_sound(self, record: Record) -> bool:
        return record.offset <= self.log_size

    def _unknown(self) -> Record:
        return Record(-1, 0, self.born_ns() or self.fallback_ns, 0, MERGED, 0)

    def _valid_before(self, number: int) -> Record:
        for seen, record in enumerate(self._records_back(number)):
            if self._is_sound(record) and not record.is_gap:
                return record
            if seen > _BLOCK:
                break
        return self._unknown()

    def _first_of_run(self, run: int) -> int:
        """Like `_first` for run numbers; a gap has none and takes that of the record after it."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            probe = next((record for record in self._records(middle) if not record.is_gap), None)
            if probe is None or probe.run >= run:
                high = middle
            else:
                low = middle + 1
        return low

    def _first(self, reached: Callable[[Record], bool]) -> int:
        """The number of the first record for which `reached` is true, as it then is for all after it."""
        low, high = 0, self.count
        if self._mended is not None:
            return bisect.bisect_left(self._mended, True, key=reached)
        if self.file is None or not high:
            return 0
        with self.file.opened() as fd:
            middle = high - 1  # most questions are about the end
            while low < high and fd is not None:
                data = read_range(fd, middle * SIZE, SIZE)
                if len(data) < SIZE or reached(Record(middle, *RECORD.unpack(data))):
                    high = middle
                else:
                    low = middle + 1
                middle = (low + high) // 2
        return low

    def _records(self, number: int) -> Iterator[Record]:
        size = _FIRST_BLOCK
        while number < self.count:
            block = self._block(number, min(number + size, self.count))
            if not block:
                return
            yield from block
            number += len(block)
            size = min(4 * size, _BLOCK)

    def _records_back(self, number: int) -> Iterator[Record]:
        number, size = min(number, self.count), _FIRST_BLOCK
        while number > 0:
            low = max(0, number - size)
            yield from reversed(self._block(low, number))
            number, size = low, min(4 * size, _BLOCK)

    def _block(self, low: int, high: int) -> list[Record]:
        if self._mended is None:
            before = min(low, 1)  # one more, to see whether the offsets go back from there
            block = self._read(low - before, high)
            if not _is_damaged(block):
                return block[before:]
            self._mended = mended(self._read(0, self.count))
            self.count = len(self._mended)
        return self._mended[low:high]

    def _read(self, low: int, high: int) -> list[Record]:
        data = self.file.read(low * SIZE, high * SIZE) if self.file else b""
        whole = data[: len(data) - len(data) % SIZE]
        return [Record(number, *values) for number, values in enumerate(RECORD.iter_unpack(whole), low)]


def mended(records: list[Record]) -> list[Record]:
    """As many records, whose offsets do not go back; those that make no sense describe no bytes.

    Where offsets go back the later record is right: after a loss of power the log may be shorter than its
    index, and go on from there.
    """
    lowest = _NOWHERE
    found: list[Record] = []
    for record in reversed(records):
        if _makes_no_sense(record):
            record = record._replace(offset=lowest, flags=0, stream=MERGED)
        lowest = min(lowest, record.offset)
        found.append(record._replace(offset=lowest))
    found.reverse()
    return found


def _is_damaged(block: list[Record]) -> bool:
    return any(map(_makes_no_sense, block)) or any(
        record.offset > following.offset for record, following in pairwise(block)
    )


def _makes_no_sense(record: Record) -> bool:
    return record.stream > STDERR or not record.time_ns


def _piece(start: int, end: int, record: Record) -> Piece:
    return Piece(start, end, record.time_ns, record.run, record.stream, record.number)


def _gap(offset: int, record: Record) -> Piece:
    return Piece(offset, offset, record.time_ns, 0, record.stream, record.number, True)
