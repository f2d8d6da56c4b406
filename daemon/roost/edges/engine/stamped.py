"""A component's log that is given bytes with times of their own, beside the keeper's, which takes them from pipes.

One writer for each log: a component is a process or a container.  The files and their rules are the keeper's
(platform/logindex.py): the record before its bytes, times that never go back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import msgspec

from roost.keeper.logfile import GRAIN_NS, LogFile
from roost.platform import logindex, positional
from roost.platform.files import write_atomic
from roost.records.history import History

from .position import Anchor, Position, Written, beyond, position_of

_STRANGERS = 16_384
"""Index records of other runs behind which the run is not looked for."""
_LONG_LINE = 1024 * 1024
"""By so much a file may be larger than allowed before a line is cut in two."""


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """What was cleared (NAME.cleared): the engine still has it, and it must not come again.

    `pending`: it stands here and may still be in the log; a kill has come between.
    """

    run: int
    anchors: dict[int, Anchor]
    pending: bool


class StampedLog(LogFile):
    """NAME.log and NAME.idx in a folder."""

    __slots__ = ("_cleared", "_folder", "_name")

    def __init__(self, folder: str, name: str, max_size: int, max_files: int) -> None:
        base = os.path.join(folder, name)
        super().__init__(f"{base}.log", f"{base}.idx", max_size, max_files)
        self._folder = folder
        self._name = name
        self._cleared = f"{base}.cleared"

    def append(self, data: bytes, time_ns: int, run: int, stream: int) -> int:
        """Write at the end; how many bytes, which may be fewer than there are.

        A time before that of the last record counts as that one's.  Raises OSError if the disk does not take it.
        """
        if self._log < 0:
            self.open()
        self._resynchronise()
        last_time, last_run, last_stream = self._last
        if run == last_run and stream == last_stream and time_ns - last_time < GRAIN_NS:
            written = positional.write_at(self._log, data, self.end)
        else:
            time_ns = max(time_ns, last_time)
            size = self._put(logindex.pack(self.end, time_ns, run, stream))
            self._last = (time_ns, -1, -1)  # no bytes follow it yet: the next record takes its place
            written = positional.write_at(self._log, data, self.end)
            if written:
                self._index_end += size
                self._last = (time_ns, run, stream)
        if written:
            self.end += written
            self.line_open = data[written - 1] != 0x0A
        return written

    def rotate_if_due(self) -> None:
        """Begin a new file where this one is full, between lines.  Raises OSError."""
        if self.is_full and (not self.line_open or self.end >= self.max_size + _LONG_LINE):
            self.rotate()

    def position(self, run: int) -> Position:
        """How far the output of a run has come into the log, as the files say.  Raises OSError."""
        cleared = self._what_was_cleared()
        if cleared is not None and cleared.pending:
            self._clear(cleared)
        if self._log < 0:
            self.open()  # which leaves out the record of bytes that never came
        history = History(self._folder, self._name)
        found = position_of(_pieces_back(history, run))
        if cleared is None:
            return found
        if cleared.run == run:
            return beyond(Position(cleared.anchors), found)
        if cleared.run < run:
            with contextlib.suppress(OSError):
                os.unlink(self._cleared)
        return found

    def clear_of(self, run: int) -> None:
        """Remove everything that was kept; what the run has written so far does not come again.  Raises OSError."""
        self._clear(Cleared(run=run, anchors=self.position(run).anchors, pending=True))

    def _clear(self, cleared: Cleared) -> None:
        """Written down first, done, written down as done: wherever a kill comes, the next daemon goes on."""
        with contextlib.suppress(OSError):  # of a full disk: clearing makes the room
            self._note(cleared)
        self.clear()
        self._note(msgspec.structs.replace(cleared, pending=False))

    def _note(self, cleared: Cleared) -> None:
        write_atomic(self._cleared, msgspec.json.encode(cleared), durable=False)

    def _what_was_cleared(self) -> Cleared | None:
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError), open(self._cleared, "rb") as file:
            return msgspec.json.decode(file.read(), type=Cleared)
        return None


def _pieces_back(history: History, run: int) -> Iterator[Written]:
    """The pieces of a run, the newest first; those of later and earlier ones are passed over, not for ever."""
    end = history.end()
    strangers = 0
    for _, piece in history.pieces_back(end) if end is not None else ():
        if piece.run == run and not piece.gap:
            yield Written(piece.time_ns, piece.stream, piece.end - piece.start)
        else:
            strangers += 1
        if strangers > _STRANGERS or 0 < piece.run < run:
            return
