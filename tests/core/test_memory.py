"""`limits.memory`: how long is too long, and the words for it."""

from __future__ import annotations

import pytest

from roost.core import memory

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("before", "rss", "after"),
    [(0, 101, 1), (1, 101, 2), (1, 100, 0), (1, 99, 0), (1, None, 0), (0, None, 0)],
)
def test_looks_in_a_row_are_counted(before: int, rss: int | None, after: int) -> None:
    """A look under the limit, or one that saw nothing, begins the row anew; exactly the limit is allowed."""
    assert memory.looks_over(before, rss, 100) == after


def test_the_sentence_has_both_figures() -> None:
    """INTERFACES §3 `limits`: restarted with that reason."""
    assert (
        memory.sentence(612 * MB, 512 * MB)
        == "uses 612 MB of memory with all its processes, more than its limit of 512 MB"
    )
    assert (memory.size(0), memory.size(1536), memory.size(1.5 * 1024**3)) == ("0 B", "1.5 KB", "1.5 GB")
