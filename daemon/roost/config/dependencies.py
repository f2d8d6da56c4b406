"""`depends_on`: a list of names, or a map from names to conditions."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from roost.core.model import Condition

from .nodes import Mapping, Node, Scalar, Sequence
from .problems import show
from .reader import At, Definitions, Reader, Schema
from .scalars import Choice, Flag, Text
from .shapes import ListOf, MapOf, Shapes
from .table import Fields, Key, Table


class Wanted(NamedTuple):
    """One line of `depends_on`, before groups of replicas are expanded."""

    target: str
    node: Scalar
    """What the file says; messages about a target that there is not repeat this."""
    at: At
    condition: Condition = Condition.READY
    restart: bool = False
    rerun: bool = False


def _dependency(fields: Fields, at: At) -> dict[str, Any]:
    return fields.values


DEPENDENCY: Final = Table(
    "dependency",
    [
        Key(
            "condition",
            Choice(
                Condition,
                instead={
                    "healthy": "ready",
                    "service_started": "started",
                    "service_healthy": "ready",
                    "service_completed_successfully": "completed",
                    "process_started": "started",
                    "process_healthy": "ready",
                    "process_completed": "completed",
                    "process_completed_successfully": "completed",
                },
            ),
            "What is waited for.",
            "`ready`",
        ),
        Key("restart", Flag(), "Whether this restarts whenever the other has restarted.", "`false`"),
        Key(
            "rerun",
            Flag(),
            "Whether this task runs again each time that the other completes again.",
            "`false`",
        ),
    ],
    _dependency,
    shorthand="condition",
)


class _DependencyNames(Reader[tuple[Wanted, ...]]):
    """A list of names; each must be ready."""

    _names = ListOf(Text("the name of a component", loose=True))

    def read(self, node: Node, at: At) -> tuple[Wanted, ...] | None:
        names = self._names.read(node, at)
        if names is None or not isinstance(node, Sequence):
            return None
        wanted = [
            Wanted(name, child, at.item(index, child))
            for index, (name, child) in enumerate(zip(names, node.items, strict=True))
            if isinstance(child, Scalar)
        ]
        for index, line in enumerate(wanted):
            if line.target in names[:index]:
                line.at.error(line.node, f"{show(line.node.text)} is named twice", "keep one of the two")
        return tuple(wanted)

    def schema(self, definitions: Definitions) -> Schema:
        return self._names.schema(definitions)

    def words(self) -> str:
        return "a list of names (condition `ready`)"


class _DependencyMap(Reader[tuple[Wanted, ...]]):
    """A map from names to conditions."""

    _map = MapOf(DEPENDENCY, pattern=r".", what="the name of a component", hint="write its name")

    def read(self, node: Node, at: At) -> tuple[Wanted, ...] | None:
        found = self._map.read(node, at)
        if found is None or not isinstance(node, Mapping):
            return None
        keys = {key.text: key for key, _ in node.entries}
        return tuple(
            Wanted(name, keys[name], at.under(keys[name]), **values) for name, values in found.items()
        )

    def inner(self) -> tuple[Reader[Any], ...]:
        return (DEPENDENCY,)

    def schema(self, definitions: Definitions) -> Schema:
        return self._map.schema(definitions)

    def words(self) -> str:
        return "a map from names to " + DEPENDENCY.words()


DEPENDS_ON: Final[Reader[tuple[Wanted, ...]]] = Shapes(sequence=_DependencyNames(), mapping=_DependencyMap())
