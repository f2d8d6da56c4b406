"""The dependency graph: cycles spelled out, who needs whom, and in which order to stop.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Edges = Mapping[str, Iterable[str]]
"""A name → the names that it depends on."""


def find_cycle(edges: Edges) -> list[str] | None:
    """A cycle as the path `[a, b, a]`, or None.  The first in order of the mapping; iterative, so deep is fine."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                done.add(name)
                continue
            if name in on_path:
                return [*path[path.index(name) :], name]
            if name in done or name not in edges:
                continue
            path.append(name)
            on_path.add(name)
            stack.append((name, True))
            stack.extend((target, False) for target in reversed(list(edges[name])))
    return None


def reverse(edges: Edges) -> dict[str, list[str]]:
    """The dependents of each name, in the order of `edges`."""
    dependents: dict[str, list[str]] = {name: [] for name in edges}
    for name, targets in edges.items():
        for target in targets:
            dependents.setdefault(target, []).append(name)
    return dependents


def closure(edges: Edges, names: Iterable[str]) -> list[str]:
    """`names` and all that they need, directly or not; what is needed comes before what needs it."""
    order: list[str] = []
    seen: set[str] = set()
    stack: list[tuple[str, bool]] = [(name, False) for name in reversed(list(names))]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            order.append(name)
        elif name not in seen:
            seen.add(name)
            stack.append((name, True))
            stack.extend((target, False) for target in reversed(list(edges.get(name, ()))))
    return order


def needed_by(edges: Edges, names: Iterable[str]) -> set[str]:
    """What these names depend on directly, themselves left out."""
    return {target for name in names for target in edges.get(name, ()) if target != name}
