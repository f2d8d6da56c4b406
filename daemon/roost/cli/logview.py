"""Turns log entries (INTERFACES.md §5) into lines: time, `name | `, text.  Pure: no stream, no clock.

Entries are dictionaries as the interface has them; what a component wrote is made harmless for a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from .look import Look
from .text import harmless, size

Entry = Mapping[str, Any]


def gap_text(entry: Entry) -> str | None:
    """What to say in the place of lines that were removed before they could be shown; None for an entry."""
    if "missed_bytes" not in entry:
        return None
    count = entry["missed_bytes"]
    what = "an unknown part" if count is None else f"{size(count)} ({count} bytes)"
    return (
        f"roost: {entry['name']}: {what} of its log was removed before it could be shown here "
        "(rotation, limits.logs or --clear); a larger log.max_size or log.max_files keeps more"
    )


class LogView:
    """How one call of `roost logs` shows its lines.  `zone` None: the local time of this machine."""

    def __init__(
        self,
        look: Look,
        names: Sequence[str],
        *,
        timestamps: bool = True,
        prefix: bool = True,
        zone: tzinfo | None = None,
    ) -> None:
        self._look = look
        self._places = {name: place for place, name in enumerate(sorted(names))}
        self._width = max(map(len, names), default=0)
        self._timestamps = timestamps
        self._prefix = prefix
        self._zone = zone

    def line(self, entry: Entry) -> str:
        """One entry as a line with its newline."""
        parts = []
        if self._timestamps:
            parts.append(self._look.paint(clock_text(entry["at"], self._zone), "dim"))
        if self._prefix:
            parts.append(self._name(entry["name"], entry.get("stream")))
        text = harmless(entry["text"])
        if entry.get("truncated"):
            text += self._look.paint(f" {self._look.ellipsis} (cut)", "dim")
        parts.append(text)
        return " ".join(parts).rstrip() + "\n"

    def _name(self, name: str, stream: str | None) -> str:
        """`api |` in the component's colour; the bar is red beside a line of stderr."""
        place = self._places.setdefault(name, len(self._places))
        self._width = max(self._width, len(name))
        bar = self._look.paint("|", "red") if stream == "stderr" else self._look.paint_name("|", place)
        return f"{self._look.paint_name(name.ljust(self._width), place)} {bar}"


def clock_text(moment: str | None, zone: tzinfo | None) -> str:
    """An RFC 3339 time as `2026-03-01 12:30:05.123` in the zone; UTC is marked with a Z."""
    if moment is None:
        return "-" * 23
    try:
        at = datetime.fromisoformat(moment).astimezone(zone)
    except ValueError:
        return moment
    text = at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"
    return text + "Z" if zone is UTC else text
