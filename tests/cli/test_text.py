"""Small pieces of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.cli.text import age, clip, count, harmless, names, size
from roost.core.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"), (0, "0 s"), (0.0004, "0.4 ms"), (0.002, "2 ms"), (0.25, "250 ms"), (1, "1 s"),
        (1.5, "1.5 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min"), (192, "3 min 12 s"), (3600, "1 h"),
        (3900, "1 h 5 min"), (90000, "1 d 1 h"),
    ],
)  # fmt: skip
def test_durations_are_short_and_never_negative(seconds: float, text: str) -> None:
    """One function renders every duration, with at most two units."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain ümlaut", "plain ümlaut"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("bell\x07", "bell^G"),
        ("lone \x1b", "lone ^["),
        ("line\r\n", "line"),
        ("50%\r100%", "50%^M100%"),
        ("tab\tstays", "tab\tstays"),
        ("\x9b2J", "\\x9b2J"),
        ("evil\u202etxt", "evil\\u202etxt"),
    ],
)
def test_text_of_strangers_is_made_harmless(raw: str, shown: str) -> None:
    """P20: whole escape sequences vanish, other control characters become visible."""
    assert harmless(raw) == shown


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """P20: whatever comes in, no control character but the tab comes out, and no new line."""
    out = harmless(text)
    assert not any((ord(letter) < 0x20 and letter != "\t") or 0x7F <= ord(letter) < 0xA0 for letter in out)
    assert len(out.splitlines()) <= 1


@given(st.text(), st.integers(0, 50))
def test_clipped_text_fits(text: str, width: int) -> None:
    """A cell never gets wider than its column."""
    assert len(clip(text, width)) <= width
    assert len(clip(text, width, "...")) <= width


def test_ages_counts_and_sizes_read_well() -> None:
    """Small helpers of sentences: ages, plurals, sizes, lists of names."""
    assert age("2026-01-01T00:00:00Z", 1_767_225_604) == "4 s ago"
    assert age(None, 0) == "-"
    assert age("yesterday", 0) == "yesterday"
    assert (count(1, "line"), count(2, "line")) == ("1 line", "2 lines")
    assert (size(512), size(1536), size(200 * 1024**2)) == ("512 B", "1.5 KB", "200 MB")
    assert names(list("abcdefg"), most=3) == "a, b, c and 4 more"
