"""P3b: somebody cleans, copies, moves or deletes our folders while everything runs.

None of it starts anything twice, reaches another project's daemon, or makes the daemon unreachable for more
than ten seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import (
    ProjectUnderTest,
    command_line,
    copy_tree,
    delete_tree,
    eventually,
    is_running,
    need,
    program,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows does not let go of a folder in use")

WITHIN = 30.0
"""Ten seconds, on a machine that has much else to do; without the look of every ten seconds it were for ever."""


def running(project: ProjectUnderTest) -> dict[str, int]:
    project.components(
        a={"run": program("counter", "--rate", 20)}, b={"run": program("counter", "--rate", 1)}
    )
    project.up()
    return project.pids()


def same_daemon(project: ProjectUnderTest, before: dict[str, int]) -> dict[str, Any] | None:
    """The status, once the daemon of before answers again."""
    done = project.roost("status", "--json")
    if done.code != 0:
        return None
    status: dict[str, Any] = json.loads(done.out)
    return status if status["daemon"]["pid"] == before[":daemon"] else None


def assert_undisturbed(project: ProjectUnderTest, before: dict[str, int]) -> None:
    status = eventually(lambda: same_daemon(project, before), timeout=WITHIN, what="the same daemon")
    assert {one["name"]: one["pid"] for one in status["components"]} == {
        name: pid for name, pid in before.items() if not name.startswith(":")
    }
    project.roost("up", check=True)
    assert project.pids() == before, "up started something twice"


def test_the_state_folder_is_deleted(project: ProjectUnderTest) -> None:
    """P3b, S10: `rm -rf .roost`; the folder comes back, and nothing runs twice."""
    before = running(project)
    delete_tree(project.state)
    assert_undisturbed(project, before)
    eventually(lambda: (project.state / "daemon.json").exists(), timeout=WITHIN, what="a new daemon.json")
    eventually(lambda: (project.state / "keeper.lock").exists(), timeout=WITHIN, what="a new keeper.lock")
    project.down()


def test_git_clean_takes_everything_that_is_not_tracked(project: ProjectUnderTest) -> None:
    """P3b: `git clean -xdf` in the project."""
    need("git")
    before = running(project)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (
        ["init", "-q"],
        ["add", "roost.yaml"],
        [*identity, "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=project.root, env=project.env, check=True)
    clean = ["git", "clean", "-xdffq"]  # complains where something is made anew in its very moment
    with open(project.state / "daemon.json") as announced:
        subprocess.run(clean, cwd=project.root, env=project.env, check=False)
        assert os.fstat(announced.fileno()).st_nlink == 0, "it has taken what was there"
    assert_undisturbed(project, before)


def test_the_run_folder_is_cleaned(project: ProjectUnderTest) -> None:
    """P3b: sockets, FIFOs and second locks vanish, as a cleaner of temporary files would do it."""
    before = running(project)
    folder = Path(project.status()["daemon"]["endpoint"].removeprefix("unix:")).parent
    delete_tree(folder)
    assert_undisturbed(project, before)
    lines = len(project.log_lines("a"))
    eventually(lambda: len(project.log_lines("a")) > lines + 5, what="lines that go on")
    project.roost("restart", "b", check=True)


def test_both_folders_are_deleted(project: ProjectUnderTest) -> None:
    """P3b: even then the daemon is found again, by the path that is computed."""
    before = running(project)
    folder = Path(project.status()["daemon"]["endpoint"].removeprefix("unix:")).parent
    delete_tree(project.state)
    delete_tree(folder)
    assert_undisturbed(project, before)


@pytest.mark.parametrize("which", ["the run folder", "the state folder", "both"])
def test_an_up_in_the_same_moment_starts_nothing_twice(project: ProjectUnderTest, which: str) -> None:
    """P3b, S5: `up` right after the deletion waits for the keeper that makes its folders anew, and finds it."""
    if which == "both" and sys.platform != "linux":
        pytest.skip("only Linux tells who holds a removed file")
    before = running(project)
    run_folder = Path(project.status()["daemon"]["endpoint"].removeprefix("unix:")).parent
    if which != "the run folder":
        delete_tree(project.state)
    if which != "the state folder":
        delete_tree(run_folder)
    project.roost("up", check=True)
    assert project.pids() == before
    assert_undisturbed(project, before)
    assert project.leftovers(), "the harness sees what runs"

    def keepers() -> list[int]:
        found = [(one.pid, command_line(one)[:5]) for one in project.leftovers()]
        return [pid for pid, argv in found if "keeper" in " ".join(argv)]

    eventually(lambda: keepers() == [before[":keeper"]], what="one keeper: one that was not needed has ended")
    project.down()


def test_a_copy_of_the_project_is_another_project(project: ProjectUnderTest) -> None:
    """P3b: `cp -r` copies `.roost` too; the copy does not reach the first daemon, and starts its own."""
    before = running(project)
    copy = project.root.with_name("copy")
    copy_tree(project.root, copy)
    assert project.roost("-C", copy, "status").code == 3
    project.roost("-C", copy, "up", check=True)
    other = json.loads(project.roost("-C", copy, "status", "--json", check=True).out)
    pids = {
        other["daemon"]["pid"],
        other["daemon"]["keeper_pid"],
        *(one["pid"] for one in other["components"]),
    }
    assert not pids & set(before.values())
    project.roost("-C", copy, "down", check=True)
    assert project.pids() == before


def test_a_moved_project_is_the_same_project(project: ProjectUnderTest) -> None:
    """P3b: `mv` while it runs: the daemon is found at the new place, nothing is started twice, and the old place
    is left as it is."""
    before = running(project)
    moved = project.root.with_name("moved")
    project.root.rename(moved)

    def seen() -> dict[str, Any]:
        status: dict[str, Any] = project.roost("-C", moved, "status", "--json", check=True, cwd=moved).json
        return status["daemon"]

    try:
        first = seen()
        assert first["pid"] == before[":daemon"]
        eventually(lambda: seen()["reconciled_at"] != first["reconciled_at"], what="a look of the watchdog")
        assert not project.root.exists()
        project.roost("-C", moved, "up", check=True, cwd=moved)
        again = json.loads(project.roost("-C", moved, "status", "--json", check=True, cwd=moved).out)
        assert {one["name"]: one["pid"] for one in again["components"]} == {
            name: pid for name, pid in before.items() if not name.startswith(":")
        }
        project.roost("-C", moved, "down", check=True, cwd=moved)
    finally:
        moved.rename(project.root)


def test_a_state_folder_of_another_machine_starts_anew(project: ProjectUnderTest) -> None:
    """P3b, S3: pids of another host or another boot are nobody of ours; nothing of them is signalled."""
    running(project)
    project.down()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        record = {
            "version": 1, "name": "a", "run": 41, "pid": stranger.pid, "start_time": 1, "boot_id": "another",
            "started_at": 1.0, "mono": 1.0, "fifos": [], "instance": "x",
        }  # fmt: skip
        (project.state / "runs").mkdir(exist_ok=True)
        (project.state / "runs" / "a.json").write_text(json.dumps(record))
        (project.state / "daemon.json").write_text(
            json.dumps({"version": 1, "pid": stranger.pid, "host": "other"})
        )
        project.up()
        assert stranger.poll() is None
        assert project.component("a")["pid"] != stranger.pid
        project.down()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_after_a_reboot_what_was_wanted_is_wanted(project: ProjectUnderTest) -> None:
    """S75: a state of another boot: its runs are over, its wishes are not, its times mean nothing."""
    running(project)
    project.roost("stop", "b", check=True)
    pids = project.pids()
    project.kill(pids[":daemon"], 15)
    eventually(lambda: not any(map(is_running, pids.values())), what="the end")
    state = json.loads((project.state / "state.json").read_text())
    state["boot_id"] = "an earlier one"
    (project.state / "state.json").write_text(json.dumps(state))
    project.roost("up", "a", check=True)
    assert project.component("a")["state"] == "running"
    assert project.component("b")["state"] == "stopped"
