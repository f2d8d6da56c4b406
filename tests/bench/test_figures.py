"""The benchmark's table: aims and ratios are judged the right way round."""

from __future__ import annotations

import pytest

from bench import figures
from bench.figures import Figure

LESS = Figure("a", "a", "ms", 5, "P21")
MORE = Figure("b", "b", "MB/s", None, "P24", True, 1.5, 0.6)


@pytest.mark.parametrize(
    ("figure", "results", "met"),
    [
        (LESS, {"roost": {"a": 5}}, True),
        (LESS, {"roost": {"a": 5.1}}, False),
        (LESS, {"roost": {}}, None),
        (MORE, {"roost": {"b": 300}, "pm2": {"b": 200}, "direct": {"b": 400}}, True),
        (MORE, {"roost": {"b": 299}, "pm2": {"b": 200}, "direct": {"b": 400}}, False),
        (MORE, {"roost": {"b": 599}, "pm2": {"b": 200}, "direct": {"b": 1000}}, False),
        (MORE, {"roost": {"b": 600}}, None),
    ],
)
def test_an_aim_is_a_bound(figure: Figure, results: figures.Results, met: bool | None) -> None:
    """A time must be at most its aim, a speed at least; without a value or a bound nothing is claimed."""
    assert figure.is_met(results) is met


def test_a_ratio_says_how_many_times_better() -> None:
    """Above 1 Roost is better than the best peer, for times and for speeds alike."""
    assert LESS.ratio({"roost": {"a": 2}, "pm2": {"a": 8}, "circus": {"a": 4}}) == 2
    assert MORE.ratio({"roost": {"b": 8}, "pm2": {"b": 4}, "circus": {"b": 2}}) == 2
    assert LESS.ratio({"roost": {"a": 2}}) is None


def test_the_table_has_a_row_for_each_measured_figure() -> None:
    """Rows without any value are left out; Markdown and text hold the same cells."""
    table = figures.rows({"roost": {"up_50": 123.4, "unknown": 1}, "pm2": {"up_50": 1100.0}})
    assert table[1:] == [
        ["up of 50 components, until the last has started", "ms", "123", "1,100", "8.9", "P28 ≤ 400", "yes"]
    ]
    assert all(cell in figures.as_text(table) and cell in figures.as_markdown(table) for cell in table[1])
