"""Readers that several parts share: commands, regular expressions, port numbers, maps of variables."""

from __future__ import annotations

import re
import warnings
from typing import Final

from .nodes import Scalar
from .reader import At, Definitions, Reader, ScalarReader, Schema
from .scalars import Text
from .shapes import Checked, ListOf, MapOf, Shapes

Command = tuple[str, ...] | str
"""A string goes through the shell, a list does not (INTERFACES.md §3)."""

LEAST_PORT: Final = 1
MOST_PORT: Final = 65535

PORT_REFERENCE: Final = re.compile(r"\$\{port\.[^}]*\}")


def _program(argv: tuple[str, ...]) -> tuple[str, str] | None:
    return None if argv[0].strip() else ("does not begin with a program", "put the program first")


ARGV: Final[Reader[tuple[str, ...]]] = Checked(ListOf(Text("text", loose=True), least=1), _program)
"""A program and its arguments; numbers are taken as they are written."""


class _Line(ScalarReader[Command]):
    """A command line for the shell."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> Command | None:
        if scalar.text.strip():
            return scalar.text
        at.error(node, "is empty", f"it takes {self.words()}")
        return None

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": ["string", "number", "boolean"], "pattern": r"\S"}  # `true` is a program

    def words(self) -> str:
        return "a command line for the shell"


class _Argv(Reader[Command]):
    """A command as a list, which goes through no shell."""

    def read(self, node: object, at: At) -> Command | None:
        return ARGV.read(node, at)  # type: ignore[arg-type]

    def schema(self, definitions: Definitions) -> Schema:
        return ARGV.schema(definitions)

    def words(self) -> str:
        return "a list (program and arguments)"


COMMAND: Final[Reader[Command]] = Shapes(scalar=_Line(), sequence=_Argv())


class Regex(ScalarReader[str]):
    """A regular expression, compiled here to see that it can be."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> str | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a pattern that will change its meaning still compiles
                re.compile(scalar.text)
        except (re.error, RecursionError, OverflowError) as error:
            at.error(node, f"is not a regular expression: {error}", "see the syntax of Python's re module")
            return None
        return scalar.text

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": ["string", "number", "boolean"]}

    def words(self) -> str:
        return "a regular expression"


class PortText(ScalarReader[str]):
    """A port as a number or as one `${port.NAME}`; text, because the second is replaced later."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> str | None:
        return port_text(scalar.text, node, at)

    def schema(self, definitions: Definitions) -> Schema:
        number = {"type": "integer", "minimum": LEAST_PORT, "maximum": MOST_PORT}
        return {"anyOf": [number, {"type": "string", "pattern": r"^([0-9]+|\$\{port\.[^}]+\})$"}]}

    def words(self) -> str:
        return "a port"


def port_text(text: str, node: Scalar, at: At) -> str | None:
    """`text` if it is a port or a reference to one; else None, and said why."""
    if PORT_REFERENCE.fullmatch(text):
        return text
    return None if port_number(text, node, at) is None else text


def port_number(text: str, node: Scalar, at: At) -> int | None:
    """The number of a port; None, and said why, when it is none or out of bounds (S78)."""
    if not re.fullmatch(r"[0-9]+", text):
        at.error(node, "is not a port number", f"a port is a number from {LEAST_PORT} to {MOST_PORT}")
    elif text.startswith("0"):
        at.error(node, "a port does not begin with 0", f"a port is a number from {LEAST_PORT} to {MOST_PORT}")
    elif len(text) > 5 or int(text) > MOST_PORT:
        at.error(node, "the port is out of range", f"a port is a number from {LEAST_PORT} to {MOST_PORT}")
    else:
        return int(text)
    return None


VARIABLE_NAME: Final = r"^[^=\s]+$"


class Variables(MapOf[str]):
    """Environment variables.  Each value sees the variables above it; a number or true stays as written."""

    def __init__(self) -> None:
        hint = "use letters, digits and _"
        value = Text("text", loose=True)
        super().__init__(value, pattern=VARIABLE_NAME, what="a variable's name", hint=hint)

    def found(self, name: str, value: str, at: At) -> None:
        at.scope.own[name] = value


LABELS: Final = MapOf(
    Text("text", loose=True), pattern=r"^\S+$", what="a name without blanks", hint="remove the blanks"
)


def _home(path: str) -> tuple[str, str] | None:
    return ("~ is not replaced here", "write ${HOME}") if path.startswith("~") else None


PATH: Final = Checked(Text("a path"), _home)
