"""The bytes of a log from a place on: replayed to a late comer, resumed by a cursor, over rotations."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.model_keeper import ModelKeeper
from roost.records.bytes import ByteFollower
from roost.records.cursor import BadCursor
from roost.records.stored import StoredFile


def everything(follower: ByteFollower) -> bytes:
    return b"".join(iter(follower.poll, b""))


def test_a_late_comer_sees_the_last_of_this_run(tmp_path: Path) -> None:
    """Not what an earlier run wrote; then what comes."""
    keeper = ModelKeeper(tmp_path, "api")
    keeper.line("of the first run", 0)
    keeper.next_run()
    keeper.write(0, b"$ \x1b[6nprompt")
    follower = ByteFollower(str(tmp_path), "api", 2, None)
    assert everything(follower) == b"$ prompt"
    keeper.write(0, b"\x1b[6n more")
    assert everything(follower) == b"\x1b[6n more"


def test_much_is_cut_at_a_line_and_its_modes_are_kept(tmp_path: Path) -> None:
    """32 KiB at most, from the beginning of a line, in the modes that what came before has left."""
    keeper = ModelKeeper(tmp_path, "api", max_size=100_000)
    keeper.write(0, b"\x1b[?1049h\x1b[?1h")
    for number in range(6000):
        keeper.line(f"line {number:05d} {'x' * 20}", 0)
    shown = everything(ByteFollower(str(tmp_path), "api", 1, None))
    modes, _, text = shown.partition(b"line")
    lines = (b"line" + text).splitlines()
    assert modes == b"\x1b[?1049h\x1b[?1h"
    assert 32_000 < len(shown) < 33_000
    assert [int(line[5:10]) for line in lines] == list(range(6000 - len(lines), 6000))


def test_a_cursor_goes_on_over_rotations(tmp_path: Path) -> None:
    """What follows it, every byte once, wherever it is by now."""
    keeper = ModelKeeper(tmp_path, "api", max_size=5_000)
    keeper.line("before", 0)
    follower = ByteFollower(str(tmp_path), "api", 1, None)
    everything(follower)
    cursor = follower.cursor()
    for number in range(2000):
        keeper.line(f"line {number}", 0)
    resumed = ByteFollower(str(tmp_path), "api", 1, cursor)
    assert everything(resumed) == b"".join(b"line %d\n" % number for number in range(2000))
    assert everything(follower) == b"".join(b"line %d\n" % number for number in range(2000))
    assert resumed.cursor() == follower.cursor()


def test_a_file_that_goes_while_it_is_looked_for_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P13: what came after it follows at once, not with the next output."""
    keeper = ModelKeeper(tmp_path, "api", max_files=1)
    follower = ByteFollower(str(tmp_path), "api", 1, None)
    keeper.line("lost", 0)
    opened = StoredFile._open

    def open_after_rotations(self: StoredFile) -> int | None:
        if self.base != keeper.log:
            return opened(self)
        monkeypatch.undo()
        for text in ("kept 1", "kept 2"):
            keeper.rotate()
            keeper.line(text, 0)
        return opened(self)

    monkeypatch.setattr(StoredFile, "_open", open_after_rotations)
    assert everything(follower) == b"kept 1\nkept 2\n"


def test_without_a_log_there_is_nothing_yet(tmp_path: Path) -> None:
    """It is there as soon as the log is."""
    follower = ByteFollower(str(tmp_path), "api", 1, None)
    assert (follower.poll(), everything(ByteFollower(str(tmp_path), "api", 1, follower.cursor()))) == (
        b"",
        b"",
    )
    ModelKeeper(tmp_path, "api").line("first", 0)
    assert everything(follower) == b"first\n"


def test_what_is_no_cursor_is_refused(tmp_path: Path) -> None:
    """By its own error."""
    with pytest.raises(BadCursor):
        ByteFollower(str(tmp_path), "api", 1, "nonsense")
