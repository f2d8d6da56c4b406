"""When a component has used too much memory for too long.  Pure."""

from __future__ import annotations

SUSTAINED = 2
"""Looks in a row over the limit, so that a peak of a moment ends nothing."""

_UNITS = ("B", "KB", "MB", "GB")


def looks_over(before: int, rss: int | None, limit: int) -> int:
    """How many looks in a row were over the limit, with this one; an unknown figure begins anew."""
    return before + 1 if rss is not None and rss > limit else 0


def sentence(rss: int, limit: int) -> str:
    """`uses 612 MB of memory with all its processes, more than its limit of 512 MB`."""
    return f"uses {size(rss)} of memory with all its processes, more than its limit of {size(limit)}"


def size(count: float) -> str:
    """A number of bytes for people, in powers of 1024."""
    for unit in _UNITS:
        if count < 1024:
            whole = unit == "B" or count >= 100 or count == int(count)
            return f"{count:.0f} {unit}" if whole else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
