"""`roost daemon logs`: a log of ours, read over its rotations."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.calling import roost
from roost.cli import owntail
from roost.platform.paths import ProjectPaths


def test_the_last_lines_come_from_the_rotated_files_too(
    paths: ProjectPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    """S62: the newest last, whatever a line consists of; without a daemon."""
    log = Path(paths.daemon_log)
    log.parent.mkdir(parents=True)
    log.with_name("daemon.log.2").write_bytes(b"one\n")
    log.with_name("daemon.log.1").write_bytes(b"two\rstill two\n")
    log.write_bytes(b"\x1b[31mthree\n")
    assert roost(capsys, "daemon", "logs") == (0, "one\ntwo^Mstill two\nthree\n", "")
    assert roost(capsys, "daemon", "logs", "-n", "1").out == "three\n"


def test_following_loses_nothing_to_a_rotation(tmp_path: Path) -> None:
    """S62: what was written between the last look and the rotation is shown before what came after."""
    log = tmp_path / "daemon.log"
    place = owntail._Place(str(log))
    assert place.fresh() == []
    log.write_bytes(b"one\nhalf ")
    assert place.fresh() == ["one"]
    with log.open("ab") as file:
        file.write(b"of two\nthree\n")
    log.rename(tmp_path / "daemon.log.1")
    assert place.fresh() == []
    log.write_bytes(b"four\n")
    assert place.fresh() == ["half of two", "three", "four"]
    log.write_bytes(b"5\n")
    assert place.fresh() == ["5"]
