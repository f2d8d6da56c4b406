"""A cursor: where in each component's logs an answer ended, as text that nobody needs to understand.

It names files by inode and birth, not by name, so it holds over rotations and restarts of everybody.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import NamedTuple

from .history import Place
from .index import Source


class BadCursor(ValueError):
    """A text that is no cursor of ours."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:40]!r} is no cursor: give one from an earlier answer, unchanged, or none")


class Mark(NamedTuple):
    """Where one component's reading goes on: `place`, and the unfinished lines told up to theirs."""

    place: Place
    told: Mapping[Source, Place]


def encode(marks: Mapping[str, Mark | None]) -> str:
    """The cursor; None for a component that has no log yet."""
    plain = {
        name: mark and [*mark.place, [[*source, *place] for source, place in mark.told.items()]]
        for name, mark in marks.items()
    }
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(text: str) -> dict[str, Mark | None]:
    """The marks by component; raises BadCursor."""
    try:
        plain = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        return {name: mark and _mark(mark) for name, mark in plain.items()}
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise BadCursor(text) from error


def _mark(plain: list[object]) -> Mark:
    *place, told = plain
    if not isinstance(told, list):
        raise TypeError("no list of marks")
    marks = {Source(*_numbers(each[:2], 2)): _place(each[2:]) for each in told}
    return Mark(_place(place), marks)


def _place(plain: list[object]) -> Place:
    """Three numbers and, since there is one, the origin of the file (None where that is unknown)."""
    *place, origin = plain if len(plain) > 3 else [*plain, None]
    inode, born, offset = _numbers(place, 3)
    return Place(inode, born, offset, None if origin is None else _numbers([origin], 1)[0])


def _numbers(values: list[object], count: int) -> list[int]:
    numbers = [value for value in values if type(value) is int and value >= 0]
    if len(numbers) != count or len(values) != count:
        raise TypeError("no numbers")
    return numbers
