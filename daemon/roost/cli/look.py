"""How text may look on one stream: colour, width, and which characters its encoding can show.

Reads the environment and the stream; decides nothing else.  Light: the fast path uses it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "gray": "90",
    "bold": "1",
    "dim": "2",
}
NAME_COLORS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")


class Look:
    """The marks and colours for one stream.  `width` is None where lines may be as long as they like."""

    __slots__ = ("color", "terminal", "unicode", "width")

    def __init__(
        self, color: bool = False, unicode: bool = True, width: int | None = None, terminal: bool = False
    ) -> None:
        self.color = color
        self.unicode = unicode
        self.width = width
        self.terminal = terminal

    @property
    def tick(self) -> str:
        return "✓" if self.unicode else "yes"

    @property
    def cross(self) -> str:
        return "✗" if self.unicode else "NO"

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."

    def paint(self, text: str, color: str) -> str:
        """`text` in a named colour, where there are colours."""
        return f"\x1b[{_CODES[color]}m{text}\x1b[0m" if self.color else text

    def paint_name(self, text: str, index: int) -> str:
        """`text` in the colour of the component with this place in the list."""
        return f"\x1b[{NAME_COLORS[index % len(NAME_COLORS)]}m{text}\x1b[0m" if self.color else text


def look_of(stream: TextIO) -> Look:
    """What `stream` can show.  NO_COLOR (any value but the empty one) and TERM=dumb forbid colour."""
    terminal = is_terminal(stream)
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Look(
        color=terminal and not plain,
        unicode=_can_show(stream, "✓✗…"),
        width=_width(stream) if terminal else None,
        terminal=terminal,
    )


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody looks at this stream; a closed one is no terminal."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def _can_show(stream: TextIO, sample: str) -> bool:
    try:
        sample.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _width(stream: TextIO) -> int | None:
    """Columns of the terminal, by COLUMNS or by asking it; None if it does not know."""
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
