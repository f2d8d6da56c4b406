"""What `--grep` takes: plain text, or a regular expression.  Says which of them may run without a limit."""

from __future__ import annotations

import re
from collections.abc import Callable

_META = frozenset(r".^$*+?{}[]\|()")
_REPEATS_AND_GROUPS = frozenset("*+?{(")


class BadPattern(ValueError):
    """A text that is no regular expression."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(
            f"{pattern!r} is no regular expression: {reason} (put a \\ before a sign meant as itself)"
        )


def is_plain(pattern: str) -> bool:
    """Whether the pattern is simply a text to be found."""
    return not _META.intersection(pattern)


def is_harmless(pattern: str) -> bool:
    """Whether a search takes time in proportion to the text, whatever the text is.

    Without repetition and groups there is nothing to try again.  Everything else may, with the wrong text,
    take longer than anybody waits, and cannot be stopped inside this process.
    """
    return not _REPEATS_AND_GROUPS.intersection(pattern)


def compiled(pattern: str) -> Callable[[str], object]:
    """The search; raises BadPattern."""
    try:
        return re.compile(pattern).search
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(pattern, str(error)) from error
