"""One component's output on its way from its pipes into its log: whose turn, and what if the disk won't.

At most one stream has an unfinished line at the log's end (D2): the other pipes wait, unread, until the line
has ended, its pipe has, or it is 200 ms old; 20 ms are enough where the other pipe fills up, since then the
component itself may be held up by our waiting.  Only a line that its component has not finished is given up:
one whose end is in the pipe already, kept there by a full disk or a busy machine, is finished first.  While one
waits, the stream that writes is looked at before it is moved, and moved only up to its last line end.  Nothing
is ever kept in memory.

A disk that is full or fails is a state, not an exception (D5): for 5 s the bytes stay where they are, in the
pipe; then what does not fit is dropped and counted, so that no component is held up longer by its log.
Knows no thread and no poller; its host has them.
"""

from __future__ import annotations

import errno
import math

from roost.platform.pipes import CHUNK, BufferedReader, remove_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from roost.platform.pipes import Reader
    from roost.platform.terminals import TerminalReader

    from .logfile import LogFile

    class Host(Protocol):
        """What a channel asks of the thread that it lives on."""

        def watch_stream(self, stream: Stream) -> None:
            """Call `pump` when there is something to read."""

        def forget(self, stream: Stream) -> None:
            """Not now."""

        def again(self, stream: Stream) -> None:
            """Call `pump` in this very turn, whatever the poller says."""

        def clock(self) -> float:
            """What time it is by now (monotonic): moving a piece may have taken long."""

        def call_at(self, when: float, function: Callable[[float], None]) -> None:
            """Call back at that time (monotonic), with the time."""

        def widen(self, stream: Stream) -> None:
            """It floods: give its pipe more room for the time being, if there is any to give."""

        def ended(self, stream: Stream) -> None:
            """Nobody writes to this stream any more, and all of it is taken care of."""

        def grew(self, channel: Channel, now: float) -> None:
            """The log is longer than before."""

        def trouble(self, channel: Channel, number: int, text: str, lost: int, resolved: bool) -> None:
            """The disk began, or ceased, to refuse."""


LINE_PATIENCE = 0.2  # seconds for which an unfinished line keeps the other stream waiting
PRESSED_PATIENCE = 0.02  # seconds, where so many bytes wait already:
PRESSED = 8192
DISK_PATIENCE = 5.0  # seconds for which a disk that refuses keeps the component waiting
RETRY = 1.0
PIECE = 524288  # bytes that are moved at once: large pieces cost half as much each byte (docs/decisions/0020)
FLOOD = 4 * 1024 * 1024  # bytes, within so many seconds, that make a flood:
FLOOD_TIME = 0.1
CALM = 1.0  # seconds without one, after which it is over
_LEAST = 4096  # bytes that are moved at a time, however small a log file may be
_LONG_LINE = 1024 * 1024  # a log file is this much larger than allowed before a line is cut in two


class Stream:
    """One pipe of one run."""

    __slots__ = (
        "_counted",
        "_since",
        "channel",
        "flags",
        "flooded",
        "moved",
        "number",
        "path",
        "reader",
        "run",
    )

    def __init__(
        self, channel: Channel, run: int, number: int, path: str, reader: Reader | TerminalReader, flags: int
    ) -> None:
        self.channel = channel
        self.path = path  # the pipe's name, removed when it has ended
        self.run = run
        self.number = number
        self.reader = reader
        self.moved = 0  # how many bytes the last time
        self.flooded = -math.inf  # when it did so the last time (monotonic seconds)
        self._since, self._counted = 0.0, 0
        self.flags = flags  # of its index records until it has once been found empty (logindex.LATE)

    def has_moved(self, count: int, now: float) -> bool:
        """So many bytes more; whether they are a flood's."""
        if now - self._since >= FLOOD_TIME:
            self._since, self._counted = now, 0
        self.moved = count
        self._counted += count
        if self._counted >= FLOOD:
            self.flooded = now
        return self.floods(now)

    def floods(self, now: float) -> bool:
        """Whether it does so now, or did a moment ago."""
        return now - self.flooded < CALM


class Trouble:
    """Since when the disk refuses, why, what it has cost, and when to ask it again."""

    __slots__ = ("ask_at", "error", "lost", "since", "unrecorded")

    def __init__(self, since: float, error: OSError) -> None:
        self.since = since
        self.error = error
        self.ask_at = since + RETRY
        self.lost = 0
        self.unrecorded: dict[int, int] = {}  # of each stream


class Channel:
    """The pipes that end in one log: those of the live run, and of earlier ones that a descendant holds."""

    __slots__ = (
        "_flushes",
        "_host",
        "_line_since",
        "_looking",
        "_owner",
        "_parked",
        "file",
        "grew_at",
        "grew_later",
        "name",
        "streams",
        "trouble",
    )

    def __init__(self, name: str, file: LogFile, host: Host) -> None:
        self.name = name
        self.file = file
        self.streams: list[Stream] = []
        self.trouble: Trouble | None = None
        self.grew_at = 0.0
        self.grew_later = False
        self._host = host
        self._owner: Stream | None = None  # whose line at the end is unfinished
        self._line_since = 0.0
        self._parked: list[Stream] = []
        self._looking = False  # a timer is set that ends the waiting
        self._flushes: list[tuple[int, Callable[[], None]]] = []

    def add(
        self,
        run: int,
        number: int,
        path: str,
        reader: Reader | TerminalReader,
        flags: int = 0,
        now: float = 0.0,
    ) -> Stream:
        """A further pipe; with flags, one that an earlier keeper has read, whose line may be open still."""
        stream = Stream(self, run, number, path, reader, flags)
        if flags and self.file.was_left_open_by(run, number):
            self._owner, self._line_since = stream, now
        self.streams.append(stream)
        self._host.watch_stream(stream)
        self._host.again(stream)  # a pipe whose writers are gone already is never announced
        return stream

    # -- one piece ---------------------------------------------------------------------------------------

    def pump(self, stream: Stream, now: float) -> None:
        """Move one piece of a stream that has something, or let it wait."""
        if stream not in self.streams:
            return
        if self._must_wait(stream, now):
            self._park(stream)
            return
        moved = self._move(stream, self._share(stream, now), now)
        if stream.has_moved(moved, now):
            self.file.reserve()
            self._host.widen(stream)
        if moved and stream.reader.held:
            self._host.again(stream)

    def _share(self, stream: Stream, now: float) -> int:
        """How many bytes it may move now."""
        full = self.file.is_full
        if self._parked or full:
            ahead = stream.reader.look(CHUNK)
            end = (ahead.find(b"\n") if full else ahead.rfind(b"\n")) + 1
            return end or CHUNK
        piece = PIECE - self.file.end % PIECE if stream.floods(now) else PIECE
        return min(piece, max(self.file.max_size - self.file.end, _LEAST))

    def _move(self, stream: Stream, count: int, now: float) -> int:
        """Move up to `count` bytes, or drop them where the disk has refused for too long; how many."""
        if self.trouble is not None and not self._ask_again(now):
            return self._drop(stream, count, now)
        try:
            moved = self.file.take(stream.reader, count, stream.run, stream.number, stream.flags)
        except BlockingIOError:
            stream.flags = 0
            if self.trouble is not None:
                self._relieved()  # the loss is noted, and nothing waits to be written
            return 0
        except OSError as error:
            return self._refused(stream, count, error, now)
        if self.trouble is not None:
            self._relieved()
        if moved:
            self._wrote(stream, now)
        else:
            self._end(stream)
        return moved

    def _wrote(self, stream: Stream, now: float) -> None:
        if self.file.line_open:
            if self._owner is not stream or self.file.line_is_new:
                self._owner, self._line_since = stream, max(now, self._host.clock())
        else:
            self._line_ended()
        if self.file.is_full and (
            not self.file.line_open or self.file.end >= self.file.max_size + _LONG_LINE
        ):
            self._rotate(stream, now)
        self._host.grew(self, now)

    def _rotate(self, stream: Stream, now: float) -> None:
        try:
            self.file.rotate()
        except OSError as error:  # the next piece opens the file anew, or finds the same trouble
            self._begin_trouble(error, now)

    def _end(self, stream: Stream) -> None:
        self._host.forget(stream)
        self.streams.remove(stream)
        if stream in self._parked:
            self._parked.remove(stream)
        if self._owner is stream:
            self._line_ended()
        stream.reader.close()
        remove_pipe(stream.path)
        if not self.streams:
            self.file.close()
        self._host.ended(stream)

    # -- waiting for the end of a line ---------------------------------------------------------------------

    def _must_wait(self, stream: Stream, now: float) -> bool:
        """Whether another stream's line has to end before this one may go on."""
        if self._owner in (None, stream):
            return False
        if now - self._line_since >= LINE_PATIENCE:
            self._give_up_line(now)
        return self._owner not in (None, stream)

    def _give_up_line(self, now: float) -> None:
        """The open line is old: take its end if that is in the pipe, else let the others go on after a part.

        Not while a disk that refuses is the reason: then its end may well be there and cannot be taken.
        """
        owner = self._owner
        if owner is None or (self.trouble is not None and not self._drops(now)):
            return
        end = owner.reader.look(CHUNK).find(b"\n") + 1
        if end:
            self._move(owner, end, now)
        if not end or self._drops(now):
            self._line_ended()

    def _park(self, stream: Stream) -> None:
        if stream not in self._parked:
            self._parked.append(stream)
            self._host.forget(stream)
            self._look_again_at(self._line_since + PRESSED_PATIENCE)

    def _look_again_at(self, when: float) -> None:
        """One timer at a time, however often somebody has to wait."""
        if not self._looking:
            self._looking = True
            self._host.call_at(when, self._lose_patience)

    def _lose_patience(self, now: float) -> None:
        self._looking = False
        if self._parked and self._owner is not None:
            age = now - self._line_since
            pressed = any(stream.reader.waiting() >= PRESSED for stream in self._parked)
            if age >= LINE_PATIENCE or (pressed and age >= PRESSED_PATIENCE):
                self._give_up_line(now)
        if self._parked:
            self._look_again_at(now + PRESSED_PATIENCE)

    def _line_ended(self) -> None:
        """Nobody's line is open: let those that waited have their turn first."""
        self._owner = None
        parked, self._parked = self._parked, []
        for stream in parked:
            self._host.watch_stream(stream)
            self._host.again(stream)

    # -- emptying at the end of a run ----------------------------------------------------------------------

    def flush(self, run: int, done: Callable[[], None], now: float) -> None:
        """Take what a run's pipes hold at this moment, then call `done`.

        What a descendant writes meanwhile is not waited for.  While the disk refuses, `done` comes late.
        """
        mine = [stream for stream in self.streams if stream.run == run]
        mine.sort(key=lambda stream: stream is not self._owner)
        for stream in mine:
            if not self._empty(stream, now):
                self._flushes.append((run, done))
                return
        if self._owner in mine:
            self._line_ended()  # nobody is going to finish it
        done()

    def _empty(self, stream: Stream, now: float) -> bool:
        """Move what it holds now; False if the disk does not take it for the time being."""
        left = stream.reader.waiting()
        while stream in self.streams and left >= 0:
            moved = self._move(stream, CHUNK, now)
            if not moved:
                return self.trouble is None or self._drops(now) or not stream.reader.waiting()
            left -= moved
        return True

    def _flush_again(self, now: float) -> None:
        flushes, self._flushes = self._flushes, []
        for run, done in flushes:
            self.flush(run, done, now)

    # -- a disk that refuses -------------------------------------------------------------------------------

    def _refused(self, stream: Stream, count: int, error: OSError, now: float) -> int:
        if error.errno == errno.EINVAL and not isinstance(stream.reader, BufferedReader):
            stream.reader = BufferedReader(stream.reader.fd)  # a file system without splice
            return self._move(stream, count, now)
        self._begin_trouble(error, now)
        return self._drop(stream, count, now)

    def _begin_trouble(self, error: OSError, now: float) -> None:
        if self.trouble is None:
            self.trouble = Trouble(now, error)
            self._host.trouble(self, error.errno or 0, error.strerror or str(error), 0, False)
            self._host.call_at(self.trouble.ask_at, self._tick)

    def _drops(self, now: float) -> bool:
        return self.trouble is not None and now - self.trouble.since >= DISK_PATIENCE

    def _ask_again(self, now: float) -> bool:
        """Whether the disk should be tried again now; what it has cost is noted first."""
        trouble = self.trouble
        if trouble is None or now < trouble.ask_at:
            return False
        trouble.ask_at = now + RETRY
        return self._note_losses(trouble)

    def _note_losses(self, trouble: Trouble) -> bool:
        """Put into the index how many bytes of each stream are missing here; whether the disk took it."""
        for number in sorted(trouble.unrecorded):
            try:
                self.file.gap(trouble.unrecorded[number], number)
            except OSError:
                return False
            del trouble.unrecorded[number]
        return True

    def _drop(self, stream: Stream, count: int, now: float) -> int:
        """The disk does not take it: leave it in the pipe or, when that has lasted too long, drop it."""
        trouble = self.trouble
        if trouble is None or not self._drops(now):
            self._host.forget(stream)
            return 0
        try:
            dropped = stream.reader.discard(count)
        except BlockingIOError:
            return 0
        except OSError:  # it was the pipe that failed, not the disk
            dropped = 0
        if not dropped:
            self._end(stream)
        if dropped:
            trouble.lost += dropped
            trouble.unrecorded[stream.number] = trouble.unrecorded.get(stream.number, 0) + dropped
        return dropped

    def _tick(self, now: float) -> None:
        """Once a second while there is trouble: try again, even if nobody writes."""
        if self.trouble is None:
            return
        for stream in list(self.streams):
            if stream not in self._parked:
                self._host.watch_stream(stream)
                self.pump(stream, now)
        self._probe(now)
        self._flush_again(now)
        if self.trouble is not None:
            self._host.call_at(now + RETRY, self._tick)

    def _probe(self, now: float) -> None:
        """Find out whether the disk works again when all pipes have ended: note the loss."""
        trouble = self.trouble
        if trouble is None or self.streams:
            return
        if trouble.unrecorded:
            if not self._note_losses(trouble):
                return
            self.file.close()
        self._relieved()

    def _relieved(self) -> None:
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            text = trouble.error.strerror or str(trouble.error)
            self._host.trouble(self, trouble.error.errno or 0, text, trouble.lost, True)
            for stream in self.streams:
                if stream not in self._parked:
                    self._host.watch_stream(stream)
