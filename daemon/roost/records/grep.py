"""Searching with a pattern that may take longer than anybody waits: in a process that can be ended.

A regular expression with repetition can, on the wrong line, run for years, and nothing inside a process stops
it: `re` holds the interpreter.  So such a question is put to a process of its own, this module run as a
program, which ends itself after `DEADLINE` seconds (by `faulthandler`, whose timer needs no interpreter).
Plain texts and expressions without repetition are answered in this process.

The talk, one JSON object a line: `{"ask": "query" | "follow" | "poll", …}` and one answer each.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ..platform.programs import grep_argv
from .cursor import BadCursor
from .entries import PAGE_BYTES, LogEntry, Missed, Page, Stream
from .follow import Follower
from .logs import Run, query
from .patterns import compiled, is_harmless

DEADLINE = 5.0  # seconds for one answer
_GRACE = 5.0  # seconds after which a process that did not end itself is killed


class GrepTimeout(Exception):
    """The pattern took too long; the process that tried has ended."""

    def __init__(self, pattern: str, deadline: float) -> None:
        super().__init__(
            f"the search for {pattern!r} took longer than {deadline:g} s and was given up: "
            "make the pattern simpler (nested repetition is what takes long), or narrow it with --since"
        )


class Question(NamedTuple):
    """What `logs.query` and `follow.Follower` are asked; the same names and meanings."""

    folder: str
    names: list[str]
    lines: int | None = 100
    since_ns: int | None = None
    until_ns: int | None = None
    grep: str | None = None
    stream: Stream | None = None
    run: Run | None = None
    cursor: str | None = None
    page_bytes: int = PAGE_BYTES


class Following(Protocol):
    """What a Follower offers, wherever it runs."""

    more: bool
    due: float | None
    missed: list[Missed]
    start: str | None

    def add(self, names: Iterable[str]) -> None:
        """Follow these, too."""

    def poll(self, now: float, grown: Iterable[str] | None = None) -> list[LogEntry]:
        """What has come."""

    def cursor(self) -> str:
        """Where to go on."""

    def close(self) -> None:
        """Of no more use."""


def answer(question: Question, deadline: float = DEADLINE) -> Page:
    """As `logs.query`, within about `deadline` seconds; raises GrepTimeout, BadPattern, BadCursor."""
    if question.grep is None or is_harmless(question.grep):
        return query(**question._asdict())
    compiled(question.grep)
    helper = _Helper(question.grep, deadline)
    try:
        reply = helper.ask({"ask": "query", "question": question._asdict()})
        return Page(_entries(reply), reply["cursor"], reply["more"], _missed(reply))
    finally:
        helper.close()


def follower(question: Question, deadline: float = DEADLINE) -> Follower | GrepFollower:
    """A Follower for the question (`until_ns` does not count); as `answer`, also for each poll."""
    if question.grep is None or is_harmless(question.grep):
        return Follower(**_for_follower(question._asdict()))
    compiled(question.grep)
    return GrepFollower(question, deadline)


class GrepFollower:
    """A Follower in a process of its own.  `close` it in the end."""

    def __init__(self, question: Question, deadline: float) -> None:
        self.more = False
        self.due: float | None = None
        self.missed: list[Missed] = []
        self._helper = _Helper(question.grep or "", deadline)
        try:
            begun = self._helper.ask({"ask": "follow", "question": question._asdict()})
        except BaseException:
            self.close()
            raise
        self._cursor, self.start = begun["cursor"], begun["start"]
        self._added: list[str] = []

    def add(self, names: Iterable[str]) -> None:
        """As `Follower.add`."""
        self._added += names

    def poll(self, now: float, grown: Iterable[str] | None = None) -> list[LogEntry]:
        """As `Follower.poll`; raises GrepTimeout, after which it is of no more use."""
        added, self._added = self._added, []
        reply = self._helper.ask(
            {"ask": "poll", "now": now, "grown": None if grown is None else list(grown), "add": added}
        )
        self._cursor, self.more, self.due = reply["cursor"], reply["more"], reply["due"]
        self.missed = _missed(reply)
        return _entries(reply)

    def cursor(self) -> str:
        """As `Follower.cursor`."""
        return str(self._cursor)

    def close(self) -> None:
        """End the process."""
        self._helper.close()


class _Helper:
    """The other end of `serve`."""

    def __init__(self, pattern: str, deadline: float) -> None:
        self._pattern = pattern
        self._deadline = deadline
        self._process = subprocess.Popen(
            grep_argv(deadline), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """The answer; raises GrepTimeout when the process has ended instead of answering."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        guard = threading.Timer(self._deadline + _GRACE, self._process.kill)
        guard.daemon = True
        guard.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            guard.cancel()
        if not line.endswith(b"\n"):
            raise GrepTimeout(self._pattern, self._deadline)
        reply: dict[str, Any] = json.loads(line)
        if "bad_cursor" in reply:
            raise BadCursor(reply["bad_cursor"])
        return reply

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # what was not written needs not be
        self._process.wait()


# -- the program -----------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Answer each line of standard input, and end with it; end too if one answer takes `arguments[0]` s."""
    deadline = float(arguments[0])
    following: Follower | None = None
    with open(os.devnull, "w") as nowhere:
        for line in sys.stdin.buffer:
            faulthandler.dump_traceback_later(deadline, exit=True, file=nowhere)
            request = json.loads(line)
            try:
                if request["ask"] == "follow":
                    following = Follower(**_for_follower(request["question"]))
                reply = _reply(request, following)
            except BadCursor:
                reply = {"bad_cursor": str(request["question"]["cursor"])}
            sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
            sys.stdout.buffer.flush()
            faulthandler.cancel_dump_traceback_later()
    return 0


def _reply(request: Mapping[str, Any], following: Follower | None) -> dict[str, object]:
    if request["ask"] == "query":
        page = query(**request["question"])
        return page._asdict()
    assert following is not None
    entries: list[LogEntry] = []
    if request["ask"] == "poll":
        following.add(request["add"])
        entries = following.poll(request["now"], request["grown"])
    return {
        "entries": entries,
        "cursor": following.cursor(),
        "more": following.more,
        "due": following.due,
        "missed": following.missed,
        "start": following.start,
    }


def _for_follower(question: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in question.items() if key != "until_ns"}


def _entries(reply: Mapping[str, Any]) -> list[LogEntry]:
    return [LogEntry(*each) for each in reply["entries"]]


def _missed(reply: Mapping[str, Any]) -> list[Missed]:
    return [Missed(*each) for each in reply["missed"]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
