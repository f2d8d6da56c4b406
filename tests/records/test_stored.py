"""A file that rotations rename: found under whatever number it has, and never taken for a later one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roost.platform.logindex import rotated
from roost.records import stored
from roost.records.stored import StoredFile


def move_up(base: str, number: int) -> None:
    """One step of a rotation; for a moment nothing has that number."""
    os.replace(rotated(base, number), rotated(base, number + 1))


@pytest.fixture
def base(tmp_path: Path) -> str:
    """A live file and one that was rotated."""
    base = str(tmp_path / "api.log")
    for number, text in enumerate(("live", "ours")):
        Path(rotated(base, number)).write_text(text)
    return base


@pytest.fixture
def ours(base: str) -> StoredFile:
    return StoredFile(base, 1, os.stat(rotated(base, 1)))


def test_two_rotations_in_a_row_hide_nothing(
    base: str, ours: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: each takes it away from under the very name at which one looks, one after the other."""
    looks, real = 0, stored.open_shared

    def opened(path: str) -> int:
        nonlocal looks
        looks += 1
        if looks == 1:
            move_up(base, 1)
        elif looks == 2:
            move_up(base, 0)
            Path(base).write_text("the next one")
            move_up(base, 2)
        return real(path)

    monkeypatch.setattr(stored, "open_shared", opened)
    assert ours.read(0, 4) == b"ours"
    assert (ours.number, looks) == (3, 5)


def test_what_has_gone_is_not_looked_for_for_ever(
    base: str, ours: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if a rotation is completed during each walk past the numbers."""
    os.unlink(rotated(base, 1))
    real = stored.stat_of

    def rotated_meanwhile(path: str) -> os.stat_result | None:
        if path == base:
            Path(f"{base}.new").touch()
            os.replace(f"{base}.new", base)
        return real(path)

    monkeypatch.setattr(stored, "stat_of", rotated_meanwhile)
    assert ours.read(0, 4) == b""


def test_one_with_the_same_inode_is_another(base: str, ours: StoredFile) -> None:
    """P13: inodes are used again, but what was rotated is never written again."""
    assert ours.exists()
    Path(rotated(base, 1)).write_text("another")
    os.utime(rotated(base, 1), ns=(0, (ours.written_ns or 0) + 1))
    assert ours.read(0, 4) == b""
    assert not ours.exists()


def test_the_live_one_may_grow(base: str) -> None:
    """P13: what comes after it was seen makes it no other, nor does its first rotation."""
    live = StoredFile(base, 0, os.stat(base))
    with open(base, "a") as file:
        file.write(" and more")
    os.utime(base, ns=(0, 1))
    move_up(base, 1)
    move_up(base, 0)
    assert live.read(0, 100) == b"live and more"
    assert live.exists()
