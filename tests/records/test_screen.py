"""What a stream of terminal bytes leaves behind, and what a late comer is shown of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.records.screen import Modes, without_questions

SETTING = (b"[?1049h", b"[?25l", b"[?1000;1006h", b"[?2004h", b"=", b"[>4;2m")
UNSETTING = (b"[?1049l", b"[?25h", b"[?1000;1006l", b"[?2004l", b">", b"[>4;0m", b"[31m")
PARTS = st.sampled_from([b"text\n", *(b"\x1b" + each for each in (*SETTING, *UNSETTING))])
QUESTIONS = (
    *(b"[c", b"[>c", b"[0c", b"[6n", b"[?6n", b"[18t", b"[>q", b"[?u", b"[?2026$p"),
    *(b"P+q544e\x1b\\", b"P$q q\x1b\\", b"]11;?\x07", b"]10;?\x1b\\", b"]4;1;?\x07"),
)


def modes(*pieces: bytes) -> Modes:
    found = Modes()
    for piece in pieces:
        found.feed(piece)
    return found


def test_what_was_set_is_undone_and_nothing_else() -> None:
    """After an editor that is left in the middle: its screen, its mouse, its cursor, its keyboard."""
    assert modes(b"plain \x1b[1mbold").undo() == b"\x1b[0m"
    editor = modes(b"\x1b[?1049h\x1b[?1h\x1b=\x1b[?25l\x1b[?1006h\x1b[>4;2mtext")
    assert editor.undo() == b"\x1b[?1049l\x1b[?1l\x1b[?25h\x1b[?1006l\x1b>\x1b[>4m\x1b[0m"
    editor.feed(b"\x1b[?1049l\x1b[?1l\x1b>\x1b[?25h\x1b[?1006l\x1b[>4;m")
    assert editor.undo() == b"\x1b[0m"
    assert modes(b"\x1b[?1049h\x1b[?25l\x1b=", b"\x1bc").undo() == b"\x1b[0m"


def test_a_late_comer_gets_the_modes() -> None:
    """`redo` brings a fresh terminal into them."""
    assert modes(b"\x1b[?1049h\x1b[?2004h\x1b[?2004l\x1b=").redo() == b"\x1b[?1049h\x1b[?2004l\x1b="


@given(st.lists(PARTS).map(b"".join), st.lists(st.integers(0, 200)))
def test_it_does_not_matter_where_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    """A sequence may come in two pieces, or byte by byte."""
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert modes(*pieces).undo() == modes(data).undo()
    assert modes(*(bytes([byte]) for byte in data)).redo() == modes(data).redo()


@given(st.lists(PARTS).map(b"".join))
def test_undoing_leaves_nothing_to_undo(data: bytes) -> None:
    """Whatever was set: after `undo` the terminal is as it usually is."""
    assert modes(data, modes(data).undo()).undo() == b"\x1b[0m"


@pytest.mark.parametrize("question", [b"\x05", *(b"\x1b" + each for each in QUESTIONS)])
def test_old_questions_are_not_asked_again(question: bytes) -> None:
    """A terminal would answer them, and the answer would be typed at a program that has not asked."""
    assert without_questions(b"a" + question + b"b") == b"ab"


def test_what_draws_is_kept() -> None:
    """Colours, movements, modes, titles."""
    drawing = b"\x1b[31mred\x1b[2;5H\x1b[K\x1b[?25l\x1b]0;title\x07\x1b[3 q\x1b[8;24;80t\x1b(B"
    assert without_questions(drawing) == drawing
