"""How a value of roost.yaml is read: small readers, each of which turns a node into a typed value.

A reader returns None when the value is wrong, and has then said why, at the value's own line and column;
it never raises.  Beside reading, each gives the JSON Schema of what it takes (`schema`), a few words about it
for the reference (`words`), and how a component's own value goes together with that of `defaults`
(`merge`): one table of readers is the configuration, its schema and its documentation.

The readers of scalars are in `scalars`, those of lists and maps in `shapes`, maps with known keys in `table`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from .files import Files
from .nodes import Implied, Mapping, Node, Scalar, is_null
from .problems import Problems, show
from .substitute import PORT_OPENING, Scope, Unset, substitute, unescaped

T = TypeVar("T")
Schema = dict[str, Any]
"""A JSON Schema."""
Definitions = dict[str, Schema]
"""The `$defs` of the whole schema; a table puts itself there while its schema is made."""

LONGEST_TEXT: Final = 100_000
"""Characters of one value: Linux takes 128 KiB for one argument or variable."""

VARIABLE: Final[Schema] = {"type": "string", "pattern": r"\$\{"}

BOOLEAN: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_NUMBER: Final = re.compile(
    r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\Z|0[xo][0-9a-fA-F]+\Z|[-+]?\.(inf|nan)\Z"
)
_PORT: Final = re.compile(r"(?<!\$)\$\{port\.([^}]*)\}")


class Mode(enum.Enum):
    """What is replaced in the text of a value."""

    VALUE = enum.auto()
    """Variables; a reference to a port has no place here."""
    OPEN = enum.auto()
    """Variables, and `${port.NAME}`: env and url."""
    COMMAND = enum.auto()
    """`${port.NAME}` alone: run, other commands, probes.  The rest belongs to the shell."""


class PortUse(Struct, frozen=True):
    """A `${port.NAME}` (`component` None) or `${port.COMPONENT.NAME}` that was found in a value."""

    at: At
    node: Node
    component: str | None
    port: str


class At(Struct, frozen=True):
    """Where the reading is: the path of the value, the key that it stands under, and what it may use."""

    path: str
    problems: Problems
    files: Files
    scope: Scope
    key: Node
    mode: Mode = Mode.VALUE
    uses: list[PortUse] = []
    """The references to ports found so far; one list for each component."""
    lacks: frozenset[str] = frozenset()
    """What the system cannot do (`config.lacking`)."""

    def under(self, key: Scalar, mode: Mode | None = None) -> At:
        """The place of a map's value."""
        name = key.text if key.text.isprintable() and len(key.text) < 70 else show(key.text)
        path = f"{self.path}.{name}" if self.path else name
        if isinstance(key, Implied):
            path = self.path
        return self._inside(path, key, self.mode if mode is None else mode)

    def item(self, index: int, node: Node) -> At:
        """The place of a list's item."""
        return self._inside(f"{self.path}[{index}]", node, self.mode)

    def _inside(self, path: str, key: Node, mode: Mode) -> At:
        return At(path, self.problems, self.files, self.scope, key, mode, self.uses, self.lacks)

    def error(self, node: Node, message: str, hint: str) -> None:
        self.problems.error(node.line, node.column, self.path or "top level", message, hint)

    def warn(self, node: Node, message: str, hint: str) -> None:
        self.problems.warn(node.line, node.column, self.path or "top level", message, hint)

    def replaced(self, node: Scalar) -> Scalar | None:
        """The scalar with its variables replaced; what comes from a variable counts as unquoted."""
        text = node.text
        if len(text) > LONGEST_TEXT:
            self.error(node, f"is longer than {LONGEST_TEXT} characters", "put it into a file")
            return None
        if "$" not in text:
            return node
        if self.mode is not Mode.COMMAND:
            try:
                text = substitute(text, self.scope)
            except Unset as unset:
                if not self.scope.lenient:
                    self.error(node, *unset.args)
                return None
        if PORT_OPENING in text:
            if not self._note_ports(node, text):
                return None
            if self.mode is Mode.VALUE:
                text = unescaped(text)
        if text == node.text:
            return node
        return Scalar(node.line, node.column, text, plain=True)

    def _note_ports(self, node: Scalar, text: str) -> bool:
        """Remember the ports that a text refers to; False if none may be used here."""
        if self.mode is Mode.VALUE and _PORT.search(text):
            hint = "use them in run, env, probes, url and hooks; for the text itself write $${port.…}"
            self.error(node, "ports are not known yet where this value is used", hint)
            return False
        for match in _PORT.finditer(text):
            component, dot, port = match[1].rpartition(".")
            self.uses.append(PortUse(self, node, component if dot else None, port))
        return True


def shape(node: Node) -> str:
    """What a node is, as a message says it."""
    if is_null(node):
        return "empty"
    if isinstance(node, Scalar):
        return {bool: "true or false", float: "a number", str: "text"}[kind(node)]
    return "a map" if isinstance(node, Mapping) else "a list"


def kind(node: Scalar) -> type[bool] | type[float] | type[str]:
    """What YAML takes an unquoted scalar for; times like 22:22 and dates stay text."""
    if not node.plain:
        return str
    if node.text in BOOLEAN:
        return bool
    return float if _NUMBER.match(node.text) else str


class Reader(Generic[T]):
    """What every reader offers."""

    def read(self, node: Node, at: At) -> T | None:
        """The value, or None once it has been said what is wrong with it."""
        raise NotImplementedError

    def schema(self, definitions: Definitions) -> Schema:
        """The JSON Schema of what `read` takes."""
        raise NotImplementedError

    def words(self) -> str:
        """What it takes, in Markdown, short enough for a table."""
        raise NotImplementedError

    def inner(self) -> tuple[Reader[Any], ...]:
        """The readers of its parts, for the reference."""
        return ()

    def merge(self, own: Node, default: Node) -> Node:
        """A component's own value over that of `defaults`: it replaces it, unless both are maps."""
        return own

    def wrong_shape(self, node: Node, at: At) -> None:
        if is_null(node):
            at.error(node, "has no value", f"give it one ({self.words()}), or remove the key")
        else:
            at.error(node, f"is {shape(node)}", f"it takes {self.words()}")


class ScalarReader(Reader[T]):
    """A reader of one scalar: `take` makes the value of its text, with variables already replaced."""

    def read(self, node: Node, at: At) -> T | None:
        if not isinstance(node, Scalar) or is_null(node):
            self.wrong_shape(node, at)
            return None
        scalar = at.replaced(node)
        if scalar is None:
            return None
        if "\0" in scalar.text or any("\ud800" <= letter <= "\udfff" for letter in scalar.text):
            at.error(
                node, "holds a character that no program accepts (NUL or half a surrogate pair)", "remove it"
            )
            return None
        return self.take(scalar, node, at)

    def take(self, scalar: Scalar, node: Scalar, at: At) -> T | None:
        """`node` is what the file says: messages repeat that, never what came from the environment."""
        raise NotImplementedError


def fits(pattern: str, text: str) -> bool:
    """Whether a pattern is found; a JSON Schema's `$`, unlike Python's, does not match before a newline."""
    return re.search(pattern, text) is not None and not text.endswith("\n")


def or_variable(schema: Schema) -> Schema:
    """What a schema takes, or text that names a variable."""
    return {"anyOf": [schema, VARIABLE]}


def report_faults(node: Mapping, at: At) -> None:
    """Say what is wrong with the keys of a map, apart from their values."""
    for fault in node.faults:
        place = at.under(fault.node) if isinstance(fault.node, Scalar) else at
        place.error(fault.node, fault.message, fault.hint)


def merge_maps(own: Node, default: Node, each: Callable[[str, Node, Node], Node] | None = None) -> Node:
    """The keys of both maps, those of `default` first; for a key in both, `each` decides, else `own` wins."""
    if not isinstance(own, Mapping) or not isinstance(default, Mapping):
        return own
    mine = {key.text: (key, value) for key, value in own.entries}
    entries: list[tuple[Scalar, Node]] = []
    for key, value in default.entries:
        if key.text not in mine:
            entries.append((key, value))
        elif each is not None:
            own_key, own_value = mine[key.text]
            mine[key.text] = (own_key, each(key.text, own_value, value))
    return Mapping(own.line, own.column, [*entries, *mine.values()], own.faults)
