"""Readers of one scalar each: text, true or false, numbers, durations, sizes, words from a list."""

from __future__ import annotations

import enum
import re
from typing import Final, TypeVar

from . import durations
from .nodes import Scalar
from .problems import listing, show
from .reader import BOOLEAN, VARIABLE, At, Definitions, ScalarReader, Schema, fits, kind, or_variable, shape

Word = TypeVar("Word", bound=enum.StrEnum)

_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")


class Text(ScalarReader[str]):
    """Text.  Numbers and true or false must be in quotes, unless `loose`, which takes them as written."""

    def __init__(
        self, words: str = "text", *, pattern: str | None = None, hint: str = "", loose: bool = False
    ) -> None:
        self._words = words
        self._pattern = pattern
        self._hint = hint
        self._loose = loose

    def take(self, scalar: Scalar, node: Scalar, at: At) -> str | None:
        if not self._loose and scalar is node and kind(node) is not str:
            at.error(node, f"is {shape(node)}, not text", f'put it in quotes: "{node.text}"')
            return None
        if not self._loose and not scalar.text.strip():
            at.error(node, "is empty", f"it takes {self._words}")
            return None
        if self._pattern is not None and not fits(self._pattern, scalar.text):
            at.error(node, f"{show(node.text)} is not {self._words}", self._hint)
            return None
        return scalar.text

    def schema(self, definitions: Definitions) -> Schema:
        if self._loose:
            return {"type": ["string", "number", "boolean"]}
        if self._pattern is None:
            return {"type": "string", "pattern": r"\S"}
        return {"anyOf": [{"type": "string", "pattern": self._pattern}, VARIABLE]}

    def words(self) -> str:
        return self._words


class Flag(ScalarReader[bool]):
    """True or false, in any of YAML's spellings, without quotes; `only` refuses the other one."""

    def __init__(self, *, only: bool | None = None) -> None:
        self._only = only

    def take(self, scalar: Scalar, node: Scalar, at: At) -> bool | None:
        value = BOOLEAN.get(scalar.text) if scalar.plain else None
        if value is None:
            quotes = ", without quotes" if node.text in BOOLEAN else ""
            at.error(node, f"{show(node.text)} is not true or false", f"it takes {self.words()}{quotes}")
        elif self._only is not None and value is not self._only:
            at.error(node, f"must be {self.words()}", "remove the key instead")
            return None
        return value

    def schema(self, definitions: Definitions) -> Schema:
        return or_variable({"type": "boolean"}) if self._only is None else {"const": self._only}

    def words(self) -> str:
        return "`true` or `false`" if self._only is None else f"`{str(self._only).lower()}`"


class Whole(ScalarReader[int]):
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def take(self, scalar: Scalar, node: Scalar, at: At) -> int | None:
        text = scalar.text
        if not scalar.plain or not _WHOLE.match(text):
            quoted = not scalar.plain and _WHOLE.match(text)
            at.error(
                node,
                f"{show(node.text)} is not a whole number",
                "remove the quotes" if quoted else f"it takes {self.words()}",
            )
            return None
        if len(text) > 18 or not self._least <= int(text) <= self._most:
            at.error(node, f"{show(node.text)} is out of range", f"it takes {self.words()}")
            return None
        return int(text)

    def schema(self, definitions: Definitions) -> Schema:
        return or_variable({"type": "integer", "minimum": self._least, "maximum": self._most})

    def words(self) -> str:
        return f"a whole number from {self._least} to {self._most}"


class Number(ScalarReader[float]):
    """A decimal number within bounds."""

    def __init__(self, least: float, most: float) -> None:
        self._least = least
        self._most = most

    def take(self, scalar: Scalar, node: Scalar, at: At) -> float | None:
        if not scalar.plain or not re.match(r"[0-9]{1,15}(\.[0-9]{1,15})?\Z", scalar.text):
            at.error(node, f"{show(node.text)} is not a number", f"it takes {self.words()}")
        elif not self._least <= float(scalar.text) <= self._most:
            at.error(node, f"{show(node.text)} is out of range", f"it takes {self.words()}")
        else:
            return float(scalar.text)
        return None

    def schema(self, definitions: Definitions) -> Schema:
        return or_variable({"type": "number", "minimum": self._least, "maximum": self._most})

    def words(self) -> str:
        return f"a number from {self._least:g} to {self._most:g}"


class Duration(ScalarReader[float]):
    """A time, in seconds; `least` is the shortest that makes sense."""

    def __init__(self, least: float = 0.0) -> None:
        self._least = least

    def take(self, scalar: Scalar, node: Scalar, at: At) -> float | None:
        seconds = durations.parse_duration(scalar.text)
        if seconds is None:
            at.error(
                node,
                f"{show(node.text)} is not a duration",
                "write 250ms, 10s, 5m, 1h or a number of seconds",
            )
        elif seconds < self._least:
            at.error(node, f"{show(node.text)} is too short", f"it takes at least {self._least:g} seconds")
        elif seconds > durations.LONGEST:
            at.error(node, f"{show(node.text)} is too long", "it takes at most a year")
        else:
            return seconds
        return None

    def schema(self, definitions: Definitions) -> Schema:
        text = {"type": "string", "pattern": durations.DURATION}
        return {"anyOf": [{"type": "number", "minimum": self._least}, text, VARIABLE]}

    def words(self) -> str:
        return "a duration"


class Size(ScalarReader[int]):
    """A number of bytes, at least one."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> int | None:
        size = durations.parse_size(scalar.text)
        if size is None:
            at.error(node, f"{show(node.text)} is not a size", "write 512KB, 10MB, 2GB or a number of bytes")
        elif not 1 <= size <= durations.LARGEST:
            at.error(node, f"{show(node.text)} is out of range", "it takes at least one byte")
            return None
        return size

    def schema(self, definitions: Definitions) -> Schema:
        text = {"type": "string", "pattern": durations.SIZE}
        return {"anyOf": [{"type": "number", "minimum": 1}, text, VARIABLE]}

    def words(self) -> str:
        return "a size"


class Choice(ScalarReader[Word]):
    """One of a few words; `instead` says what to write for words that people try."""

    def __init__(self, words: type[Word], *, instead: dict[str, str] | None = None) -> None:
        self._choices = words
        self._instead = instead or {}

    def take(self, scalar: Scalar, node: Scalar, at: At) -> Word | None:
        try:
            return self._choices(scalar.text)
        except ValueError:
            pass
        close = self._instead.get(scalar.text.lower()) or at.problems.nearest(scalar.text, self._choices)
        hint = f"did you mean '{close}'?" if close else f"it takes {self.words()}"
        at.error(node, f"{show(node.text)} is not one of {listing(self._choices)}", hint)
        return None

    def schema(self, definitions: Definitions) -> Schema:
        return or_variable({"enum": [str(choice) for choice in self._choices]})

    def words(self) -> str:
        return listing(f"`{choice}`" for choice in self._choices)
