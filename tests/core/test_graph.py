"""The dependency graph."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core import graph


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({}, None),
        ({"a": ["b"], "b": []}, None),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c", "a"]),
        ({"x": ["a"], "a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, None),
        ({"a": ["gone"]}, None),
    ],
)
def test_a_cycle_is_told_with_its_path(edges: dict[str, list[str]], cycle: list[str] | None) -> None:
    """S67: the whole path, its first name again at the end."""
    assert graph.find_cycle(edges) == cycle


def test_a_very_deep_graph_is_no_problem() -> None:
    """A chain of a hundred thousand is followed without recursion."""
    edges = {str(n): [str(n + 1)] for n in range(100_000)}

    assert graph.find_cycle(edges) is None
    assert len(graph.closure(edges, ["0"])) == 100_001


def test_what_is_needed_comes_before_what_needs_it() -> None:
    """`start` walks from the bottom up."""
    edges = {"web": ["api", "db"], "api": ["db"], "db": [], "other": []}

    assert graph.closure(edges, ["web"]) == ["db", "api", "web"]


def test_dependents_are_the_edges_turned_round() -> None:
    """Whoever stops something can name who needs it."""
    assert graph.reverse({"a": ["c"], "b": ["c"], "c": []}) == {"a": [], "b": [], "c": ["a", "b"]}


_graphs = st.integers(1, 8).flatmap(
    lambda n: st.fixed_dictionaries(
        {str(i): st.lists(st.integers(0, n - 1).map(str), max_size=3, unique=True) for i in range(n)}
    )
)


@given(_graphs)
def test_a_cycle_that_is_told_is_one(edges: dict[str, list[str]]) -> None:
    """Every step of the path is an edge; without a cycle the closure is in topological order."""
    cycle = graph.find_cycle(edges)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert all(after in edges[before] for before, after in itertools.pairwise(cycle))
        return
    order = graph.closure(edges, edges)
    assert all(order.index(need) < order.index(name) for name, needs in edges.items() for need in needs)
