"""A keeper without processes: writes logs and indices as the real one does, by a clock that the test moves.

The rules are those of `platform.logindex` and of decisions D2 and D13; bytes wait in `waiting` as in a FIFO.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from roost.platform.logindex import GAP, STDERR, STDOUT, pack, pack_origin, rotated

MILLISECOND = 1_000_000
START_NS = 1_700_000_000_000_000_000
VALVE_NS = 200 * MILLISECOND


class ModelKeeper:
    """Writes `NAME.log` and `NAME.idx` in `folder`; `written` is what each stream of each run wrote.

    `origins` False: as an older keeper did, that did not count what went before a file.
    """

    def __init__(
        self, folder: Path, name: str, max_size: int = 1 << 40, max_files: int = 1000, origins: bool = True
    ) -> None:
        self.log = str(folder / f"{name}.log")
        self.index = str(folder / f"{name}.idx")
        self.max_size = max_size
        self.max_files = max_files
        self.now = START_NS
        self.run = 1
        self.size = 0
        self.origin: int | None = 0 if origins else None
        self.waiting: dict[int, bytes] = {}
        self.written: dict[tuple[int, int], bytes] = defaultdict(bytes)
        self._open: int | None = None  # the stream with an unfinished line at the end of the log
        self._open_since = 0
        self._record: tuple[int, int, int] | None = None  # (time, run, stream) of the last one
        self._new_files()

    # -- what a component does -----------------------------------------------------------------------

    def write(self, stream: int, data: bytes) -> None:
        """The component writes; the keeper takes what it may."""
        self.waiting[stream] = self.waiting.get(stream, b"") + data
        self.written[self.run, stream] += data
        self.pump()

    def line(self, text: str, stream: int = STDOUT) -> None:
        """A line of text, a millisecond after what came before."""
        self.advance(MILLISECOND)
        self.write(stream, text.encode() + b"\n")

    def advance(self, nanoseconds: int) -> None:
        """Time goes by."""
        self.now += nanoseconds
        self.pump()

    def next_run(self) -> None:
        """The component ends, is emptied, and starts again."""
        self.drain()
        self.run += 1
        self._open = None

    def drain(self) -> None:
        """The component has ended: nobody finishes a line, so nothing waits for that any more."""
        for stream, data in sorted(self.waiting.items()):
            self._move(stream, data)
        self.waiting.clear()

    # -- what the keeper does ------------------------------------------------------------------------

    def pump(self) -> None:
        """Move what may be moved: at most one stream has an unfinished line at the end, for 200 ms."""
        while self.waiting:
            stream = self._open if self._is_held() else min(self.waiting)
            data = self.waiting.get(stream, b"") if stream is not None else b""
            if stream is None or not data:
                return
            others_wait = len(self.waiting) > 1
            cut = data.rfind(b"\n") + 1
            moved = data[:cut] if others_wait and cut else data
            self._move(stream, moved)
            self.waiting[stream] = data[len(moved) :]
            if not self.waiting[stream]:
                del self.waiting[stream]

    def gap(self, stream: int, lost: int) -> None:
        """The disk was full: `lost` bytes of `stream` are not here."""
        self._append(self.index, pack(self.size, self.now, lost, stream, GAP))
        self._record = None

    def rotate(self) -> None:
        """Rename as `platform.logindex` says; the oldest file beyond `max_files` goes."""
        highest = max(
            (n for n in range(self.max_files + 1) if os.path.exists(rotated(self.log, n))), default=0
        )
        for number in range(highest, -1, -1):
            for base in (self.index, self.log):
                if number >= self.max_files:
                    Path(rotated(base, number)).unlink()
                else:
                    os.replace(rotated(base, number), rotated(base, number + 1))
        self._new_pair()

    def clear(self) -> None:
        """As `logs --clear`: all pairs go, a new live one comes."""
        for number in range(self.max_files + 1):
            for base in (self.index, self.log):
                Path(rotated(base, number)).unlink(missing_ok=True)
        self._new_pair()

    # -- inside --------------------------------------------------------------------------------------

    def _is_held(self) -> bool:
        return self._open is not None and self.now - self._open_since < VALVE_NS

    def _move(self, stream: int, data: bytes) -> None:
        if not data:
            return
        if self.size >= self.max_size and (self._open is None or self.size >= 2 * self.max_size):
            self.rotate()
        now = (self.now, self.run, stream)
        last = self._record
        if last is None or last[1:] != now[1:] or now[0] - last[0] >= MILLISECOND:
            self._append(self.index, pack(self.size, *now))
            self._record = now
        self._append(self.log, data)
        self.size += len(data)
        if data.endswith(b"\n"):
            self._open = None
        elif self._open != stream or b"\n" in data:
            self._open, self._open_since = stream, self.now

    def _append(self, path: str, data: bytes) -> None:
        with open(path, "ab") as file:
            file.write(data)

    def _new_pair(self) -> None:
        if self.origin is not None:
            self.origin += self.size
        self.size, self._record = 0, None
        self._new_files()

    def _new_files(self) -> None:
        Path(self.log).touch()
        Path(self.index).touch()
        if self.origin is not None:
            self._append(self.index, pack_origin(self.origin))

    # -- what a reader must find ---------------------------------------------------------------------

    def lines(self) -> dict[tuple[int, int], list[bytes]]:
        """The lines of each stream of each run that have reached the log; the last may be unfinished."""
        found = {}
        for (run, stream), data in self.written.items():
            waiting = len(self.waiting.get(stream, b"")) if run == self.run else 0
            arrived = data[: len(data) - waiting]
            lines = arrived.split(b"\n")
            if not lines[-1]:
                lines.pop()
            if lines:
                found[run, stream] = lines
        return found


STREAMS = (STDOUT, STDERR)
