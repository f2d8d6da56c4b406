"""What components said last before they failed: as the events have it, which is masked.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .events import Event

_SHOWN = 5  # lines that `status` shows
_WIDEST = 500  # characters of each


class LastWords(NamedTuple):
    """The last lines of one run."""

    run: int | None
    lines: list[str]


def last_words(events: Iterable[Event]) -> dict[str, LastWords]:
    """Of each component the newest; `events` are the oldest first."""
    found = {}
    for event in events:
        lines = event.data.get("last_lines")
        if event.component is not None and isinstance(lines, list):
            found[event.component] = LastWords(
                event.run, [clipped(str(line), _WIDEST) for line in lines[-_SHOWN:]]
            )
    return found


def clipped(line: str, length: int) -> str:
    """The line, or its beginning and a sign that there is more."""
    return line if len(line) <= length else line[: length - 1] + "…"
