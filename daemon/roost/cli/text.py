"""Small pieces of text: ages, sizes, clipping, counting, and the text of strangers made harmless.

Pure, and light enough for the fast path of `roost status`.
"""

from __future__ import annotations

import re

from ..core.durations import duration

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, screen
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS and their like: titles, clipboard, links
    r"|\x1b[ -/]*[0-~]"  # what remains of ESC and one letter
)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def size(count: float) -> str:
    """A number of bytes for people, in powers of 1024: `512 B`, `1.5 MB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


def wall_seconds(moment: str) -> float:
    """An RFC 3339 time as seconds since 1970.  Raises ValueError."""
    from datetime import datetime  # 2 ms: only for what has a time to show

    return datetime.fromisoformat(moment).timestamp()


def age(moment: object, now: float) -> str:
    """How long ago an RFC 3339 time was; `-` for none, the text itself where it is no time."""
    if not isinstance(moment, str):
        return "-"
    try:
        return duration(now - wall_seconds(moment)) + " ago"
    except ValueError:
        return moment


def harmless(text: str) -> str:
    """`text` as one line that cannot command a terminal: sequences go, other controls become visible."""
    if text.isprintable():
        return text
    text = text.rstrip("\r\n")
    return _CONTROL.sub(_visible, _SEQUENCE.sub("", text))


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` in at most `width` characters, its end replaced by the ellipsis where it does not fit."""
    if len(text) <= width:
        return text
    return text[: max(0, width - len(ellipsis))] + ellipsis[:width]


def count(number: int, noun: str) -> str:
    """`1 component`, `2 components`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def names(items: list[str], most: int = 5) -> str:
    """A list of names for a sentence; a long one is cut and counted."""
    if len(items) <= most:
        return ", ".join(items)
    return ", ".join(items[:most]) + f" and {len(items) - most} more"
