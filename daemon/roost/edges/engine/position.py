"""How far a container's output has come into its log, and where its reading goes on.  Pure.

The engine gives entries from a time on, so the position of each stream is an anchor: the time of an entry, and how
many bytes from its beginning on are in the log.  A stream's times go up, so what comes before that time is known,
and of what follows that many bytes are left out; the rest is new.  Bytes, not entries: a kill may cut one in two.

Between the two streams times may go back a little (each is stamped before it waits for its turn), so the reading
begins MARGIN earlier than the newest anchor; that much a clock may step back, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from .api import LogPiece

GRAIN_NS = 1_000_000
"""One index record covers entries of less than this much time (keeper/logfile.py)."""
MARGIN_NS = 10_000_000_000


class Anchor(Struct, frozen=True):
    """Of one stream: `size` bytes are in the log, counted from its first entry of `at_ns`.

    `at_ns` 0: from its first entry of all.  None of these bytes belongs to an entry after `until_ns`.
    """

    at_ns: int
    size: int
    until_ns: int


class Written(Struct, frozen=True):
    """A piece of the log as its index has it; `at_ns` may have been raised so as not to go back."""

    at_ns: int
    stream: int
    size: int


class Position:
    """The anchors of all streams; of a run of which nothing is in the log it has none."""

    def __init__(self, anchors: Mapping[int, Anchor] | None = None) -> None:
        self.anchors = dict(anchors or {})

    @property
    def since_ns(self) -> int:
        """From which time on the engine has to be asked; 0: from the beginning."""
        anchors = list(self.anchors.values())
        if not anchors:
            return 0
        early = max(anchor.until_ns for anchor in anchors) - MARGIN_NS
        return max(0, min([early, *(anchor.at_ns for anchor in anchors if anchor.until_ns >= early)]))


class Sieve:
    """Lets through what the log does not have yet, of one reading from `position.since_ns` on.

    The position moves with what is written, and only with it: reading may be interrupted anywhere.
    """

    def __init__(self, position: Position) -> None:
        self._position = position
        self._since = position.since_ns
        self._known: dict[int, int] = {}
        """Bytes still to be left out of each stream, from the first entry on that comes at its anchor or later."""
        self._seen: dict[int, Anchor] = {}
        """What the anchors are when everything that has come is in the log."""

    def new(self, piece: LogPiece) -> bytes:
        """What is new of an entry; call `written` when that is in the log, before the next entry."""
        stream = int(piece.stream)
        if stream not in self._known:
            anchor = self._position.anchors.get(stream)
            if anchor is None or anchor.until_ns < self._since:
                anchor = Anchor(self._since, 0, self._since)  # nothing of it is among what is read again
            if piece.at_ns < anchor.at_ns:
                return b""
            is_it = piece.at_ns == anchor.at_ns or not anchor.at_ns
            self._known[stream] = anchor.size if is_it else 0
        known = self._known[stream]
        self._known[stream] = max(0, known - len(piece.data))
        seen = self._seen.get(stream)
        if seen is None or piece.at_ns > seen.at_ns:
            self._seen[stream] = Anchor(piece.at_ns, len(piece.data), piece.at_ns)
        else:
            self._seen[stream] = Anchor(seen.at_ns, seen.size + len(piece.data), seen.at_ns)
        return piece.data[known:]

    def written(self, piece: LogPiece) -> None:
        """What was new of it is in the log."""
        self._position.anchors[int(piece.stream)] = self._seen[int(piece.stream)]


def position_of(pieces_back: Iterable[Written]) -> Position:
    """The position from the pieces of one run in its log, the newest first, down to the run's beginning.

    Takes no more of them than it needs.
    """
    streams: dict[int, _Search] = {}
    newest: int | None = None
    before_this: _Search | None = None
    for piece in pieces_back:
        if newest is None:
            newest = piece.at_ns
        if before_this is not None:
            before_this.preceded_by(piece)
        before_this = streams.setdefault(piece.stream, _Search())
        before_this.found(piece)
        is_settled = all(search.anchor is not None for search in streams.values())
        if is_settled and piece.at_ns < newest - MARGIN_NS - GRAIN_NS:
            break
    else:
        for search in streams.values():
            search.reached_beginning()
    return Position(
        {stream: search.anchor for stream, search in streams.items() if search.anchor is not None}
    )


def beyond(cleared: Position, found: Position) -> Position:
    """The position where a log was cleared at one, and `found` is all that is in it since."""
    anchors = {**cleared.anchors, **found.anchors}
    for stream in cleared.anchors.keys() & found.anchors.keys():
        before, since = cleared.anchors[stream], found.anchors[stream]
        if since.at_ns < before.until_ns:  # it begins where the other ends, perhaps inside of an entry
            anchors[stream] = Anchor(before.at_ns, before.size + since.size, since.until_ns)
    return Position(anchors)


class _Search:
    """For the anchor of one stream, backwards: a piece that surely begins with its first entry of that time."""

    def __init__(self) -> None:
        self.anchor: Anchor | None = None
        self._size = 0
        self._at_ns = self._until_ns = 0
        self._was_raised = False

    def found(self, piece: Written) -> None:
        if self.anchor is not None:
            return
        if self._size and not self._was_raised and piece.at_ns + GRAIN_NS <= self._at_ns:
            self.anchor = Anchor(self._at_ns, self._size, self._until_ns)
            return
        self._until_ns = self._until_ns or piece.at_ns + GRAIN_NS
        self._size += piece.size
        self._at_ns = piece.at_ns
        self._was_raised = False

    def preceded_by(self, piece: Written) -> None:
        """The piece just before, in the log, the one that was found last: of another stream."""
        if piece.at_ns >= self._at_ns:
            self._was_raised = True

    def reached_beginning(self) -> None:
        if self.anchor is None:
            self.anchor = Anchor(0 if self._was_raised else self._at_ns, self._size, self._until_ns)
