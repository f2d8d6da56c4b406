r"""The text of an env file → its variables, in order.  Pure: who calls has read the file.

    # a comment
    NAME=value             # text without quotes ends at a comment, and at the end of the line
    export NAME="two\nlines, \"quoted\""
    NAME='as it is, $NAME and \n too'

Values are taken literally: nothing is substituted, so a `$` in a password needs no escape.  The last of two
lines for one name wins.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_START: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([^\s=#'\"\0]+)[ \t]*=")
_GAP: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_QUOTED: Final = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'([^']*)'")}
_COMMENT: Final = re.compile(r"[ \t]#")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\n": ""}


class Fault(NamedTuple):
    """What is wrong with a line of an env file; never its value, which may be a secret."""

    line: int
    column: int
    name: str
    message: str
    hint: str


class _Wrong(Exception):
    """Reading cannot go on at `position` with the assignment to `name`; it goes on at `resume`."""

    def __init__(self, position: int, resume: int, name: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.position = position
        self.resume = resume
        self.name = name
        self.message = message
        self.hint = hint


def parse(text: str) -> tuple[dict[str, str], list[Fault]]:
    """The variables of an env file, and what could not be read; a faulty line is left out."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}
    faults: list[Fault] = []
    position, line = 0, 1
    while position < len(text):
        begin = position
        blank = _BLANK.match(text, begin)
        if blank is not None:
            position = blank.end()
        else:
            try:
                name, value, position = _assignment(text, begin)
                values[name] = value
            except _Wrong as wrong:
                position = wrong.resume
                at = line + text.count("\n", begin, wrong.position)
                column = wrong.position - text.rfind("\n", 0, wrong.position)
                faults.append(Fault(at, column, wrong.name, wrong.message, wrong.hint))
        line += text.count("\n", begin, position)
    return values, faults


def _assignment(text: str, begin: int) -> tuple[str, str, int]:
    """Name, value and where the next line begins.  Raises _Wrong."""
    start = _START.match(text, begin)
    if start is None:
        hint = "write NAME=value, or # before a comment"
        raise _Wrong(begin, _next_line(text, begin), "assignment", "this is not NAME=value", hint)
    name, opening = start[1], start.end()
    gap = _GAP.match(text, opening)
    first = gap.end() if gap is not None else opening
    quote = text[first : first + 1]
    if quote in _QUOTED:
        value, end = _quoted(text, first, name, quote)
    else:
        end = _next_line(text, opening)
        bare = text[opening:end]
        comment = _COMMENT.search(bare)
        value = bare[: comment.start() if comment else None].strip()
    if "\0" in value:
        raise _Wrong(opening, end, name, "the value holds a NUL character", "remove it")
    return name, value, end


def _quoted(text: str, opening: int, name: str, quote: str) -> tuple[str, int]:
    match = _QUOTED[quote].match(text, opening)
    if match is None:
        raise _Wrong(
            opening,
            _next_line(text, opening),
            name,
            "the quote is never closed",
            f"end the value with {quote}",
        )
    rest = _BLANK.match(text, match.end())
    if rest is None:
        hint = "put all of the value into the quotes, or # before a comment"
        resume = _next_line(text, match.end())
        raise _Wrong(match.end(), resume, name, "there is text after the closing quote", hint)
    return (_unescape(match[1]) if quote == '"' else match[1]), rest.end()


def _next_line(text: str, position: int) -> int:
    return (text.find("\n", position) + 1) or len(text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)
