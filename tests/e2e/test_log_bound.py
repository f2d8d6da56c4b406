"""`limits.logs`: all logs of a project together, whoever wrote them."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from e2e.harness import ProjectUnderTest, eventually, program

MB = 1024 * 1024
LIVE = 300 * 1024
"""What one log being written may have beside the bound: its `max_size`, its index, a piece."""


def write(project: ProjectUnderTest, limit: str, *names: str) -> None:
    """Components that write as fast as they can and would keep 20 MB each."""
    log = {"max_size": "200KB", "max_files": 100}
    components = {name: {"run": program("counter", "--rate", 0), "log": log} for name in names}
    project.write({"version": 1, "name": "test", "limits": {"logs": limit}, "components": components})


def stats(project: ProjectUnderTest) -> list[os.stat_result]:
    """Of all that is in the folder of logs; a file may be renamed meanwhile."""
    found = []
    for file in (project.state / "logs").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(file.stat())
    return found


def size(project: ProjectUnderTest) -> int:
    return sum(each.st_size for each in stats(project))


def files(project: ProjectUnderTest) -> set[int]:
    return {each.st_ino for each in stats(project)}


def removed(project: ProjectUnderTest) -> list[dict[str, Any]]:
    return [event for event in project.events("-n", 1000) if event["kind"] == "logs_removed"]


def test_all_logs_together_stay_within_their_bound(project: ProjectUnderTest) -> None:
    """P14, S47: over all components, removed ones included; an event says what went; reload changes it."""
    write(project, "8MB", "api", "web", "old")
    project.up()
    (event, *_) = eventually(lambda: removed(project), what="the bound")
    assert (event["data"]["limit"], event["component"]) == (8 * MB, None)
    assert "limits.logs" in event["message"]
    before = project.pids()
    for _ in range(20):
        assert size(project) <= 8 * MB + 3 * LIVE
    write(project, "8MB", "api", "web")
    project.roost("reload", check=True)
    folder = project.state / "logs"
    eventually(lambda: not list(folder.glob("old.log.*")), what="the end of old's rotated files")
    assert (folder / "old.log").exists()
    write(project, "3MB", "api", "web")
    project.roost("reload", check=True)
    eventually(lambda: size(project) <= 3 * MB + 3 * LIVE, what="less")
    assert {name: project.pids()[name] for name in ("api", "web")} == {
        name: before[name] for name in ("api", "web")
    }
    daemon = project.pids()[":daemon"]
    project.kill(before[":keeper"])
    project.wait_for(
        lambda status: (
            status["daemon"]["running"]
            and status["daemon"]["pid"] != daemon
            and status["daemon"]["keeper_pid"] != before[":keeper"]
        ),
        what="another keeper with its own daemon",
    )
    project.roost("signal", "api", "CONT", check=True)  # it has heard this, so it has been told the bound
    rotations = files(project)
    eventually(lambda: files(project) - rotations, what="a rotation by the next keeper")
    for _ in range(20):
        assert size(project) <= 3 * MB + 3 * LIVE
    assert project.roost("logs", "-n", 50, check=True).out.count("\n") == 50
