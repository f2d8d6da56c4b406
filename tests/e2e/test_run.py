"""`roost run` and `roost.ensure_running`: use what runs, start what does not, leave everything as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from e2e.harness import (
    COMMAND_TIMEOUT,
    NEVER_READY,
    PATIENCE,
    Completed,
    ProjectUnderTest,
    call,
    delete_tree,
    eventually,
    is_running,
)

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
CRASH = "echo no such table: users; exit 3"
SAY = [sys.executable, "-c"]


@pytest.fixture
def stack(project: ProjectUnderTest) -> ProjectUnderTest:
    """`api` needs `db`; `other` is needed by neither."""
    project.components(db={"run": STAY}, api={"run": STAY, "depends_on": ["db"]}, other={"run": STAY})
    return project


def states(project: ProjectUnderTest) -> dict[str, str]:
    return {one["name"]: one["state"] for one in project.status()["components"]}


def nothing_runs(project: ProjectUnderTest) -> None:
    """Neither components nor anything of ours."""
    eventually(lambda: not project.leftovers(), what="nothing is left")
    assert not project.status()["daemon"]["running"]


def python(project: ProjectUnderTest, text: str) -> Completed:
    """A program of a user, run in the project's folder."""
    return call([*SAY, textwrap.dedent(text)], cwd=project.root, env=project.env)


# -- the command ------------------------------------------------------------------------------------------


def test_a_project_that_does_not_run_is_started_and_all_of_it_is_gone_afterwards(
    stack: ProjectUnderTest,
) -> None:
    """S83: the command finds everything ready, its exit code is ours, and not even the daemon stays."""
    done = stack.roost("run", "--", "sh", "-c", "roost status --json; exit 7")
    assert done.code == 7, str(done)
    assert {one["name"]: one["ready"] for one in done.json["components"]} == {
        "db": True,
        "api": True,
        "other": True,
    }
    nothing_runs(stack)


def test_a_project_that_runs_is_used_and_left_running(stack: ProjectUnderTest) -> None:
    """S82: the same pids before, during and after."""
    stack.up()
    before = stack.pids()
    done = stack.roost("run", "--", "roost", "status", "--json", check=True)
    assert {one["name"]: one["pid"] for one in done.json["components"]}.items() <= before.items()
    assert stack.pids() == before


def test_only_what_was_missing_is_started_and_stopped(stack: ProjectUnderTest) -> None:
    """Names bring what they need; what runs beside them is not touched."""
    stack.up("db")
    before = stack.pids()
    done = stack.roost("run", "api", "--", "roost", "status", "--json", check=True)
    during = {one["name"]: one["state"] for one in done.json["components"]}
    assert during == {"db": "running", "api": "running", "other": "stopped"}
    assert states(stack) == {"db": "running", "api": "stopped", "other": "stopped"}
    assert stack.pids() == before


def test_what_a_person_stopped_is_not_started_behind_his_back(stack: ProjectUnderTest) -> None:
    """S84: the reason, nothing changed, and the command does not run; `--start` does it."""
    stack.up()
    stack.roost("stop", "db", check=True)
    before = stack.pids()
    done = stack.roost("run", "api", "--", "touch", "ran")
    assert done.code == 1 and "db was stopped" in done.err and "--start" in done.err, str(done)
    assert not (stack.root / "ran").exists() and stack.pids() == before

    assert stack.roost("run", "api", "--start", "--", "touch", "ran").code == 0
    assert (stack.root / "ran").exists() and states(stack)["db"] == "stopped"


def test_what_does_not_start_leaves_nothing_behind(project: ProjectUnderTest) -> None:
    """S85: a helpful error with the last lines of the culprit, and everything stopped again."""
    crash = {"run": CRASH, "depends_on": ["db"], "restart": "never", "probes": NEVER_READY}
    project.components(db={"run": STAY}, api=crash)
    done = project.roost("run", "--", "touch", "ran")
    assert done.code == 1 and "api failed" in done.err and "no such table: users" in done.err, str(done)
    assert not (project.root / "ran").exists()
    nothing_runs(project)


def test_bad_usage_and_bad_configuration_start_nothing(stack: ProjectUnderTest) -> None:
    """Said before anything happens: no command, no such command, no such component, no valid file."""
    assert stack.roost("run", "api").code == 2
    assert stack.roost("run", "--", "no-such-command-here").code == 127
    assert stack.roost("run", "apy", "--", "true").code == 4
    nothing_runs(stack)
    stack.write("version: 1\ncomponents: {db: {rum: x}}\n")
    assert stack.roost("run", "--", "true").code == 2
    nothing_runs(stack)


def test_ctrl_c_goes_to_the_command(stack: ProjectUnderTest) -> None:
    """It may take its time and choose its exit code; then everything is put away as ever."""
    script = "trap 'echo bye; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    running = stack.start_roost("run", "--", "sh", "-c", script, start_new_session=True)
    assert running.stdout is not None
    assert running.stdout.readline().strip() == b"ready"
    stack.pids()
    os.killpg(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=COMMAND_TIMEOUT)
    assert (running.returncode, out.strip()) == (9, b"bye")
    nothing_runs(stack)


def test_a_killed_run_is_cleaned_up_by_the_daemon(stack: ProjectUnderTest) -> None:
    """S88: kill -9 of the command that holds the lease; what it started stops, and so does the daemon."""
    running = stack.start_roost("run", "--", "sh", "-c", "echo ready; exec sleep 600", start_new_session=True)
    assert running.stdout is not None
    assert running.stdout.readline().strip() == b"ready"
    pids = stack.pids()
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=PATIENCE)
    for name, pid in pids.items():
        eventually(lambda pid=pid: not is_running(pid), what=f"{name} has ended")


def test_a_run_killed_before_it_has_its_lease_leaves_no_daemon(stack: ProjectUnderTest) -> None:
    """S85, S88: kill -9 while keeper and daemon come up for it; they find that out and end."""

    def killed_in_between() -> bool:
        running = stack.start_roost("run", "--", "true", start_new_session=True)
        eventually((stack.state / "keeper.lock").exists, what="the keeper comes up", every=0.001)
        os.kill(running.pid, signal.SIGKILL)
        running.communicate(timeout=PATIENCE)
        eventually(lambda: not stack.leftovers(), what="the end of what came up", every=0.5)
        happened = {event["kind"] for event in stack.events()}
        delete_tree(stack.state)
        return "daemon_started" in happened and "started" not in happened

    eventually(killed_in_between, what="a daemon for nobody (else the client was too quick, or the kill)")
    nothing_runs(stack)


def test_a_lease_survives_the_daemon(stack: ProjectUnderTest) -> None:
    """The daemon is killed while the command runs: the same components go on, and are stopped at the end."""
    running = stack.start_roost("run", "--", "sh", "-c", "echo ready; read x; exit 3", stdin=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline().strip() == b"ready"
    before = stack.pids()
    stack.kill(before[":daemon"])
    stack.wait_for(lambda it: it["daemon"]["running"] and it["daemon"]["pid"] != before[":daemon"])
    assert {**stack.pids(), ":daemon": 0} == {**before, ":daemon": 0}
    running.communicate(b"\n", timeout=COMMAND_TIMEOUT)
    assert running.returncode == 3
    nothing_runs(stack)


def test_up_in_the_middle_keeps_the_project(stack: ProjectUnderTest) -> None:
    """Whoever says `up` while tests run means it: nothing is stopped when they end."""
    assert stack.roost("run", "--", "roost", "up").code == 0
    assert states(stack) == {"db": "running", "api": "running", "other": "running"}


# -- from Python ------------------------------------------------------------------------------------------


def test_ensure_running_gives_ports_and_urls_of_what_runs(project: ProjectUnderTest) -> None:
    """§7: the block gets what it needs to talk to what runs, S86: which answers already."""
    project.components(
        web={
            "run": [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "${port.http}"],
            "ports": {"http": "auto"},
            "url": "http://127.0.0.1:${port.http}/",
            "probes": {"readiness": {"http": "http://127.0.0.1:${port.http}/", "period": "0.1s"}},
        }
    )
    done = python(
        project,
        """
        import roost, urllib.request
        with roost.ensure_running(".") as running:
            assert str(running.port("web")) in running.url("web")
            print(urllib.request.urlopen(running.url("web"), timeout=60).status, running.started)
            print(running.components["web"].ready)
        """,
    )
    assert done.out == "200 ['web']\nTrue\n", str(done)
    nothing_runs(project)


def test_two_at_once_share_and_the_last_one_stops(stack: ProjectUnderTest) -> None:
    """S87: what the first started stays for the second, in the same process or another."""
    done = python(
        stack,
        """
        import roost
        first = roost.ensure_running(".", "api")
        one = first.__enter__()
        with roost.ensure_running(".", "db") as other:
            print(sorted(one.started), other.started)
            first.__exit__(None, None, None)
            print({name: it.state.value for name, it in other.components.items()})
        """,
    )
    shown = "['api', 'db'] []\n{'db': 'running', 'api': 'stopped', 'other': 'stopped'}\n"
    assert done.out == shown, str(done)
    nothing_runs(stack)


def test_an_exception_in_the_block_changes_nothing_about_its_end(stack: ProjectUnderTest) -> None:
    """S88: also when the tests crash."""
    done = python(stack, "import roost\nwith roost.ensure_running('.'): raise SystemExit(5)")
    assert done.code == 5, str(done)
    nothing_runs(stack)


def test_errors_are_typed(stack: ProjectUnderTest, tmp_path: Path) -> None:
    """§7: NotReady, NoSuchComponent, InvalidConfig; and each leaves things as they were."""
    stack.up("other")
    stack.roost("stop", "other", check=True)
    done = python(
        stack,
        """
        import roost
        for names, error in ((["other"], roost.NotReady), (["apy"], roost.NoSuchComponent)):
            try:
                with roost.ensure_running(".", *names):
                    print("never")
            except error as seen:
                print(type(seen).__name__, seen.message)
        with roost.ensure_running(".", "other", start=True) as running:
            print(running.started)
        """,
    )
    expected = "NotReady other was stopped (stopped by request)\n"
    expected += "NoSuchComponent there is no component 'apy'\n['other']\n"
    assert done.out == expected, str(done)
    assert states(stack)["other"] == "stopped" and stack.status()["daemon"]["running"]
