"""Where `roost logs` takes its lines from: the files, and for following the daemon.

A query reads the files itself, with the same code as the daemon, which is left in peace.  Following asks the
daemon; while there is none it looks at the files, and goes over to the daemon without a gap as soon as one
answers, by the cursor that both understand.

What was removed before it could be shown is an entry, too: without text, with `missed_bytes` (None: nobody
knows how many).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from ..platform import locks
from ..platform.paths import ProjectPaths
from ..records.entries import LogEntry, Missed
from ..records.follow import Follower
from ..records.history import log_names
from ..records.logs import query
from ..records.times import rfc3339
from . import exits, session
from .faults import Fault

Entry = dict[str, Any]

_PAUSE = 0.1  # seconds between two looks at the files, and for a daemon
_GRACE = 2.0  # seconds that the keeper's lock may be free while a new keeper takes over


class _Place:
    """Up to where everything was shown."""

    cursor: str | None = None


class Question(NamedTuple):
    """The conditions of one call of `roost logs`.

    Without `names` all components are meant: while there is no daemon, whose logs are not among `past`.
    """

    names: Sequence[str] = ()
    lines: int = 100
    since_ns: int | None = None
    until_ns: int | None = None
    grep: str | None = None
    stream: Literal["stdout", "stderr"] | None = None
    run: int | Literal["last"] | None = None
    past: frozenset[str] = frozenset()

    def parameters(self, cursor: str | None) -> dict[str, object]:
        """Those of `logs.stream`."""
        asked: dict[str, object] = {
            "names": list(self.names),
            "lines": self.lines,
            "since": None if self.since_ns is None else rfc3339(self.since_ns),
            "grep": self.grep,
            "stream": self.stream,
            "run": self.run,
            "cursor": cursor,
        }
        return {key: value for key, value in asked.items() if value is not None}


def past(paths: ProjectPaths, question: Question) -> Iterator[Entry]:
    """The entries that there are, oldest first."""
    names, left, cursor, more = list(question.names), question.lines, None, True
    while more and left > 0:
        page = query(
            paths.logs,
            names,
            lines=left,
            since_ns=question.since_ns,
            until_ns=question.until_ns,
            grep=question.grep,
            stream=question.stream,
            run=question.run,
            cursor=cursor,
        )
        yield from _shown(page.entries, page.missed)
        left, cursor, more = left - len(page.entries), page.cursor, page.more


def followed(paths: ProjectPaths, question: Question, until_gone: bool = False) -> Iterator[list[Entry]]:
    """The last entries and then what comes, in bursts; `until_gone`: ends when daemon and keeper are gone."""
    place = _Place()
    while True:
        try:
            yield from _streamed(paths, question, place)
        except Fault as fault:
            if fault.code != exits.NOT_RUNNING:
                raise
        yield from _watched(paths, question, place)
        if until_gone and not session.answers(paths):
            return


def _streamed(paths: ProjectPaths, question: Question, place: _Place) -> Iterator[list[Entry]]:
    """What the daemon tells; ends with the connection, or at a gap."""

    def begun(answer: Entry) -> None:
        place.cursor = place.cursor or answer.get("cursor")

    with session.connect(paths) as daemon:
        for method, payload in daemon.stream("logs.stream", question.parameters(place.cursor), begun=begun):
            missed = payload.get("missed") or []
            if payload.get("lagged", 0) > len(missed):
                return  # we were too slow: asked anew, with the cursor, nothing is missing
            if method == "logs.entries":
                gaps = [_gap(one["name"], one["bytes"], one["at"]) for one in missed]
                yield gaps + (payload.get("entries") or [])
                place.cursor = payload.get("cursor") or place.cursor


def _watched(paths: ProjectPaths, question: Question, place: _Place) -> Iterator[list[Entry]]:
    """What the files show, until a daemon answers or the keeper has been gone for a while."""

    def all_names() -> list[str]:
        return [name for name in log_names(paths.logs) if name not in question.past]

    names = list(question.names) or all_names()
    follower = Follower(
        paths.logs,
        names,
        lines=question.lines,
        since_ns=question.since_ns,
        grep=question.grep,
        stream=question.stream,
        run=question.run,
        cursor=place.cursor,
    )
    last_sign = time.monotonic()
    while True:
        now = time.monotonic()
        if not question.names:
            follower.add(all_names())
        entries = _shown(follower.poll(now), follower.missed)
        if entries:
            yield entries
        place.cursor = follower.cursor()
        if follower.more:
            continue
        if session.answers(paths):
            return
        if locks.is_held(paths.keeper_lock):
            last_sign = now
        elif now - last_sign > _GRACE:
            return
        time.sleep(_PAUSE)


def _shown(entries: Sequence[LogEntry], missed: Sequence[Missed]) -> list[Entry]:
    gaps = [_gap(one.name, one.bytes, rfc3339(one.at_ns)) for one in missed]
    return [*gaps, *(entry.as_json() for entry in entries)]


def _gap(name: str, count: int | None, at: str | None) -> Entry:
    """An entry in the place of what was removed before it could be shown."""
    return {
        "name": name,
        "at": at,
        "stream": None,
        "run": None,
        "text": "",
        "truncated": True,
        "missed_bytes": count,
    }
