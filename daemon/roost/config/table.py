"""A map with known keys, as a table: the one list from which reading, schema and reference are made.

Each key has its reader, its default in words and its sentence for people.  Unknown keys are errors with the
nearest known one suggested; keys that begin with `x-` are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from . import lacking
from .nodes import Implied, Mapping, Node, Scalar, is_null
from .problems import show
from .reader import At, Definitions, Mode, Reader, Schema, merge_maps, report_faults

T = TypeVar("T")


class Key(Struct, frozen=True):
    """One key: `default` is what the reference says of its absence, `field` the name in the model."""

    name: str
    reader: Reader[Any]
    doc: str
    default: str = ""
    field: str = ""
    mode: Mode | None = None
    required: bool = False


class Fields(Struct, frozen=True):
    """What a table found in a map: the values that could be read, and the nodes of all its keys."""

    node: Mapping
    values: dict[str, Any]
    """By field."""
    nodes: dict[str, tuple[Scalar, Node]]
    """By key: where it stands, and its value; also of values that are wrong."""


class Table(Reader[T]):
    """A map with known keys.

    `build` makes the value of what was read.  Of each group in `exclusive` at most one key may be given.
    `shorthand` is the key that is meant when its value stands alone, without the map.  The keys in `first`
    are read before the others, whatever the order in the file.
    """

    def __init__(
        self,
        name: str,
        keys: Iterable[Key],
        build: Callable[[Fields, At], T | None],
        *,
        exclusive: Iterable[tuple[str, ...]] = (),
        shorthand: str | None = None,
        first: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.keys = {key.name: key for key in keys}
        self.exclusive = tuple(exclusive)
        self.shorthand = shorthand
        self._build = build
        self._first = first

    def read(self, node: Node, at: At) -> T | None:
        mapping = self._mapping(node)
        if mapping is None:
            self.wrong_shape(node, at)
            return None
        return self._build(self.fields(mapping, at), at)

    def fields(self, mapping: Mapping, at: At) -> Fields:
        """Every value of the map; what is wrong is reported and left out."""
        report_faults(mapping, at)
        found = Fields(mapping, {}, {})
        entries = mapping.entries
        if self._first:
            entries = sorted(entries, key=lambda entry: self._rank(entry[0].text))
        for key, value in entries:
            if not key.text.startswith("x-"):
                self._entry(key, value, at, found)
        self._check_exclusive(found, at)
        for known in self.keys.values():
            if known.required and known.name not in found.nodes:
                at.error(at.key, f"has no {known.name}", f"add it: {known.reader.words()}")
        return found

    def _rank(self, name: str) -> int:
        return self._first.index(name) if name in self._first else len(self._first)

    def _entry(self, key: Scalar, node: Node, at: At, found: Fields) -> None:
        known = self.keys.get(key.text)
        below = at.under(key, known.mode if known is not None else None)
        if known is None:
            close = at.problems.nearest(key.text, self.keys)
            hint = f"did you mean '{close}'?" if close else f"known here: {', '.join(self.keys)}"
            below.error(key, f"{show(key.text)} is not a known key", hint)
            return
        found.nodes[key.text] = (key, node)
        value = known.reader.read(node, below)
        if value is None:
            return
        lack = lacking.find(self.name, key.text)
        if lack is not None and value and lack.ability in at.lacks:
            below.error(key, lack.message, lack.hint)
            return
        found.values[known.field or known.name] = value

    def _check_exclusive(self, found: Fields, at: At) -> None:
        for group in self.exclusive:
            given = sorted(
                (found.nodes[name][0] for name in group if name in found.nodes),
                key=lambda key: (key.line, key.column),
            )
            for key in given[1:]:
                message = f"cannot be given beside {given[0].text} (line {given[0].line})"
                at.under(key).error(key, message, f"keep one of {', '.join(group)}")

    def _mapping(self, node: Node) -> Mapping | None:
        if isinstance(node, Mapping):
            return node
        if self.shorthand is None or is_null(node):
            return None
        return Mapping(
            node.line, node.column, [(Implied(node.line, node.column, self.shorthand, True), node)]
        )

    # -- schema and reference -------------------------------------------------------------------------

    def schema(self, definitions: Definitions) -> Schema:
        if self.name not in definitions:
            definitions[self.name] = {}  # a place in the order, and an end to recursion
            definitions[self.name] = self._object(definitions)
        reference: Schema = {"$ref": f"#/$defs/{self.name}"}
        if self.shorthand is None:
            return reference
        return {"anyOf": [self._key_schema(self.keys[self.shorthand], definitions), reference]}

    def _object(self, definitions: Definitions) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {key.name: self._key_schema(key, definitions) for key in self.keys.values()},
            "patternProperties": {"^x-": True},
            "additionalProperties": False,
        }
        required = [key.name for key in self.keys.values() if key.required]
        if required:
            schema["required"] = required
        pairs = [(one, other) for group in self.exclusive for one in group for other in group if one < other]
        if pairs:
            schema["allOf"] = [{"not": {"required": list(pair)}} for pair in pairs]
        return schema

    def _key_schema(self, key: Key, definitions: Definitions) -> Schema:
        schema = key.reader.schema(definitions)
        described: Schema = {"description": key.doc}
        if key.default:
            described["description"] += f" Default: {key.default}."
        return {**described, **schema}

    def inner(self) -> tuple[Reader[Any], ...]:
        return tuple(key.reader for key in self.keys.values())

    def words(self) -> str:
        title = self.name.replace("_", " ")
        if self.shorthand is None:
            return f"a map ({title})"
        return f"{self.keys[self.shorthand].reader.words()}, or a map ({title})"

    def merge(self, own: Node, default: Node) -> Node:
        """Key by key; of an exclusive group, a key of the component's own drops those of `defaults`."""
        mine, theirs = self._mapping(own), self._mapping(default)
        if mine is None or theirs is None:
            return own
        given = {key.text for key, _ in mine.entries}
        dropped = {name for group in self.exclusive if given & set(group) for name in set(group) - given}
        kept = [entry for entry in theirs.entries if entry[0].text not in dropped]
        return merge_maps(mine, Mapping(theirs.line, theirs.column, kept), self._merge_key)

    def _merge_key(self, name: str, own: Node, default: Node) -> Node:
        known = self.keys.get(name)
        return known.reader.merge(own, default) if known is not None else own
