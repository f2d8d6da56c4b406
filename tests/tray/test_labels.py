"""Text of strangers in labels: whatever it is, it is one visible line that means what it shows (P20)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost_tray.labels import clip, label, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("running", "running"),
        (
            "exit code 1\nTraceback (most recent call last):\r\n",
            "exit code 1 Traceback (most recent call last):",
        ),
        ("\x1b[1;31mred\x1b[0m and \x1b]0;title\x07done", "red and done"),
        ("a\tb   c", "a b c"),
        ("user\u202egpj.exe", "usergpj.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("naïve 日本語 👩\u200d💻", "naïve 日本語 👩\u200d💻"),
        ("\x00\x07", ""),
        ("\ud800", ""),
    ],
)
def test_what_is_not_seen_goes(text: str, shown: str) -> None:
    """Controls, sequences for terminals and marks of direction; letters of every script stay."""
    assert plain(text) == shown


@given(st.text(), st.integers(4, 80), st.sampled_from(["", "_", "&"]))
def test_a_label_is_one_line_of_limited_length(text: str, length: int, mnemonic: str) -> None:
    """Whatever comes: no line break, nothing that commands a toolkit, and no more than was asked for."""
    made = label(text, length, mnemonic)
    unescaped = made.replace(mnemonic * 2, mnemonic) if mnemonic else made
    assert len(unescaped) <= length
    assert not [each for each in made if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]
    if mnemonic:
        assert mnemonic not in made.replace(mnemonic * 2, "")


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    """A person sees that there is more."""
    assert clip("connection refused", 11) == "connection…"
    assert clip("short", 5) == "short"
