"""The output of containers on its way into the log store: api.Capture.

A thread for each component whose container writes: it reads the engine's log and appends to ours, begins again
after every interruption where our log ends, and is done when the container has stopped and nothing more comes.
Nothing is ever lost by waiting (the engine keeps the bytes), so an engine that is down, a disk that is full and a
reader that is slow are all the same: try again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from .api import CaptureObserver, ContainerSeen, Engine, EngineError, ErrorKind, LogPiece, LogReader, Status
from .calls import Row
from .position import Position, Sieve
from .stamped import StampedLog

T = TypeVar("T")

FIRST_RETRY, LAST_RETRY = 0.1, 2.0
"""Seconds before an engine is asked again."""
LOOK_EVERY = 0.5
"""Seconds between two looks at a log that cannot be followed."""
DISK_RETRY = 1.0
GREW_EVERY = 0.02
_PATIENCE = 2.0
"""Seconds that `close` waits for threads whose connections are closed."""
_AWAY = (ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT)


class Taking:
    """One run whose output is being taken."""

    def __init__(self, run: int, container: str) -> None:
        self.run = run
        self.container = container
        self.done = asyncio.Event()
        """On the loop: nothing more comes."""
        self.given_up = threading.Event()
        self.reader: LogReader | None = None

    def give_up(self) -> None:
        self.given_up.set()
        if self.reader is not None:
            self.reader.close()


class EngineCapture:
    """All containers of a project.  Made on the loop; every method is called there."""

    def __init__(self, engine: Engine, folder: str, observer: CaptureObserver) -> None:
        self._engine = engine
        self._folder = folder
        self._observer = observer
        self._takers: dict[str, _Taker] = {}
        self._clearing = Row("roost-capture-clear", 2)

    def start(self, name: str, run: int, container: str, max_size: int, max_files: int) -> None:
        taker = self._taker(name, max_size, max_files)
        self.settings(name, max_size, max_files)
        taker.add(run, container)

    async def drained(self, name: str, run: int) -> None:
        taker = self._takers.get(name)
        taking = taker.of(run) if taker is not None else None
        if taking is not None:
            await taking.done.wait()

    def abandon(self, name: str, run: int) -> None:
        taker = self._takers.get(name)
        taking = taker.of(run) if taker is not None else None
        if taking is not None:
            taking.give_up()

    def settings(self, name: str, max_size: int, max_files: int) -> None:
        taker = self._takers.get(name)
        if taker is not None:
            taker.log.max_size, taker.log.max_files = max_size, max_files

    async def clear(self, name: str, run: int, max_size: int, max_files: int) -> None:
        taker = self._taker(name, max_size, max_files)
        await self._clearing.run(lambda: taker.clear(run), None, f"clearing the log of {name}")

    def look_after(self) -> None:
        for taker in self._takers.values():
            taker.look_after()

    async def close(self) -> None:
        for taker in self._takers.values():
            taker.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                for taker in self._takers.values():
                    await taker.ended.wait()

    def _taker(self, name: str, max_size: int, max_files: int) -> _Taker:
        taker = self._takers.get(name)
        if taker is None:
            log = StampedLog(self._folder, name, max_size, max_files)
            taker = self._takers[name] = _Taker(name, self._engine, log, self._observer)
        return taker


class _Taker:
    """One component: its log, the runs that are still to be taken, and the thread that takes them in turn."""

    def __init__(self, name: str, engine: Engine, log: StampedLog, observer: CaptureObserver) -> None:
        self.log = log
        self.ended = asyncio.Event()
        """On the loop: there is no thread."""
        self.ended.set()
        self._name = name
        self._engine = engine
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._row: deque[Taking] = deque()
        """The first one is being taken.  Changed on the loop alone."""
        self._writing = threading.Lock()
        """Held for each piece, and by `clear`."""
        self._look = False
        self._trouble: OSError | None = None
        self._closed = False
        self._size = self._told = 0
        self._refused_run = 0
        self._telling = False

    # -- on the loop -------------------------------------------------------------------------------------

    def of(self, run: int) -> Taking | None:
        return next((taking for taking in self._row if taking.run == run), None)

    def add(self, run: int, container: str) -> None:
        if self.of(run) is not None or self._closed:
            return
        self._row.append(Taking(run, container))
        if len(self._row) == 1:
            self._begin()

    def look_after(self) -> None:
        self._look = True

    def close(self) -> None:
        self._closed = True
        for taking in self._row:
            taking.give_up()

    def _begin(self) -> None:
        self.ended.clear()
        taking = self._row[0]
        threading.Thread(
            target=self._take, args=(taking,), name=f"roost-log-{self._name}", daemon=True
        ).start()

    def _finished(self) -> None:
        taking = self._row.popleft()
        self.ended.set()
        taking.done.set()
        if self._row and not self._closed:
            self._begin()

    def _tell_growth(self) -> None:
        self._told = self._size
        self._observer.grew(self._name, self._told)
        self._loop.call_later(GREW_EVERY, self._settle)

    def _settle(self) -> None:
        """The thread writes the size and looks at the flag; here it is the other way round: none is missed."""
        self._telling = False
        if self._size != self._told and not self._telling:
            self._telling = True
            self._tell_growth()

    # -- on the thread -----------------------------------------------------------------------------------

    def _take(self, taking: Taking) -> None:
        try:
            _Course(self, taking, self._engine, self._loop).follow()
        except EngineError as error:
            self._fail(taking.run, error)
        finally:
            with self._writing, contextlib.suppress(OSError):
                self.log.close()
            self._on_loop(self._finished)

    def _fail(self, run: int, error: EngineError) -> None:
        """Each look at the container tries again; it is told once."""
        if self._refused_run != run:
            self._refused_run = run
            self._on_loop(lambda: self._observer.capture_failed(self._name, error))

    def position(self, run: int) -> Position:
        with self._writing:
            return self.log.position(run)

    def clear(self, run: int) -> None:
        with self._writing:
            self.log.clear_of(run)
            if not self._row:
                self.log.close()

    def write(self, data: bytes, piece: LogPiece, taking: Taking) -> bool:
        """All of it, however long the disk refuses; False where the run is given up before."""
        while data:
            try:
                data = data[self._append(data, piece, taking.run) :]
            except OSError as error:
                self._refused(error)
                if taking.given_up.wait(DISK_RETRY):
                    return False
        if self._trouble is not None:
            self._tell_trouble(self._trouble, resolved=True)
            self._trouble = None
        self._grew()
        return True

    def _append(self, data: bytes, piece: LogPiece, run: int) -> int:
        with self._writing:
            if self._look:
                self._look = False
                if not self.log.is_current():
                    self.log.close()
            written = self.log.append(data, piece.at_ns, run, int(piece.stream))
            if written == len(data):
                self.log.rotate_if_due()
            self._size = self.log.end
            return written

    def _grew(self) -> None:
        if not self._telling:
            self._telling = True
            self._on_loop(self._tell_growth)

    def _refused(self, error: OSError) -> None:
        if self._trouble is None:
            self._trouble = error
            self._tell_trouble(error, resolved=False)

    def _tell_trouble(self, error: OSError, resolved: bool) -> None:
        number, text = error.errno or 0, error.strerror or str(error)
        self._on_loop(lambda: self._observer.log_trouble(self._name, number, text, 0, resolved))

    def _on_loop(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(call)


class _Course:
    """The way of one run into the log: read, look why the reading has ended, read again."""

    def __init__(
        self, taker: _Taker, taking: Taking, engine: Engine, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._taker = taker
        self._taking = taking
        self._engine = engine
        self._loop = loop
        self._pause = FIRST_RETRY

    def follow(self) -> None:
        """Return when all is in the log, when the container is gone, or when the run is given up.

        Raises EngineError where the engine does not give this log.
        """
        position = self._beginning()
        is_up = True
        while not self._taking.given_up.is_set():
            try:
                came, is_whole, waited = self._read(position, follow=is_up)
                seen = self._ask()
            except EngineError as error:
                if error.kind is ErrorKind.NO_SUCH_CONTAINER:
                    return
                if error.kind not in _AWAY:
                    raise
                self._rest()
                continue
            if seen.status is Status.CREATED and not seen.error:
                self._rest()  # it has not begun
                continue
            was_up, is_up = is_up, seen.is_up
            if not is_up and not was_up and not came and is_whole:
                return  # stopped, asked again since, and nothing more came
            if came:
                self._pause = FIRST_RETRY if waited else LOOK_EVERY
            if is_up and not (came and waited):
                self._rest()

    def _beginning(self) -> Position:
        while True:
            try:
                return self._taker.position(self._taking.run)
            except OSError as error:
                self._taker._refused(error)
                if self._taking.given_up.wait(DISK_RETRY):
                    return Position()

    def _read(self, position: Position, follow: bool) -> tuple[bool, bool, bool]:
        """One reading; whether anything new came, whether that was all, and whether it waited for more."""
        sieve = Sieve(position)
        reader = self._engine.logs(self._taking.container, position.since_ns, follow)
        self._taking.reader = reader
        if self._taking.given_up.is_set():
            return False, False, False
        came = False
        for piece in reader:
            data = sieve.new(piece)
            if data:
                came = True
                if not self._taker.write(data, piece, self._taking):
                    break
                sieve.written(piece)
            if self._taking.given_up.is_set():
                break
        return came, reader.is_whole, reader.waited

    def _ask(self) -> ContainerSeen:
        question = self._engine.inspect(self._taking.container)
        try:
            return asyncio.run_coroutine_threadsafe(question, self._loop).result()
        except (RuntimeError, concurrent.futures.CancelledError):  # the loop has ended
            question.close()
            raise EngineError(ErrorKind.UNAVAILABLE, "the daemon is ending") from None

    def _rest(self) -> None:
        self._taking.given_up.wait(self._pause)
        self._pause = min(self._pause * 2, LAST_RETRY)
