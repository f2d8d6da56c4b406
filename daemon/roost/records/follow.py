"""Following logs: what has come since, over rotations and new runs, without losing or doubling a line.

Asked, not telling: `poll` when the keeper says that a log grew, or every so often.  No clock: the caller says
how late it is, by any clock that does not go back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from . import cursor as cursors
from .entries import PAGE_BYTES, LogEntry, Missed, Stream, entry, missed, weight
from .history import History
from .index import Source as Writer
from .lines import Line
from .logs import Filter, Run, Source, cursor_of, last, sources_of, tails_of, told_from_the_first
from .merge import Merge
from .tail import Tail, Told, Wanted, decoded

_SOON = 0.05  # seconds between two looks at a log whose rotations were in the way
PATIENCE = 0.2  # seconds for which an unfinished line may be about to be finished
_SCAN_LIMIT = 4 * 1024 * 1024  # bytes that a follower reads in one poll
_PROBE_SCAN_LIMIT = 128 * 1024  # … and a log probe, which is polled in the daemon's loop


class _Patience:
    """Since when an unfinished line has not grown; told as it is once that is long enough.

    `past`: those that nobody wants to see unless they grow, by their length.
    """

    __slots__ = ("_since",)

    def __init__(self, past: Mapping[Writer, int] | None = None) -> None:
        self._since = {writer: (length, math.inf) for writer, length in (past or {}).items()}

    def tell_overdue(self, tail: Tail, now: float) -> None:
        """Flush each line of `tail` that has not grown for PATIENCE."""
        unfinished = tail.unfinished()
        self._since = {
            writer: self._since[writer] if self._since.get(writer, (0, 0))[0] == length else (length, now)
            for writer, length in unfinished.items()
        }
        for writer, (_, since) in list(self._since.items()):
            if now >= since + PATIENCE:
                tail.flush(writer)
                del self._since[writer]

    def due(self) -> float | None:
        """When the next line is overdue."""
        return min((since + PATIENCE for _, since in self._since.values() if since < math.inf), default=None)


class Follower:
    """New entries of `names`, merged by time as far as they come together.

    Begins with the last `lines` that fit the conditions or, with a `cursor` from anywhere, with what follows
    it.  After a poll `more` says that there is more to be had at once, `due` when to poll even if no log
    grew (None: no need), `missed` what was removed before this poll could read it: files are all that waits
    for a slow reader, and rotation waits for nobody.  `start` is the cursor before the first poll, None where
    there are lines for that to give.  Raises BadCursor and BadPattern.
    """

    def __init__(
        self,
        folder: str,
        names: Iterable[str],
        *,
        lines: int = 100,
        since_ns: int | None = None,
        grep: str | None = None,
        stream: Stream | None = None,
        run: Run | None = None,
        cursor: str | None = None,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        self._folder = folder
        self._conditions = Filter(since_ns, None, grep, stream, run)
        self._sources = sources_of(folder, names, self._conditions)
        self._page_bytes = page_bytes
        self._first: list[LogEntry] = []
        self.more = False
        self.due: float | None = None
        self.missed: list[Missed] = []
        if cursor is None:
            selection = last(self._sources, lines, page_bytes, flush=False)
            self._first = [self._entry(*found) for found in selection.lines]
            self._tails = [
                _tail(source, told) for source, told in zip(self._sources, selection.told, strict=True)
            ]
        else:
            self._tails = tails_of(self._sources, cursors.decode(cursor))
        nothing_past = cursor is None and lines == 0
        self._patience = [
            _Patience(tail.unfinished() if tail is not None and nothing_past else None)
            for tail in self._tails
        ]
        self.start = None if self._first else self.cursor()

    def add(self, names: Iterable[str]) -> None:
        """Follow these, too, from their first line on; known ones are left alone."""
        known = {source.history.name for source in self._sources}
        for source in sources_of(
            self._folder, (each for each in names if each not in known), self._conditions
        ):
            self._sources.append(source)
            self._tails.append(None)
            self._patience.append(_Patience())

    def poll(self, now: float, grown: Iterable[str] | None = None) -> list[LogEntry]:
        """What has come, at most about a page of it, oldest first.

        `now` in seconds; `grown`: only these names need to be looked at (None: all).
        """
        entries, self._first = self._first, []
        self.missed = []
        if entries:
            self.more = True
            return entries
        self._refresh(None if grown is None else set(grown))
        entries = self._read()
        if not self.more:
            self._tell_overdue(now)
            entries += self._read()
        dues = [due for due in (each.due() for each in self._patience) if due is not None]
        if any(source.history.in_doubt for source in self._sources):
            dues.append(now + _SOON)  # nobody tells us when the rotations are over
        self.due = min(dues, default=None)
        self.missed = missed(zip((each.history.name for each in self._sources), self._tails, strict=True))
        return entries

    def cursor(self) -> str:
        """Where to go on, for a later Follower or query; everything that `poll` gave is before it."""
        return cursor_of(self._sources, [tail.told if tail else None for tail in self._tails])

    def close(self) -> None:
        """Nothing to give back here: files are open only while they are read."""

    # -- inside --------------------------------------------------------------------------------------

    def _refresh(self, grown: set[str] | None) -> None:
        for number, source in enumerate(self._sources):
            if grown is not None and source.history.name not in grown:
                continue
            tail = self._tails[number]
            if tail is not None:
                tail.refresh()
                continue
            source.history.refresh()
            self._tails[number] = _tail(source, told_from_the_first(source.history))

    def _read(self) -> list[LogEntry]:
        present = [(number, tail) for number, tail in enumerate(self._tails) if tail is not None]
        merge = Merge([tail for _, tail in present])
        entries: list[LogEntry] = []
        room = self._page_bytes
        while found := merge.next(room if entries else None, _SCAN_LIMIT):
            entries.append(self._entry(present[found[0]][0], found[1]))
            room -= weight(found[1])
        self.more = merge.waiting
        return entries

    def _tell_overdue(self, now: float) -> None:
        for tail, patience in zip(self._tails, self._patience, strict=True):
            if tail is not None:
                patience.tell_overdue(tail, now)

    def _entry(self, number: int, line: Line) -> LogEntry:
        return entry(self._sources[number].history.name, line)


class RunLines:
    """The lines of one run of one component, from its beginning on: what a log probe looks at."""

    def __init__(self, folder: str, name: str, run: int) -> None:
        self._history = History(folder, name)
        self._wanted = Wanted(run=run)
        self._tail: Tail | None = None
        self._patience = _Patience()
        self.more = False
        self.due: float | None = None

    def poll(self, now: float) -> list[str]:
        """The texts that have come; `now`, `more` and `due` as with a Follower."""
        tail = self._refreshed()
        if tail is None:
            return []
        texts = self._read(tail)
        if not self.more:
            self._patience.tell_overdue(tail, now)
            texts += [decoded(tail.take().raw) for _ in range(len(tail.ready))]
        self.due = now + _SOON if self._history.in_doubt else self._patience.due()
        return texts

    def _refreshed(self) -> Tail | None:
        if self._tail is not None:
            self._tail.refresh()
            return self._tail
        self._history.refresh()
        begin = self._history.at_run(self._wanted.run or 0)
        if begin is not None:
            self._tail = Tail(self._history, Told(begin, {}), self._wanted)
        return self._tail

    def _read(self, tail: Tail) -> list[str]:
        scanned, texts = 0, []
        while scanned < _PROBE_SCAN_LIMIT and (read := tail.fill()):
            scanned += read
            texts += [decoded(tail.take().raw) for _ in range(len(tail.ready))]
        self.more = tail.next_time_ns() is not None
        return texts


def first_match(pattern: Callable[[str], object], texts: Iterable[str]) -> str | None:
    """The first of the texts in which `pattern` (a `re.Pattern.search`) finds something."""
    return next((text for text in texts if pattern(text)), None)


def _tail(source: Source, told: Told | None) -> Tail | None:
    return Tail(source.history, told, source.wanted) if told else None
