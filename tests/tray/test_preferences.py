"""What the user chose outlives the tray, and a damaged file harms nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from roost_tray import preferences
from roost_tray.preferences import Preferences
from roost_tray.world import Level


@pytest.mark.parametrize("level", Level)
def test_a_choice_is_read_again(level: Level, tmp_path: Path) -> None:
    """In a folder that is made for it, open to its owner alone."""
    path = tmp_path / "roost" / "tray.json"
    preferences.write(str(path), Preferences(level))
    assert preferences.read(str(path)) == Preferences(level)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"notifications": "sometimes"}', '{"version": 9}'])
def test_without_a_choice_failures_are_told(content: str | None, tmp_path: Path) -> None:
    """A missing, damaged or strange file is as if nothing had been chosen."""
    path = tmp_path / "tray.json"
    if content is not None:
        path.write_text(content)
    assert preferences.read(str(path)).notifications is Level.FAILURES
