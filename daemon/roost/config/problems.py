"""What is wrong with a configuration, and where: one value for each problem, and the list that collects them.

Reading never stops at the first problem and never raises for bad input: whoever finds something wrong adds it
to the `Problems` of this reading and goes on (S68).  Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

LONGEST_SHOWN = 60
"""Characters of somebody's text that a message repeats."""


MOST_COMPARISONS = 20_000
"""Of an unknown word with a known one, about 20 µs each, so that suggestions never take long."""


class Problem(Struct, frozen=True):
    """One thing that is wrong, at a 1-based line and column of `file`; a warning does not fail."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str
    warning: bool = False

    def render(self) -> str:
        """The one line that people and editors read: `FILE:LINE:COLUMN: path: what is wrong (what to do)`."""
        mark = "warning: " if self.warning else ""
        place = f"{self.file}:{self.line}:{self.column}"
        return printable(f"{place}: {mark}{self.path}: {self.message} ({self.hint})")


class Problems:
    """Collects what is found; the same message at the same place counts once.

    A value in `defaults` or under a YAML anchor is read for every component that uses it, and is wrong once.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[str, int, int, str], Problem] = {}
        self._comparisons = 0

    def add(self, problem: Problem) -> None:
        key = (problem.file, problem.line, problem.column, problem.message)
        self._found.setdefault(key, problem)

    def error(self, line: int, column: int, path: str, message: str, hint: str) -> None:
        self.add(Problem(self.file, line, column, path, message, hint))

    def warn(self, line: int, column: int, path: str, message: str, hint: str) -> None:
        self.add(Problem(self.file, line, column, path, message, hint, warning=True))

    def nearest(self, word: str, known: Iterable[str]) -> str | None:
        """The known word that was probably meant; of very many unknown words, only for the first."""
        by_folded = {name.casefold(): name for name in known}
        self._comparisons += len(by_folded)
        if self._comparisons > MOST_COMPARISONS:
            return None
        import difflib

        cutoff = 0.5 if len(word) <= 3 else 0.6  # two swapped letters are half of `db`
        matches = difflib.get_close_matches(word[:70].casefold(), by_folded, n=1, cutoff=cutoff)
        return by_folded[matches[0]] if matches else None

    @property
    def failed(self) -> bool:
        """Whether there is any error; warnings do not count."""
        return any(not problem.warning for problem in self._found.values())

    def in_order(self) -> list[Problem]:
        """All of them, by position; those of env files after those of the configuration itself."""
        return sorted(
            self._found.values(),
            key=lambda problem: (problem.file != self.file, problem.file, problem.line, problem.column),
        )


def printable(text: str) -> str:
    """`text` as one line without control characters, whatever was in the file that it came from."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1].replace("'", "\\'") for letter in text
    )


def show(text: str) -> str:
    """A piece of the file as a message repeats it: in quotes, on one line, not too long."""
    short = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return f"'{printable(short)}'"


def listing(words: Iterable[str]) -> str:
    """`a, b or c`."""
    names = list(words)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
