"""Questions about logs: the last lines, since, until, grep, page by page; many components merged by time.

Works on the files alone, from the end or by binary search: the same for the daemon and for the command when
there is no daemon.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from . import cursor as cursors
from .entries import PAGE_BYTES, STREAM_NUMBERS, LogEntry, Missed, Page, Stream, entry, missed, weight
from .history import History, Place, Position, log_names
from .lines import KEPT, Line
from .merge import Candidate, Merge, merged_newest_first, newest_first
from .patterns import compiled, is_plain
from .tail import FIRST_BLOCK, Tail, Told, Wanted

__all__ = ["LogEntry", "Page", "Stream", "last_lines", "log_names", "query"]

_FULL_BLOCKS = 32  # of so many components a full first block is read; of more, less of each
_SMALLEST_BLOCK = 2048
_TRIES = 8  # as many damaged indices, or looks into rotations, as one question may meet
Run = int | Literal["last"]


class Filter(NamedTuple):
    """The conditions of one question, as they were asked."""

    since_ns: int | None = None
    until_ns: int | None = None
    grep: str | None = None
    stream: Stream | None = None
    run: Run | None = None

    def wanted(self, history: History) -> Wanted:
        """The same for one component.  Raises BadPattern."""
        plain = self.grep is not None and is_plain(self.grep)
        return Wanted(
            stream=STREAM_NUMBERS[self.stream] if self.stream else None,
            run=(history.highest_run() or None) if self.run == "last" else self.run,
            since_ns=self.since_ns,
            until_ns=self.until_ns,
            needle=self.grep.encode() if self.grep and plain else None,
            matches=compiled(self.grep) if self.grep and not plain else None,
        )


class Source(NamedTuple):
    """One component that is asked: its logs, and what of them is wanted."""

    history: History
    wanted: Wanted


class Selection(NamedTuple):
    """Lines, oldest first, with the number of their component; where each was left; whether there is more."""

    lines: list[tuple[int, Line]]
    told: list[Told | None]
    more: bool
    missed: list[Missed]


def query(
    folder: str,
    names: Iterable[str] | None = None,
    *,
    lines: int | None = 100,
    since_ns: int | None = None,
    until_ns: int | None = None,
    grep: str | None = None,
    stream: Stream | None = None,
    run: Run | None = None,
    cursor: str | None = None,
    page_bytes: int = PAGE_BYTES,
) -> Page:
    """Entries of `names` (None: all that have a log in `folder`), oldest first, at most a page of them.

    Without `cursor`: the last `lines` that fit the conditions, counted over all components (None: all of
    them).  With it: what follows, at most `lines`.  Ask again with the page's cursor while it has `more`.
    A last line without its newline is an entry too.  A name without a log has no entries.

    Raises BadCursor and BadPattern.  A bad `grep` may take very long: see `records.grep`.
    """
    conditions = Filter(since_ns, until_ns, grep, stream, run)
    sources = sources_of(folder, log_names(folder) if names is None else names, conditions)
    marks = cursors.decode(cursor) if cursor else None
    for _ in range(_TRIES):
        mended = sum(source.history.mended() for source in sources)
        if cursor is None and lines is not None:
            selection = last(sources, lines, page_bytes, flush=True)
        else:
            selection = following(tails_of(sources, marks), lines, page_bytes)
        doubtful = [source.history for source in sources if source.history.in_doubt]
        if not doubtful and mended == sum(source.history.mended() for source in sources):
            break  # else damage was met on the way: what was read before that may not fit the rest
        for history in doubtful:
            history.refresh()  # the look fell into rotations, and a file in the middle may have been missed
    return Page(
        [entry(sources[number].history.name, line) for number, line in selection.lines],
        cursor_of(sources, selection.told),
        selection.more,
        selection.missed,
    )


def last_lines(folder: str, name: str, count: int, run: Run | None = None) -> list[str]:
    """The texts of the last `count` lines of a component, of one run or of all: what is said with a crash.

    However long they are: the very last matter most, and they are those that a page would leave for the next.
    """
    page = query(folder, [name], lines=count, run=run, page_bytes=count * 8 * KEPT)
    return [each.text for each in page.entries]


# -- for `follow`, too -----------------------------------------------------------------------------------


def sources_of(folder: str, names: Iterable[str], conditions: Filter) -> list[Source]:
    """The components in the order of their names in the answer to equal times."""
    histories = [History(folder, name) for name in dict.fromkeys(names)]
    return [Source(history, conditions.wanted(history)) for history in histories]


def last(sources: Sequence[Source], count: int, page_bytes: int, flush: bool) -> Selection:
    """The last `count` lines, or as many of the oldest of these as fit in a page.

    `flush`: unfinished lines at the very end are among them.
    """
    spans = [_span(source) for source in sources]
    streams = [
        newest_first(number, source.history, source.wanted, *span, flush and span[1] == source.history.end())
        for number, (source, span) in enumerate(zip(sources, spans, strict=True))
        if span is not None
    ]
    page = _LastPage([Told(span[1], {}) if span else None for span in spans], page_bytes)
    if count > 0:
        for candidate in merged_newest_first(streams):
            if candidate.line is not None and page.add(candidate, candidate.line) == count:
                break
    return page.selection()


def following(tails: Sequence[Tail | None], count: int | None, page_bytes: int) -> Selection:
    """What comes after where the tails are, a page of it; unfinished lines when all else is told."""
    present = [(number, tail) for number, tail in enumerate(tails) if tail is not None]
    lines: list[tuple[int, Line]] = []
    room, more = page_bytes, False
    for flush in (False, True):
        if flush:
            for _, tail in present:
                if tail.stop is None:
                    tail.flush()
        merge = Merge([tail for _, tail in present])
        while count is None or len(lines) < count:
            found = merge.next(room if lines else None)
            if found is None:
                break
            lines.append((present[found[0]][0], found[1]))
            room -= weight(found[1])
        more = merge.waiting
        if more:
            break
    gone = missed((tail.history.name, tail) for _, tail in present)
    return Selection(lines, [tail.told if tail else None for tail in tails], more, gone)


def tails_of(sources: Sequence[Source], marks: dict[str, cursors.Mark | None] | None) -> list[Tail | None]:
    """A reader for each component from its mark on, without one from the beginning; None without a log."""
    tails: list[Tail | None] = []
    block = max(_SMALLEST_BLOCK, FIRST_BLOCK * _FULL_BLOCKS // max(len(sources), _FULL_BLOCKS))
    for source in sources:
        mark = marks.get(source.history.name) if marks else None
        if mark is not None:
            told = _resumed(source.history, mark)
        elif marks is not None and source.history.name in marks:
            told = told_from_the_first(source.history)
        else:
            told = _begin(source)
        end = _end(source)
        stop = None if end == source.history.end() else end
        tails.append(Tail(source.history, told, source.wanted, stop, block) if told else None)
    return tails


def told_from_the_first(history: History) -> Told | None:
    """For one who was there before the log: its beginning, and it counts what of it has gone already."""
    begin = history.begin()
    return Told(begin, {}, Place(0, 0, 0, 0)) if begin else None


def cursor_of(sources: Sequence[Source], told: Sequence[Told | None]) -> str:
    """The cursor that goes on where each component was left."""
    return cursors.encode(
        {
            source.history.name: each
            and cursors.Mark(each.place(), {who: at.place() for who, at in each.marks.items()})
            for source, each in zip(sources, told, strict=True)
        }
    )


# -- inside --------------------------------------------------------------------------------------------------


class _LastPage:
    """Takes lines from the newest back, and of them keeps the oldest that fit in a page."""

    def __init__(self, ends: list[Told | None], room: int) -> None:
        self._told = ends
        self._room = room
        self._kept: deque[tuple[int, Line]] = deque()  # the newest first
        self._begins: dict[int, Told] = {}
        self._cut: set[int] = set()
        self._count = 0

    def add(self, candidate: Candidate, line: Line) -> int:
        """One line more, older than all before; how many there were."""
        number = candidate.number
        if number not in self._begins:
            end = self._told[number]
            self._told[number] = end and Told(end.position, line.marks)
        self._begins[number] = candidate.begin
        self._kept.append((number, line))
        self._room -= weight(line)
        while self._room < 0 and len(self._kept) > 1:
            newest, dropped = self._kept.popleft()
            self._room += weight(dropped)
            self._cut.add(newest)
        self._count += 1
        return self._count

    def selection(self) -> Selection:
        """The page, and where it leaves each component."""
        lines = list(reversed(self._kept))
        for number in self._cut:
            self._told[number] = self._begins[number]
        for number, line in lines:
            if number in self._cut:
                self._told[number] = Told(line.position, line.marks)
        return Selection(lines, self._told, bool(self._cut), [])


def _span(source: Source) -> tuple[Position, Position] | None:
    """From where to where the wanted lines end; None if there is no log or nothing in it can be wanted."""
    begin, end = _begin(source), _end(source)
    if begin is None or end is None:
        return None
    start, history = begin.position, source.history
    places = [(history.number(each.generation), each.offset) for each in (start, end)]
    return (start, end) if places[0] <= places[1] else (end, end)


def _begin(source: Source) -> Told | None:
    history, wanted = source
    starts = [history.begin()]
    if wanted.since_ns is not None:
        starts.append(history.at_time(wanted.since_ns))
    if wanted.run is not None:
        starts.append(history.at_run(wanted.run))
    known = [start for start in starts if start is not None]
    if not known:
        return None
    return Told(max(known, key=lambda start: (history.number(start.generation), start.offset)), {})


def _end(source: Source) -> Position | None:
    if source.wanted.until_ns is None:
        return source.history.end()
    return source.history.at_time(source.wanted.until_ns + 1)


def _resumed(history: History, mark: cursors.Mark) -> Told | None:
    position = history.find(mark.place) or history.end()
    if position is None:
        return None
    marks = {source: history.find(place) for source, place in mark.told.items()}
    return Told(
        position,
        {source: at for source, at in marks.items() if at is not None},
        None if position.generation.is_at(mark.place) else mark.place,
    )
