"""The keeper's wire: bytes to frames and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.keeper import wire

frames = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())


@given(st.lists(frames), st.integers(1, 50))
def test_frames_survive_any_fragmentation(sent: list[dict[str, object]], size: int) -> None:
    """However the bytes are cut on their way, the same frames come out in the same order (S37)."""
    data = b"".join(wire.encode(frame) for frame in sent)
    decoder = wire.Decoder()
    received: list[dict[str, object]] = []
    for at in range(0, len(data), size):
        received += decoder.feed(data[at : at + size])
    assert received == sent


def test_a_frame_is_one_line_of_ascii() -> None:
    """Line ends and letters of any kind inside a frame are escaped, so that a frame is a line."""
    data = wire.encode({"text": "a\nb é \udc80"})
    assert data.count(b"\n") == 1
    assert data.isascii()
    assert wire.Decoder().feed(data) == [{"text": "a\nb é \udc80"}]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b"12\n", b"\xff\xfe\n"])
def test_what_is_no_object_is_refused(line: bytes) -> None:
    """A line that is not a JSON object ends the connection, with a WireError."""
    with pytest.raises(wire.WireError):
        wire.Decoder().feed(line)


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that never ends its line cannot fill our memory."""
    monkeypatch.setattr(wire, "MAX_FRAME", 100)
    with pytest.raises(wire.WireError):
        wire.Decoder().feed(b"x" * 101)


def test_empty_lines_are_nothing() -> None:
    """Blank lines between frames are skipped."""
    assert wire.Decoder().feed(b'\n  \n{"id":1}\n') == [{"id": 1}]
