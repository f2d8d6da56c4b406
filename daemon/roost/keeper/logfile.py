"""One component's log on the disk: the bytes, the index beside them, rotation (platform/logindex.py).

The keeper is the only writer and knows where the end is, so the files are not opened for appending (splice
refuses that, D1).  Nothing here waits or reports: every OSError is the caller's to handle, and after each the
object is as it was, ready to be asked again.
"""

from __future__ import annotations

import errno
import os
import threading
import time

from roost.platform import logindex, positional
from roost.platform.pipes import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.platform.pipes import Reader
    from roost.platform.terminals import TerminalReader

    from .logbound import LogBound

RESERVE = 8 * 1024 * 1024  # bytes for which room is set aside ahead of a flood (docs/decisions/0012)
_MOST_LINES = 4096  # bytes within which a line has mostly begun
GRAIN_NS = 1_000_000  # one index record covers at most this much time (D13)
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_EMFILE_TRIES = 40


class LogFile:
    """NAME.log and NAME.idx.  `end` is the size of the log; `line_open`: its last line has no end yet.

    `origin`: how many bytes there were before this file, -1 before it was first opened (logindex.ORIGIN).
    `bound` is that of all logs together; it is told of every byte.
    """

    __slots__ = (
        "_bound",
        "_files",
        "_index",
        "_index_end",
        "_index_path",
        "_last",
        "_log",
        "_log_path",
        "_mended",
        "_reserved",
        "end",
        "last_writer",
        "line_is_new",
        "line_open",
        "max_files",
        "max_size",
        "origin",
    )

    def __init__(
        self,
        log_path: str,
        index_path: str,
        max_size: int,
        max_files: int,
        bound: LogBound | None = None,
    ) -> None:
        self._log_path = log_path
        self._index_path = index_path
        self.max_size = max_size
        self.max_files = max_files
        self._bound = bound
        self._files = bound.files if bound is not None else threading.Lock()
        self._log = self._index = -1
        self._mended = False
        self.end = self._index_end = self._reserved = 0
        self.origin = -1
        self.line_open = False
        self.line_is_new = False  # the line that is open began in the last piece, behind another
        self._last = (0, -1, -1)  # time, run, stream of the last record
        self.last_writer = (-1, -1)  # run and stream of the last byte that was there when it was opened

    # -- the hot path ------------------------------------------------------------------------------------

    def take(self, reader: Reader | TerminalReader, count: int, run: int, stream: int, flags: int = 0) -> int:
        """Move up to `count` bytes from a pipe to the end; how many; 0: the pipe has ended.

        Raises BlockingIOError if the pipe is empty, OSError if the disk does not take them.
        """
        if self._log < 0:
            self.open()
        now = time.time_ns()
        last_time, last_run, last_stream = self._last
        if run == last_run and stream == last_stream and now - last_time < GRAIN_NS:
            moved = reader.move(self._log, self.end, count)
        else:
            self._resynchronise()
            now = max(now, self._last[0])
            size = self._put(logindex.pack(self.end, now, run, stream, flags))
            self._last = (now, -1, -1)  # no bytes follow it yet: the next record takes its place
            moved = reader.move(self._log, self.end, count)
            if moved:
                self._index_end += size
                self._last = (now, run, stream)
                if self._bound is not None:
                    self._bound.wrote(size)
        if moved:
            self.end += moved
            self._see_its_end(moved)
            if self._bound is not None:
                self._bound.wrote(moved)
        return moved

    def _see_its_end(self, moved: int) -> None:
        """Whether a line is open now, and whether the last piece began it (most lines are short)."""
        begin, at = self.end - moved, self.end - min(moved, _MOST_LINES)
        seen = positional.read_at(self._log, self.end - at, at)
        self.line_open = not seen.endswith(b"\n")
        while self.line_open and b"\n" not in seen and at > begin:
            before, at = at, max(begin, at - CHUNK)
            seen = positional.read_at(self._log, before - at, at)
        self.line_is_new = b"\n" in seen

    def reserve(self) -> None:
        """Much is coming: let the disk set room aside for it; given back when the file is closed."""
        if self.end >= self._reserved and self._log >= 0:
            count = min(RESERVE, max(self.max_size - self.end, 0) + CHUNK)
            self._reserved = self.end + count
            try:
                positional.reserve(self._log, self.end, count)
            except OSError:
                pass  # it cannot, or has no room: then the bytes themselves will find that out

    def gap(self, lost: int, stream: int) -> None:
        """Note that `lost` bytes are missing here.  Raises OSError if the disk does not take even that."""
        if self._log < 0:
            self.open()
        now = max(time.time_ns(), self._last[0])
        self._index_end += self._put(logindex.pack(self.end, now, lost, stream, logindex.GAP))
        self._last = (now, -1, -1)

    @property
    def is_full(self) -> bool:
        """Whether the next line belongs into a new file."""
        return self.end >= self.max_size

    def _put(self, record: bytes) -> int:
        """Write records at the index's end, which moves on only when their bytes are there, too; by how much."""
        if positional.write_at(self._index, record, self._index_end) != len(record):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(record)

    def _resynchronise(self) -> None:
        """Somebody may have emptied the file behind our back (`> api.log`): go on at its new end."""
        size = os.fstat(self._log).st_size
        if size != self.end:
            cut, before = size < self.end, self.end
            self.end = size
            self._last = (self._last[0], -1, -1)
            if cut:
                os.ftruncate(self._index, 0)
                self._index_end = 0
                self.origin += before
                self._index_end = self._put(logindex.pack_origin(self.origin))

    # -- files -------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open both at their ends, making them and their folder where needed."""
        if not self._mended:
            with self._files:
                self._mend()
        log = _open(self._log_path)
        try:
            index = _open(self._index_path)
        except BaseException:
            os.close(log)
            raise
        self._log, self._index = log, index
        end = self.end
        try:
            found = os.fstat(log)
            if positional.has_reserve(found):
                positional.release(log)  # an earlier keeper was killed in a flood
            self.end = found.st_size
            self.line_open = self.end > 0 and positional.read_at(log, 1, self.end - 1) != b"\n"
            origin = self._find_origin(self.origin + end)
            self._find_index_end()
            if not self._index_end:
                self._index_end = self._put(logindex.pack_origin(origin))
            self.origin = origin
        except BaseException:
            self.end = end
            self.close()
            raise

    def was_left_open_by(self, run: int, stream: int) -> bool:
        """Whether the log, when it was opened, ended in an unfinished line of that stream."""
        if self._log < 0:
            try:
                self.open()
            except OSError:
                return False  # the first piece finds the same trouble, and has somebody to tell
        return self.line_open and self.last_writer == (run, stream)

    def close(self) -> None:
        """Close both; the next `take` opens them again."""
        if self._log >= 0:
            if self._reserved:
                self._release()
            os.close(self._log)
            os.close(self._index)
            self._log = self._index = -1

    def _release(self) -> None:
        self._reserved = 0
        try:
            positional.release(self._log)
        except OSError:
            pass  # a disk in trouble: the next keeper that opens the file does it

    def rotate(self) -> None:
        """Move each pair one number up, drop what is more than `max_files`, begin a new pair."""
        self.close()
        with self._files:
            self._rotate()
        self.open()

    def _rotate(self) -> None:
        self._mended = False  # until all is done: the disk may refuse in the middle
        kept = 0
        while kept < self.max_files and os.path.exists(logindex.rotated(self._log_path, kept + 1)):
            kept += 1
        for number in range(kept, -1, -1):
            for path in (self._index_path, self._log_path):
                old = logindex.rotated(path, number)
                if number == self.max_files:
                    _remove(old)
                else:
                    _rename(old, logindex.rotated(path, number + 1))
        self._remove_beyond(self.max_files)
        self._mended = True

    def _mend(self) -> None:
        """Undo the step at which a rotation was cut short, by a kill or the disk: an index without its log."""
        number = 0
        while os.path.exists(logindex.rotated(self._log_path, number)):
            index, moved = (logindex.rotated(self._index_path, each) for each in (number, number + 1))
            follows = os.path.exists(logindex.rotated(self._log_path, number + 1))
            if not follows and not os.path.exists(index):
                _rename(moved, index)
            number += 1
        self._mended = True

    def clear(self) -> None:
        """Remove everything that was kept and begin anew."""
        self.close()
        with self._files:
            self._remove_beyond(0)
            _remove(self._index_path)
            _remove(self._log_path)
        self.open()

    def _remove_beyond(self, number: int) -> None:
        """Remove the rotated files that are older than the one with this number.

        One number may be missing among them: that at which a kill has cut a rotation short.
        """
        last = beyond = number
        while beyond - last < 2:
            beyond += 1
            if os.path.exists(logindex.rotated(self._log_path, beyond)):
                last = beyond
        for each in range(last + 1, number, -1):
            _remove(logindex.rotated(self._index_path, each))
            _remove(logindex.rotated(self._log_path, each))

    def is_current(self) -> bool:
        """Whether the names still lead to the open files (true when nothing is open, or all was moved away)."""
        if self._log < 0:
            return True
        pairs = ((self._log, self._log_path), (self._index, self._index_path))
        try:
            return all(os.path.samestat(os.fstat(fd), os.stat(path)) for fd, path in pairs)
        except FileNotFoundError:
            return not _place_is_there(self._log_path)

    def _find_index_end(self) -> None:
        """Go behind the last record whose bytes are there, or that notes a loss after them."""
        records = os.fstat(self._index).st_size // logindex.SIZE
        kept = last_time = 0
        self.last_writer = (-1, -1)
        while records:
            data = positional.read_at(self._index, logindex.SIZE, (records - 1) * logindex.SIZE)
            offset, at, run, stream, flags = logindex.unpack(data)
            if offset < self.end or (offset == self.end and flags & logindex.GAP):
                kept, last_time = max(kept, records), max(last_time, at)
            if offset < self.end:
                self.last_writer = run, stream
                break
            records = records - 1 if self.end else 0
        self._index_end = kept * logindex.SIZE
        os.ftruncate(self._index, self._index_end)
        self._last = (last_time, -1, -1)

    def _find_origin(self, known: int) -> int:
        """How many bytes there were before this file: as it says itself, or up to where we or others had come."""
        own = _origin_in(self._index)
        if own is not None:
            records = os.fstat(self._index).st_size // logindex.SIZE
            last = positional.read_at(self._index, logindex.SIZE, (records - 1) * logindex.SIZE)
            # an empty log whose index tells of bytes was emptied by a stranger, when there was no keeper
            return own if self.end else own + logindex.unpack(last)[0]
        with self._files:
            return max(known, self._end_of_rotated())

    def _end_of_rotated(self) -> int:
        """How many bytes there were up to the end of the file that was rotated last; 0 if nobody knows."""
        try:
            size = os.stat(logindex.rotated(self._log_path, 1)).st_size
            index = os.open(logindex.rotated(self._index_path, 1), os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError:
            return 0
        try:
            return (_origin_in(index) or 0) + size
        finally:
            os.close(index)


def _origin_in(index: int) -> int | None:
    return logindex.unpack_origin(positional.read_at(index, 2 * logindex.SIZE, 0))


def _open(path: str) -> int:
    """Open one file, patiently where the limit of descriptors is low for the moment of a spawn (D10)."""
    for attempt in range(_EMFILE_TRIES):
        try:
            return os.open(path, _FLAGS, 0o600)
        except FileNotFoundError:
            if not _place_is_there(path):
                raise
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        except OSError as error:
            if error.errno != errno.EMFILE or attempt == _EMFILE_TRIES - 1:
                raise
            time.sleep(0.002)
    return os.open(path, _FLAGS, 0o600)


def _place_is_there(path: str) -> bool:
    """Whether the folder is there in which the state folder lies: a moved project stays where it is (P3b)."""
    return os.path.isdir(os.path.dirname(os.path.dirname(os.path.dirname(path))))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _rename(old: str, new: str) -> None:
    try:
        os.replace(old, new)
    except FileNotFoundError:
        pass
