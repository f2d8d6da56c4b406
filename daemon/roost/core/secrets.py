"""Which values must not be shown, and texts with them replaced by `***` (INTERFACES.md §5, P19).  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MARKS = ("PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "DSN")
_SHORTEST = 8
MASK = "***"


def looks_secret(key: str) -> bool:
    """Whether the name of an environment key says that its value is nobody's business."""
    upper = key.upper()
    return any(mark in upper for mark in _MARKS)


class Masker:
    """Knows the secret values of a project; the longest are replaced first, so none shows through.

    Of a value of several lines (a key in PEM) each line is one, too: what is shown may begin in the middle of it.
    """

    __slots__ = ("_values",)

    def __init__(self, environments: Iterable[Mapping[str, str]], named: Iterable[str] = ()) -> None:
        keys = frozenset(named)
        values = {
            part
            for environment in environments
            for key, value in environment.items()
            if key in keys or looks_secret(key)
            for part in (value, *value.splitlines())
            if len(part) >= _SHORTEST
        }
        self._values = sorted(values, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` without any of the values."""
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text
