"""Finding the daemon of this very project, and no other (S3, S53, P3b)."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edges.rpc_rig import paths_in, serving, short_folder
from roost.client import fast, locate
from roost.client.errors import DaemonNotRunning, RoostError
from roost.platform.announcement import announce, announced
from roost.platform.paths import ProjectPaths

pytestmark = pytest.mark.skipif(os.name == "nt", reason="tells sockets by their paths")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder."""
    with short_folder() as found:
        yield found


@pytest.fixture
def paths(folder: Path) -> ProjectPaths:
    """A project in it."""
    return paths_in(folder)


def tell(paths: ProjectPaths) -> None:
    announce(paths, pid=1, start_time=2, boot_id="b", instance="i", roost_version="0.1.0")


def change(paths: ProjectPaths, **fields: Any) -> None:
    file = Path(paths.daemon_json)
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_the_announcement_has_what_the_contract_says(paths: ProjectPaths) -> None:
    """daemon.json: version, endpoint, who, where; 0600 (INTERFACES.md §2)."""
    tell(paths)
    entry = json.loads(Path(paths.daemon_json).read_text())
    root = os.stat(paths.root)
    assert entry == {
        "version": 1,
        "endpoint": paths.endpoint,
        "pid": 1,
        "start_time": 2,
        "boot_id": "b",
        "host": socket.gethostname(),
        "instance": "i",
        "root": paths.root,
        "device": root.st_dev,
        "inode": root.st_ino,
        "roost_version": "0.1.0",
    }
    assert os.stat(paths.daemon_json).st_mode & 0o777 == 0o600


def test_the_announced_place_comes_first(paths: ProjectPaths) -> None:
    """What the daemon announced is tried before the path that is made from the project's own."""
    tell(paths)
    assert locate.endpoints(paths) == [paths.endpoint]
    change(paths, endpoint="unix:/elsewhere/roost.sock")
    assert locate.endpoints(paths) == ["unix:/elsewhere/roost.sock", paths.endpoint]


@pytest.mark.parametrize(
    "fields",
    [{"inode": 1}, {"device": -1}, {"host": "another"}, {"version": 2}, {"endpoint": 7}, {"version": None}],
    ids=lambda fields: next(iter(fields)),
)
def test_an_announcement_of_others_does_not_count(paths: ProjectPaths, fields: dict[str, Any]) -> None:
    """Another folder's, another machine's, another format's: as if it were not there."""
    tell(paths)
    change(paths, **fields)
    assert announced(paths) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "\xff", "[" * 100_000])
def test_a_broken_announcement_does_no_harm(paths: ProjectPaths, text: str) -> None:
    """Whatever is in daemon.json, the computed path is still tried (P20)."""
    Path(paths.daemon_json).write_text(text, encoding="latin-1")
    assert locate.endpoints(paths) == [paths.endpoint]


def test_a_copied_project_does_not_reach_the_first_ones_daemon(folder: Path, paths: ProjectPaths) -> None:
    """`cp -r` copies daemon.json, too; the copy's client refuses it (P3b)."""
    with serving(Path(paths.run) / "roost.sock"):
        tell(paths)
        assert fast.call(paths, "ping") == {"pong": True}
        copy = folder / "copy"
        shutil.copytree(paths.root, copy)
        theirs = ProjectPaths(str(copy), str(copy / ".roost"), str(folder / "run-of-copy"))
        with pytest.raises(DaemonNotRunning):
            fast.call(theirs, "ping")


def test_a_moved_project_still_reaches_its_daemon(folder: Path, paths: ProjectPaths) -> None:
    """After `mv` the announcement leads to the daemon, though the path from the new name does not (P3b)."""
    with serving(Path(paths.run) / "roost.sock"):
        tell(paths)
        os.rename(paths.root, folder / "moved")
        moved = ProjectPaths(str(folder / "moved"), str(folder / "moved/.roost"), str(folder / "other-run"))
        assert fast.call(moved, "ping") == {"pong": True}


def test_without_an_announcement_the_path_is_enough(paths: ProjectPaths) -> None:
    """After `rm -rf .roost` the daemon is still reached (P3b, S10)."""
    with serving(Path(paths.run) / "roost.sock"):
        shutil.rmtree(paths.state)
        assert fast.call(paths, "ping") == {"pong": True}


def test_an_outdated_announcement_is_passed_over(paths: ProjectPaths) -> None:
    """Where nobody answers at the announced place, the computed one is tried."""
    with serving(Path(paths.run) / "roost.sock"):
        tell(paths)
        change(paths, endpoint="unix:/nowhere/roost.sock")
        assert fast.call(paths, "ping") == {"pong": True}
        change(paths, endpoint="nonsense")
        assert fast.call(paths, "ping") == {"pong": True}


def test_nobody_there_is_said_with_what_to_do(paths: ProjectPaths) -> None:
    """No daemon: that it cannot connect, the log, and the command that starts it (S53)."""
    with pytest.raises(DaemonNotRunning, match="cannot connect") as caught:
        locate.connect(paths)
    assert caught.value.kind == "not_running"
    assert "roost up" in str(caught.value.hint)
    assert paths.daemon_log in str(caught.value.hint)


def test_a_folder_inside_belongs_to_its_project(paths: ProjectPaths) -> None:
    """The project is the nearest folder upwards with a roost.yaml; without one an error says so."""
    inside = Path(paths.root) / "a" / "b"
    inside.mkdir(parents=True)
    assert locate.project_of(inside, {}).root == paths.root
    with pytest.raises(RoostError, match=r"no roost\.yaml") as caught:
        locate.project_of("/", {})
    assert caught.value.kind == "no_project"
