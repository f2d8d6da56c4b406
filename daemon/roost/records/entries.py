"""One log entry as everybody outside sees it, and pages of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ..platform.logindex import MERGED, STDERR, STDOUT
from .lines import Line
from .tail import Tail, decoded
from .times import rfc3339

Stream = Literal["stdout", "stderr"]
PAGE_BYTES = 512 * 1024
_STREAMS: dict[int, Stream | None] = {MERGED: None, STDOUT: "stdout", STDERR: "stderr"}
STREAM_NUMBERS = {"stdout": STDOUT, "stderr": STDERR}
_FRAME = 160  # bytes of an entry in JSON around its text
_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))


class LogEntry(NamedTuple):
    """One line: `at_ns` since 1970, `stream` None where both share a pipe, `run` None where it is unknown.

    (A named tuple, not a dataclass: the command imports this, and `dataclasses` alone takes it 10 ms.)
    """

    name: str
    at_ns: int
    stream: Stream | None
    run: int | None
    text: str
    truncated: bool

    def as_json(self) -> dict[str, object]:
        """The object that `logs --json` and `logs.query` show (INTERFACES.md §5)."""
        return {
            "name": self.name,
            "at": rfc3339(self.at_ns),
            "stream": self.stream,
            "run": self.run,
            "text": self.text,
            "truncated": self.truncated,
        }


class Missed(NamedTuple):
    """So much of a component's log was removed before it was read; what came next came at `at_ns`.

    Bytes, since lines that are gone cannot be counted; None where nobody knows how many.
    """

    name: str
    bytes: int | None
    at_ns: int


class Page(NamedTuple):
    """Entries, oldest first.  `more`: the same question with `cursor` has more of them already now.

    `missed`: what followed the cursor that was given, and has gone.
    """

    entries: list[LogEntry]
    cursor: str
    more: bool
    missed: list[Missed]


def missed(tails: Iterable[tuple[str, Tail | None]]) -> list[Missed]:
    """What went unread of each component since this was last asked."""
    found = [(name, tail.removed()) for name, tail in tails if tail is not None]
    return [Missed(name, removed.bytes, removed.at_ns) for name, removed in found if removed is not None]


def entry(name: str, line: Line) -> LogEntry:
    """The line as an entry of component `name`."""
    run, stream = line.source
    return LogEntry(name, line.time_ns, _STREAMS[stream], run or None, decoded(line.raw), line.truncated)


def weight(line: Line) -> int:
    """At most how many bytes the line's entry has in JSON, whichever way that is written."""
    return _FRAME + len(line.raw) + 5 * len(line.raw.translate(None, _PLAIN))
