"""`events.jsonl`: what happened, one JSON object a line.  Reading needs no daemon; one writer, the daemon's.

A crash may tear the last line and a full disk any line: readers skip and count what they cannot read, and
the writer goes on on a line of its own.  Three files are kept: `events.jsonl`, `.1`, `.2`, that the oldest.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..platform.sharing import open_shared
from .times import BadTime, parse_moment, rfc3339

MAX_SIZE = 5 * 1024 * 1024
FILES = 3
_BLOCK = 64 * 1024


class Event(NamedTuple):
    """One thing that happened (INTERFACES.md §5); `at` is RFC 3339 in UTC."""

    seq: int
    at: str
    kind: str
    component: str | None
    run: int | None
    message: str
    data: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """The object that `events --json` and `events.query` show."""
        return self._asdict()


class EventPage(NamedTuple):
    """Events, oldest first.  `more`: others that fit are newer than the last; `unreadable`: lines skipped."""

    events: list[Event]
    more: bool
    unreadable: int


def read_events(
    path: str,
    *,
    since_seq: int | None = None,
    since_ns: int | None = None,
    limit: int = 100,
    component: str | None = None,
) -> EventPage:
    """The last `limit` events; with a `since`, the first `limit` after it.  No file means no events."""
    reader = _Backwards(path)
    forward = since_seq is not None or since_ns is not None
    kept: deque[Event] = deque(maxlen=limit + 1 if forward else limit)  # newest first
    if limit <= 0:
        return EventPage([], False, 0)
    for event in reader:
        if since_seq is not None and event.seq <= since_seq:
            break
        if since_ns is not None and _moment(event) < since_ns:
            break
        if component is not None and event.component != component:
            continue
        kept.append(event)
        if not forward and len(kept) == limit:
            break
    more = len(kept) > limit
    events = list(reversed(kept))[:limit]
    return EventPage(events, more, reader.unreadable)


class EventLog:
    """The one writer.  Numbers go on from those in the file; the number of a torn line is not used again."""

    def __init__(self, path: str, max_size: int = MAX_SIZE, files: int = FILES) -> None:
        self._path = path
        self._max_size = max_size
        self._files = files
        self._torn = _ends_torn(path)
        reader = _Backwards(path)
        last = next(iter(reader), None)
        self._seq = (last.seq if last else 0) + reader.unreadable

    @property
    def last_seq(self) -> int:
        """The number of the last event."""
        return self._seq

    def append(
        self,
        *,
        kind: str,
        message: str,
        wall: float,
        component: str | None = None,
        run: int | None = None,
        data: Mapping[str, object] | None = None,
    ) -> Event:
        """Put one event on record and return it as it can be read; `wall` is in seconds since 1970.

        Raises OSError if the disk does not take it; the next one is then written on a line of its own.
        """
        self._seq += 1
        at = rfc3339(round(wall * 1e9))
        told = Event(self._seq, at, kind, component, run, message, data or {}).as_json()
        line = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str).encode(
            "utf-8", "replace"
        )
        self._write(line + b"\n")
        written = _event(line)
        assert written is not None
        return written

    def _write(self, line: bytes) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        try:
            whole = b"\n" + line if self._torn else line
            self._torn = True  # until it is whole on the disk
            while whole:
                whole = whole[os.write(fd, whole) :]
            self._torn = False
            full = os.fstat(fd).st_size >= self._max_size
        finally:
            os.close(fd)
        if full:
            self._rotate()

    def _rotate(self) -> None:
        """Move every file one number up; the oldest is replaced.  What cannot be moved now is moved later."""
        try:
            for number in range(self._files - 1, 0, -1):
                if os.path.exists(_numbered(self._path, number - 1)):
                    os.replace(_numbered(self._path, number - 1), _numbered(self._path, number))
        except OSError:  # somebody holds it open on Windows: the event itself is on record
            pass


class _Backwards:
    """The readable events of all files, newest first, and how many lines were not readable so far."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.unreadable = 0

    def __iter__(self) -> Iterator[Event]:
        newest: int | None = None
        for number in range(FILES + 1):
            for line in _lines_backwards(_numbered(self._path, number)):
                event = _event(line)
                if event is None:
                    self.unreadable += 1
                elif newest is None or event.seq < newest:  # a rotation while we read shows a file twice
                    newest = event.seq
                    yield event


def _lines_backwards(path: str) -> Iterator[bytes]:
    """The lines of a file that are not empty, the last first; read in blocks from the end."""
    try:
        fd = open_shared(path)
    except OSError:
        return
    with os.fdopen(fd, "rb") as file:
        position = file.seek(0, os.SEEK_END)
        parts: list[bytes] = []  # of the line whose beginning is not read yet, last part first
        while position > 0:
            low = max(0, position - _BLOCK)
            file.seek(low)
            head, *lines = file.read(position - low).split(b"\n")
            position = low
            if lines:
                lines[-1] += b"".join(reversed(parts))
                parts = []
                yield from (line for line in reversed(lines) if line)
            parts.append(head)
        if first := b"".join(reversed(parts)):
            yield first


def _event(line: bytes) -> Event | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or type(found.get("seq")) is not int:
        return None
    component, run, data = found.get("component"), found.get("run"), found.get("data")
    return Event(
        seq=found["seq"],
        at=str(found.get("at", "")),
        kind=str(found.get("kind", "")),
        component=component if isinstance(component, str) else None,
        run=run if type(run) is int else None,
        message=str(found.get("message", "")),
        data=data if isinstance(data, dict) else {},
    )


def _moment(event: Event) -> int:
    try:
        return parse_moment(event.at, 0)
    except BadTime:
        return 0


def _ends_torn(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False


def _numbered(path: str, number: int) -> str:
    return f"{path}.{number}" if number else path
