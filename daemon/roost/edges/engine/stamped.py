"""A component's log that is given bytes with times of their own, beside the keeper's, which takes them from pipes.

One writer for each log: a component is a process or a container.  The files and their rules are the keeper's
(platform/logindex.py): the record before its bytes, times that never go back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from roost.keeper.logfile import GRAIN_NS, LogFile
from roost.platform import logindex, positional
from roost.records.history import History

from .position import Position, Written, position_of

_STRANGERS = 16_384
"""Index records of other runs behind which the run is not looked for."""
_LONG_LINE = 1024 * 1024
"""By so much a file may be larger than allowed before a line is cut in two."""


class StampedLog(LogFile):
    """NAME.log and NAME.idx in a folder."""

    __slots__ = ("_folder", "_name")

    def __init__(self, folder: str, name: str, max_size: int, max_files: int) -> None:
        base = os.path.join(folder, name)
        super().__init__(f"{base}.log", f"{base}.idx", max_size, max_files)
        self._folder = folder
        self._name = name

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
            self._put(logindex.pack(self.end, time_ns, run, stream))
            self._last = (time_ns, -1, -1)  # no bytes follow it yet: the next record takes its place
            written = positional.write_at(self._log, data, self.end)
            if written:
                self._index_end += logindex.SIZE
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
        if self._log < 0:
            self.open()  # which leaves out the record of bytes that never came
        history = History(self._folder, self._name)
        return position_of(_pieces_back(history, run))


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
