"""Readers of lists, of maps with names of the user's choosing, and of values that may have several shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .nodes import Mapping, Node, Scalar, Sequence, is_null
from .problems import show
from .reader import At, Definitions, Reader, Schema, fits, merge_maps, report_faults

T = TypeVar("T")


class ListOf(Reader[tuple[T, ...]]):
    """A list with items of one kind.  With `single`, one item may stand alone."""

    def __init__(self, item: Reader[T], *, least: int = 0, single: bool = False) -> None:
        self._item = item
        self._least = least
        self._single = single

    def read(self, node: Node, at: At) -> tuple[T, ...] | None:
        if self._single and isinstance(node, Scalar | Mapping) and not is_null(node):
            value = self._item.read(node, at)
            return None if value is None else (value,)
        if not isinstance(node, Sequence):
            self.wrong_shape(node, at)
            return None
        if len(node.items) < self._least:
            at.error(node, "is an empty list", f"it takes {self.words()}")
            return None
        values = [self._item.read(child, at.item(index, child)) for index, child in enumerate(node.items)]
        good = tuple(value for value in values if value is not None)
        return good if len(good) == len(values) else None

    def inner(self) -> tuple[Reader[Any], ...]:
        return (self._item,)

    def schema(self, definitions: Definitions) -> Schema:
        item = self._item.schema(definitions)
        several: Schema = {"type": "array", "items": item, "minItems": self._least}
        return {"anyOf": [item, several]} if self._single else several

    def words(self) -> str:
        return f"{self._item.words()}, or a list of it" if self._single else f"a list ({self._item.words()})"


class MapOf(Reader[dict[str, T]]):
    """A map from names of the user's choosing to values of one kind."""

    def __init__(self, value: Reader[T], *, pattern: str, what: str, hint: str) -> None:
        self._value = value
        self._pattern = pattern
        self._what = what
        self._hint = hint

    def read(self, node: Node, at: At) -> dict[str, T] | None:
        if not isinstance(node, Mapping):
            self.wrong_shape(node, at)
            return None
        report_faults(node, at)
        values: dict[str, T] = {}
        for key, child in node.entries:
            below = at.under(key)
            if not fits(self._pattern, key.text) or "\0" in key.text:
                below.error(key, f"{show(key.text)} is not {self._what}", self._hint)
            value = self._value.read(child, below)
            if value is not None:
                values[key.text] = value
                self.found(key.text, value, at)
        return values if len(values) == len(node.entries) else None

    def found(self, name: str, value: T, at: At) -> None:
        """Called for each value as it is read, so that the next may refer to it."""

    def inner(self) -> tuple[Reader[Any], ...]:
        return (self._value,)

    def schema(self, definitions: Definitions) -> Schema:
        return {
            "type": "object",
            "propertyNames": {"pattern": self._pattern},
            "additionalProperties": self._value.schema(definitions),
        }

    def words(self) -> str:
        return f"a map to {self._value.words()}"

    def merge(self, own: Node, default: Node) -> Node:
        return merge_maps(own, default)


class Shapes(Reader[T]):
    """Different readers for a scalar, a list and a map."""

    def __init__(
        self,
        *,
        scalar: Reader[T] | None = None,
        sequence: Reader[T] | None = None,
        mapping: Reader[T] | None = None,
    ) -> None:
        self._readers: dict[type[Node], Reader[T]] = {
            kind: reader
            for kind, reader in ((Scalar, scalar), (Sequence, sequence), (Mapping, mapping))
            if reader is not None
        }

    def read(self, node: Node, at: At) -> T | None:
        reader = None if is_null(node) else self._readers.get(type(node))
        if reader is None:
            self.wrong_shape(node, at)
            return None
        return reader.read(node, at)

    def inner(self) -> tuple[Reader[Any], ...]:
        return tuple(self._readers.values())

    def schema(self, definitions: Definitions) -> Schema:
        return {"anyOf": [reader.schema(definitions) for reader in self._readers.values()]}

    def words(self) -> str:
        return ", or ".join(reader.words() for reader in self._readers.values())

    def merge(self, own: Node, default: Node) -> Node:
        mapping = self._readers.get(Mapping)
        return mapping.merge(own, default) if mapping is not None else own


class Checked(Reader[T]):
    """Another reader, and a further look at its value: `check` returns what is wrong and what to do."""

    def __init__(self, inner: Reader[T], check: Callable[[T], tuple[str, str] | None]) -> None:
        self._inner = inner
        self._check = check

    def read(self, node: Node, at: At) -> T | None:
        value = self._inner.read(node, at)
        wrong = None if value is None else self._check(value)
        if wrong is None:
            return value
        at.error(node, *wrong)
        return None

    def inner(self) -> tuple[Reader[Any], ...]:
        return (self._inner,)

    def schema(self, definitions: Definitions) -> Schema:
        return self._inner.schema(definitions)

    def words(self) -> str:
        return self._inner.words()

    def merge(self, own: Node, default: Node) -> Node:
        return self._inner.merge(own, default)
