"""A thread that moves output into logs: all of a component's log is one thread's (pumps.py says whose).

It has its own poller and timers and shares nothing with the control thread but two queues: commands come in
by `do`, what happened goes out through the `tell` that it was given (the control inbox's `post`).  So a disk
that stands still stops logs and nothing else (D4).
"""

from __future__ import annotations

import collections
import threading
import time

from roost.platform.logindex import LATE
from roost.platform.pipes import CHUNK, BufferedReader, make_reader
from roost.platform.polling import Poller, block_signals
from roost.platform.terminals import TerminalReader

from .channel import CALM, PIECE, Channel, Stream
from .logbound import LogBound
from .logfile import LogFile
from .mistakes import told
from .timers import Timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    class Observer(Protocol):
        """Who is told, on his own thread."""

        def flushed(self, name: str, run: int) -> None:
            """What the run's pipes held when it was asked for is in the log (or was dropped)."""

        def drained(self, name: str, run: int) -> None:
            """Nobody writes to any pipe of the run any more."""

        def grew(self, name: str, size: int) -> None:
            """A watched log is now so long."""

        def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
            """The disk began, or ceased, to refuse a log."""

        def pump_failed(self, text: str) -> None:
            """A mistake of ours; the other logs go on."""


GREW_EVERY = 0.02  # seconds
WIDE = 1024 * 1024  # bytes: its component writes on while a piece is on its way to the disk
NARROW = 65536  # bytes that a pipe mostly has (and what may be lost of a run if all of us die, and then it)
MOST_WIDE = 8
PAUSE = 1e-6  # seconds, the shortest there is (some 55 µs on Linux)
AFTER_A_MISTAKE = 1.0  # seconds for which a stream is left alone whose pumping failed for no reason we know


class Pump:
    """One such thread.  The public methods are for other threads and return at once, but for `join`."""

    def __init__(
        self,
        tell: Callable[[Callable[[], None]], None],
        observer: Observer,
        bound: LogBound,
        paths: Callable[[str], tuple[str, str]],
    ) -> None:
        self._tell = tell
        self._observer = observer
        self._paths = paths
        self._poller = Poller()
        self._timers = Timers()
        self._commands: collections.deque[Callable[[], None]] = collections.deque()
        self._channels: dict[str, Channel] = {}
        self._by_fd: dict[int, Stream] = {}
        self._again: collections.deque[Stream] = collections.deque()
        self._open_streams: dict[tuple[str, int], int] = {}
        self._watched: frozenset[str] = frozenset()
        self._wide: dict[Stream, int] = {}  # and how much room they had before
        self._narrows_later = False
        self._bound = bound
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    # -- for other threads ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Do what was asked for so far, take what the pipes hold, then end."""

        def stop() -> None:
            self._stopping = True
            for channel in self._channels.values():
                for run in {stream.run for stream in channel.streams}:
                    channel.flush(run, lambda: None, time.monotonic())

        self.do(stop)

    def join(self, patience: float) -> None:
        """Wait until it has ended, `patience` seconds at most."""
        self._thread.join(patience)

    def add(
        self,
        name: str,
        run: int,
        pipes: Iterable[tuple[int, int, str]],
        max_size: int,
        max_files: int,
        late: bool = False,
        terminal: tuple[int, int] | None = None,
    ) -> None:
        """Pump a run's pipes, (reading end, stream number, path), from now on; the ends are ours now.

        `late`: what they hold already was written before we came.  `terminal`: the master that feeds the one
        pipe, and the pipe's writing end; they are ours now, too.
        """
        ends = list(pipes)

        def add() -> None:
            channel = self._channel(name, max_size, max_files)
            if not ends:
                self._tell(lambda: self._observer.drained(name, run))
                return
            self._open_streams[name, run] = len(ends)
            for fd, number, path in ends:
                flags = LATE if late else 0
                reader = make_reader(fd) if terminal is None else TerminalReader(terminal[0], fd, terminal[1])
                stream = channel.add(run, number, path, reader, flags, time.monotonic())
                if reader.room() >= WIDE:  # an earlier keeper has met a flood
                    self._will_narrow(stream, NARROW)

        self.do(add)

    def flush(self, name: str, run: int) -> None:
        """Empty the run's pipes; the observer hears `flushed`."""

        def flushed() -> None:
            self._tell(lambda: self._observer.flushed(name, run))

        def flush() -> None:
            channel = self._channels.get(name)
            if channel is None:
                flushed()
            else:
                channel.flush(run, flushed, time.monotonic())

        self.do(flush)

    def settings(self, name: str, max_size: int, max_files: int) -> None:
        """From now on rotate at that size and keep so many rotated files."""
        self.do(lambda: void(self._channel(name, max_size, max_files)))

    def clear(self, name: str, max_size: int, max_files: int) -> None:
        """Remove what is in a component's log; what comes begins a new one."""

        def clear() -> None:
            channel = self._channel(name, max_size, max_files)
            channel.file.clear()
            if not channel.streams:
                channel.file.close()

        self.do(clear)

    def watch(self, names: Iterable[str]) -> None:
        """Of which components the observer hears `grew`; at most every 20 ms for each."""
        self._watched = frozenset(names)

    def look_after(self) -> None:
        """Notice that log files have been removed or replaced, and make them anew (P3b)."""

        def look_after() -> None:
            for channel in self._channels.values():
                if not channel.file.is_current():
                    channel.file.close()

        self.do(look_after)

    def do(self, function: Callable[[], None]) -> None:
        """Let this thread do something that may have to wait for the disk, in order."""
        self._commands.append(function)
        self._poller.wake()

    def call_at(self, when: float, function: Callable[[float], None]) -> None:
        """Call back then, with the time (monotonic).  For this thread alone."""
        self._timers.at(when, lambda: function(time.monotonic()))

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        block_signals()
        while not (self._stopping and not self._commands):
            ready = self._poller.wait(0 if self._again else self._timers.delay(time.monotonic()))
            for fd in ready:
                self._pump(self._by_fd.get(fd))
            for _ in range(len(self._commands)):
                self._guard(self._commands.popleft())
            for _ in range(len(self._again)):
                self._pump(self._again.popleft())
            self._guard(lambda: self._timers.run_due(time.monotonic()))
            if self._wide and self._gathers(ready):
                time.sleep(PAUSE)

    def _gathers(self, ready: list[int]) -> bool:
        """Whether there was little, and from floods alone: better let it become more."""
        streams = [self._by_fd.get(fd) for fd in ready]
        return bool(ready) and all(stream in self._wide and _may_grow(stream) for stream in streams)

    def _pump(self, stream: Stream | None) -> None:
        if stream is not None:
            try:
                stream.channel.pump(stream, time.monotonic())
            except Exception as error:  # noqa: BLE001  (see _failed)
                self._failed(error)
                self.forget(stream)
                self.call_at(time.monotonic() + AFTER_A_MISTAKE, lambda _: self._resume(stream))

    def _resume(self, stream: Stream) -> None:
        if stream in stream.channel.streams:
            self.watch_stream(stream)

    def _guard(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001  (see _failed)
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """One component's trouble, or a mistake of ours, must not stop the other logs: tell it and go on."""
        text = told(error)
        self._tell(lambda: self._observer.pump_failed(text))

    def _channel(self, name: str, max_size: int, max_files: int) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            log_path, index_path = self._paths(name)
            channel = Channel(name, LogFile(log_path, index_path, max_size, max_files, self._bound), self)
            self._channels[name] = channel
        channel.file.max_size = max_size
        channel.file.max_files = max_files
        return channel

    # -- what a channel asks for (channel.Host) ------------------------------------------------------------

    def again(self, stream: Stream) -> None:
        """Pump it once more before the poller is asked."""
        self._again.append(stream)

    def forget(self, stream: Stream) -> None:
        """Not now."""
        self._by_fd.pop(stream.reader.fd, None)
        self._poller.forget(stream.reader.fd)

    def clock(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def widen(self, stream: Stream) -> None:
        """Give one that floods a larger pipe: then it writes while we write, instead of in turns.

        For a few at a time only, and not for longer than the flood: the room of all pipes of a user is bounded
        (D9), and what a pipe holds is lost when keeper and daemon are dead and its component ends, too (P2).
        """
        if stream not in self._wide and len(self._wide) < MOST_WIDE:
            room = stream.reader.room()
            if stream.reader.resize(WIDE):
                self._will_narrow(stream, room)

    def _will_narrow(self, stream: Stream, room: int) -> None:
        self._wide[stream] = room
        if not self._narrows_later:
            self._narrows_later = True
            self.call_at(time.monotonic() + CALM, self._narrow)

    def _narrow(self, now: float) -> None:
        """Give those whose flood is over the room back that they had, as soon as they hold no more than that."""
        for stream, room in list(self._wide.items()):
            if not stream.floods(now) and stream.reader.resize(room):
                del self._wide[stream]
        self._narrows_later = bool(self._wide)
        if self._wide:
            self.call_at(now + CALM, self._narrow)

    def ended(self, stream: Stream) -> None:
        """One pipe less; the last one ends the run's output."""
        self._wide.pop(stream, None)
        key = stream.channel.name, stream.run
        left = self._open_streams.get(key, 0) - 1
        self._open_streams[key] = left
        if left <= 0:
            del self._open_streams[key]
            self._tell(lambda: self._observer.drained(*key))

    def grew(self, channel: Channel, now: float) -> None:
        """Tell a watcher, at most every 20 ms, and never leave him with less than all."""
        if channel.name not in self._watched or channel.grew_later:
            return
        if now - channel.grew_at >= GREW_EVERY:
            self._tell_growth(channel, now)
        else:
            channel.grew_later = True
            self.call_at(channel.grew_at + GREW_EVERY, lambda later: self._tell_growth(channel, later))

    def _tell_growth(self, channel: Channel, now: float) -> None:
        channel.grew_at, channel.grew_later = now, False
        name, size = channel.name, channel.file.end
        self._tell(lambda: self._observer.grew(name, size))

    def trouble(self, channel: Channel, number: int, text: str, lost: int, resolved: bool) -> None:
        """Pass it on."""
        name = channel.name
        self._tell(lambda: self._observer.log_trouble(name, number, text, lost, resolved))

    def watch_stream(self, stream: Stream) -> None:
        """Pump it when there is something."""
        self._by_fd[stream.reader.fd] = stream
        self._poller.watch(stream.reader.fd)
        if stream.reader.held:
            self._again.append(stream)


def _may_grow(stream: Stream) -> bool:
    """Whether its last piece had less than half of what can be moved at once."""
    most = CHUNK if isinstance(stream.reader, BufferedReader) else PIECE
    return stream.moved < most // 2


def void(_: object) -> None:
    """Call for the effect alone."""
