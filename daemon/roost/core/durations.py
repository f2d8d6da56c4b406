"""The one place that renders a duration.  Pure, and light: `roost status` reads it before anything heavy."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`0.4 ms`, `250 ms`, `4 s`, `1.5 s`, `2 min`, `1 h 5 min`, `3 d 4 h`; nothing is ever negative."""
    if seconds <= 0:
        return "0 s"
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f}".removesuffix(".0") + " ms"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 9.95 and abs(seconds - round(seconds)) >= 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole, 60, "min", 1, "s")
    if whole < 86400:
        return _pair(whole, 3600, "h", 60, "min")
    return _pair(whole, 86400, "d", 3600, "h")


def _pair(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = whole % large // small
    return f"{whole // large} {large_name}" + (f" {rest} {small_name}" if rest else "")
