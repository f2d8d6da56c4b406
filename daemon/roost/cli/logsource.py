"""Where `roost logs` takes its lines from: the files, and for following the daemon.

A query reads the files itself, with the same code as the daemon, which is left in peace.  Following asks the
daemon; while there is none it looks at the files, and goes over to the daemon without a gap as soon as one
answers, by the cursor that both understand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from ..platform import locks
from ..platform.paths import ProjectPaths
from ..records.follow import Follower
from ..records.history import log_names
from ..records.logs import query
from ..records.times import rfc3339
from . import exits, session
from .faults import Fault

Entry = dict[str, Any]

_PAUSE = 0.1  # seconds between two looks at the files, and for a daemon
_GRACE = 2.0  # seconds that the keeper's lock may be free while a new keeper takes over


class Question(NamedTuple):
    """The conditions of one call of `roost logs`."""

    names: Sequence[str] = ()
    lines: int = 100
    since_ns: int | None = None
    until_ns: int | None = None
    grep: str | None = None
    stream: Literal["stdout", "stderr"] | None = None
    run: int | Literal["last"] | None = None

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
        for entry in page.entries:
            yield entry.as_json()
        left, cursor, more = left - len(page.entries), page.cursor, page.more


def followed(paths: ProjectPaths, question: Question, until_gone: bool = False) -> Iterator[list[Entry]]:
    """The last entries and then what comes, in bursts; `until_gone`: ends when daemon and keeper are gone."""
    cursor: str | None = None
    while True:
        try:
            for entries, place in _streamed(paths, question, cursor):
                yield entries
                cursor = place or cursor
        except Fault as fault:
            if fault.code != exits.NOT_RUNNING:
                raise
        for entries, place in _watched(paths, question, cursor):
            if entries:
                yield entries
            cursor = place
        if until_gone and not session.answers(paths):
            return


def _streamed(
    paths: ProjectPaths, question: Question, cursor: str | None
) -> Iterator[tuple[list[Entry], str | None]]:
    """What the daemon tells, with the cursor behind it; ends with the connection, or at a gap."""
    with session.connect(paths) as daemon:
        for method, payload in daemon.stream("logs.stream", question.parameters(cursor)):
            if payload.get("lagged"):
                return  # we were too slow: asked anew, with the cursor, nothing is missing
            if method == "logs.entries":
                yield payload.get("entries") or [], payload.get("cursor")


def _watched(
    paths: ProjectPaths, question: Question, cursor: str | None
) -> Iterator[tuple[list[Entry], str | None]]:
    """What the files show, until a daemon answers or the keeper has been gone for a while."""
    names = list(question.names) or log_names(paths.logs)
    follower = Follower(
        paths.logs,
        names,
        lines=question.lines,
        since_ns=question.since_ns,
        grep=question.grep,
        stream=question.stream,
        run=question.run,
        cursor=cursor,
    )
    last_sign = time.monotonic()
    while True:
        now = time.monotonic()
        entries = [entry.as_json() for entry in follower.poll(now)]
        yield entries, follower.cursor()
        if follower.more:
            continue
        if session.answers(paths):
            return
        if locks.is_held(paths.keeper_lock):
            last_sign = now
        elif now - last_sign > _GRACE:
            return
        time.sleep(_PAUSE)
