"""`down` when things are not as they should be, with a real keeper."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import roost
from cli.calling import roost as call
from roost.cli import lastresort, session
from roost.cli.faults import Fault
from roost.cli.remains import live_runs, remains
from roost.cli.takedown import await_end
from roost.platform import detach, identity
from roost.platform.paths import ProjectPaths

KEEPER = str(Path(roost.__file__).parent / "keeper" / "__main__.py")


@pytest.fixture
def keeper(paths: ProjectPaths) -> Iterator[None]:
    """A keeper whose daemon is broken: it ends at once, each time."""
    argv = [sys.executable, "-I", "-S", KEEPER, paths.root, paths.state, paths.run]
    broken = [sys.executable, "-I", "-S", "-c", "raise SystemExit(1)"]
    detach.start_detached([*argv, "--", *broken], dict(os.environ), 10.0)
    yield
    if remains(paths):
        lastresort.end_by_keeper(paths, 1.0)
        await_end(paths)


def spawn(paths: ProjectPaths, name: str, *argv: str) -> int:
    """Have the keeper start a run; its pid."""
    keeper = lastresort._Keeper(paths)
    parts: dict[str, Any] = {
        "name": name, "run": 1, "argv": list(argv), "cwd": paths.root, "env": dict(os.environ),
        "streams": "merged", "tty": False, "log": {"max_size": 10_000_000, "max_files": 2},
        "stop": {"signal": "TERM", "timeout": 5.0, "leftovers": "end"}, "note": "",
    }  # fmt: skip
    try:
        pid = int(keeper.ask("spawn", **parts)["pid"])
    finally:
        keeper.close()
    deadline = time.monotonic() + 60
    while name not in live_runs(paths):  # the record is written a moment later
        assert time.monotonic() < deadline, "the run was not put on record"
        time.sleep(0.01)
    return pid


@pytest.mark.usefixtures("keeper")
def test_down_ends_what_a_broken_daemon_left(
    paths: ProjectPaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S48: where no daemon can be brought back, the keeper ends its components and itself; nothing is left."""

    def hopeless(paths: ProjectPaths) -> bool:
        raise Fault("the daemon does not answer after 10 s")

    pid = spawn(paths, "db", sys.executable, "-c", "import time; time.sleep(600)")
    assert live_runs(paths) == {"db": pid}
    assert remains(paths) == ["a keeper", f"db (pid {pid})"]
    monkeypatch.setattr(session, "ensure", hopeless)
    done = call(capsys, "down")
    assert (done.code, done.out) == (0, "down: 1 component stopped\n")
    assert remains(paths) == []
    assert identity.start_time(pid) is None


@pytest.mark.usefixtures("keeper")
def test_status_says_that_the_keeper_brings_the_daemon_back(
    paths: ProjectPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    """S53: between two daemons: exit 3, where to look, and components that run on with their pid."""
    pid = spawn(paths, "db", sys.executable, "-c", "import time; time.sleep(600)")
    done = call(capsys, "status")
    lastresort.end_by_keeper(paths, 5.0)
    await_end(paths)
    assert done.code == 3
    assert "keeper brings it back" in done.err and paths.daemon_log in done.err
    row = next(line for line in done.out.splitlines() if line.startswith("db"))
    assert "running" in row and str(pid) in row
