"""What the keeper says of its own mistakes."""

from __future__ import annotations

from roost.keeper.mistakes import told


def deep(levels: int) -> None:
    if not levels:
        raise ValueError("no such thing")
    deep(levels - 1)


def test_a_mistake_is_told_with_its_innermost_places() -> None:
    """Enough to find it, on one line, without the library that formats traces."""
    try:
        deep(9)
    except ValueError as error:
        text = told(error)
    line = deep.__code__.co_firstlineno
    assert text.startswith(
        f"ValueError: no such thing (at test_mistakes.py:{line + 2} in deep, from test_mistakes.py:"
    )
    assert text.count(" in deep") == 5
    assert "\n" not in text
