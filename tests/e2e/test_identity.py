"""Who is the daemon, and who is not: locks, pid files, stale leftovers, strangers under a recycled pid."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import (
    PATIENCE,
    SOON,
    ProjectUnderTest,
    copy_tree,
    eventually,
    is_running,
    program,
    start_token,
)

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with us, and that nobody may signal."""
    idle = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(
        idle, cwd="/", start_new_session=True
    )  # as a login shell is: leader of its group
    yield child
    assert child.poll() is None, "somebody ended the stranger"
    child.kill()
    child.wait()


def socket_of(project: ProjectUnderTest) -> Path:
    """The path of the daemon's socket."""
    return Path(project.status()["daemon"]["endpoint"].removeprefix("unix:"))


def broken_layers(project: ProjectUnderTest) -> dict[str, str]:
    """What `doctor` complains about: layer → sentence."""
    found = project.roost("doctor", "--json").json
    entries = found["findings"] if isinstance(found, dict) else found
    return {
        one["layer"]: one["message"] for one in entries if one.get("level", one.get("status")) == "problem"
    }


def without(project: ProjectUnderTest, file: Path) -> dict[str, str]:
    """What `doctor` says while a file is away; nothing, should the watchdog have made it anew meanwhile."""
    aside = file.with_name("moved")
    file.rename(aside)
    found = broken_layers(project)
    with contextlib.suppress(FileExistsError):
        os.link(aside, file)  # in one step, and never over one that was made anew
    aside.unlink()
    return found


def write_pid_files(project: ProjectUnderTest, pid: int, **changes: Any) -> None:
    """A `daemon.json` and a `daemon.pid` that name another process, as left by a daemon of long ago."""
    facts = json.loads((project.state / "daemon.json").read_text())
    facts.update(pid=pid, **changes)
    (project.state / "daemon.json").write_text(json.dumps(facts))
    (project.state / "daemon.pid").write_text(f"{pid}\n")


# -- the files ------------------------------------------------------------------------------------------


def test_the_state_folder_is_laid_out_as_the_contract_says(project: ProjectUnderTest) -> None:
    """S35, S36, S29: names and modes; the socket owner-only in an owner-only folder; no `.err` file."""
    noisy = [
        sys.executable,
        "-c",
        "import sys, time; print('o', flush=True); print('e', file=sys.stderr, flush=True); time.sleep(99)",
    ]
    project.components(web={"run": noisy})
    project.up()
    eventually(lambda: len(project.log_lines("web")) == 2)
    named = {
        ".gitignore", "keeper.lock", "daemon.lock", "daemon.json", "daemon.pid", "state.json",
        "events.jsonl", "daemon.log", "keeper.log", "runs/web.json", "locks/web.lock",
        "logs/web.log", "logs/web.idx",
    }  # fmt: skip
    eventually(lambda: all((project.state / name).exists() for name in named), what="all that is named there")
    present = {path.relative_to(project.state).as_posix() for path in project.state.rglob("*")}
    assert not [name for name in present if name.endswith(".err")]
    assert sorted(project.log_lines("web")) == ["e", "o"]
    assert (project.state / ".gitignore").read_text().split() == ["*"]
    assert stat.S_IMODE(project.state.stat().st_mode) == 0o700
    path = socket_of(project)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    facts = json.loads((project.state / "daemon.json").read_text())
    assert {"endpoint", "pid", "start_time", "boot_id", "host", "instance", "root", "inode"} <= set(facts)
    assert stat.S_IMODE((project.state / "daemon.json").stat().st_mode) == 0o600
    assert facts["pid"] == project.pids()[":daemon"]
    assert (project.state / "daemon.pid").read_text().strip() == str(facts["pid"])


def test_the_pid_file_is_for_people_only(project: ProjectUnderTest) -> None:
    """S10: without it status, logs and stop work as before."""
    project.components(web={"run": STAY})
    project.up()
    pids = project.pids()
    (project.state / "daemon.pid").unlink()
    assert project.pids() == pids
    project.roost("stop", "web", check=True)
    assert not is_running(pids["web"])
    project.down()
    assert not any(is_running(pid) for pid in pids.values())


def test_a_wrong_pid_file_changes_nothing(
    project: ProjectUnderTest, stranger: subprocess.Popen[bytes]
) -> None:
    """S10, P3: a `daemon.pid` that names somebody else misleads neither status nor down."""
    project.components(web={"run": STAY})
    project.up()
    (project.state / "daemon.pid").write_text(f"{stranger.pid}\n")
    assert project.status()["daemon"]["pid"] != stranger.pid
    project.down()
    assert not project.leftovers()


# -- after a kill ---------------------------------------------------------------------------------------


def test_locks_of_killed_holders_are_free(project: ProjectUnderTest) -> None:
    """S1, S6, S75: keeper and daemon are killed −9; the next `up` succeeds with no cleaning by hand."""
    project.components(web={"run": STAY})
    project.up()
    project.roost("stop", "web", check=True)
    before = project.pids()
    project.kill_both()
    done = project.up()
    assert done.seconds < SOON
    after = project.pids()
    assert after[":daemon"] != before[":daemon"]
    assert after[":keeper"] != before[":keeper"]
    assert is_running(after["web"])


def test_a_failed_start_lets_the_lock_go(project: ProjectUnderTest) -> None:
    """S6: a state of a newer Roost is refused by the daemon; put right, the next `up` works at once."""
    project.components(web={"run": STAY})
    project.up()
    project.down()
    good = (project.state / "state.json").read_text()
    (project.state / "state.json").write_text(json.dumps({**json.loads(good), "version": 99}))
    refused = project.roost("up")
    assert refused.code == 1, str(refused)
    assert "Traceback" not in refused.err
    assert "newer" in refused.err + project.daemon_log_tail()
    assert refused.seconds < SOON
    (project.state / "state.json").write_text(good)
    project.roost("down")
    project.up()


def test_stale_files_of_a_dead_daemon_are_replaced(project: ProjectUnderTest) -> None:
    """S51, S52, S75: a stale pid file and a stale socket are no daemon, found out in ≤1 s, and removed.

    The second is what finding out may add to six commands that ask nobody (`status` has more to load than
    `version`); the best of a few looks, since the machine may be busy with something else.
    """
    project.components(web={"run": STAY})
    project.up()
    path = socket_of(project)
    project.roost("stop", "web", check=True)
    project.kill_both()
    assert path.exists()
    assert (project.state / "daemon.pid").exists()
    looks = [(project.roost("version").seconds, project.roost("status", check=3).seconds) for _ in range(5)]
    assert min(status for _, status in looks) < 1.0 + 6 * min(version for version, _ in looks), looks
    inode = path.stat().st_ino
    project.up()
    assert path.stat().st_ino != inode or project.status()["daemon"]["running"]
    assert (project.state / "daemon.pid").read_text().strip() == str(project.pids()[":daemon"])
    project.down()
    assert not path.exists()
    assert not (project.state / "daemon.pid").exists()


def test_a_live_socket_is_never_removed(project: ProjectUnderTest) -> None:
    """S52: `up` and `doctor` beside a living daemon leave its socket as it is."""
    project.components(web={"run": STAY})
    project.up()
    path = socket_of(project)
    before = (path.stat().st_ino, path.stat().st_mtime_ns)
    project.up()
    project.roost("doctor")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


def test_a_recycled_pid_is_not_our_daemon(
    project: ProjectUnderTest, stranger: subprocess.Popen[bytes]
) -> None:
    """S3, S51, P3: files that name a stranger's pid: not running, exit 3; nothing signals the stranger."""
    project.components(web={"run": STAY})
    project.up()
    files = {name: (project.state / name).read_text() for name in ("daemon.json", "daemon.pid")}
    project.down()
    for name, text in files.items():
        (project.state / name).write_text(text)
    write_pid_files(project, stranger.pid)
    assert project.status()["daemon"]["running"] is False
    project.roost("status", check=3)
    project.down()
    project.up()
    assert project.pids()[":daemon"] != stranger.pid
    project.down()


def test_a_recycled_pid_is_not_our_component(
    project: ProjectUnderTest, stranger: subprocess.Popen[bytes]
) -> None:
    """P3: a run record with a stranger's pid and another start time is neither adopted nor signalled."""
    project.components(web={"run": STAY})
    project.up()
    record = json.loads((project.state / "runs/web.json").read_text())
    project.roost("stop", "web", check=True)
    project.kill_both()
    assert record["pid"]
    (project.state / "runs/web.json").write_text(json.dumps({**record, "pid": stranger.pid}))
    status = project.status()
    assert status["components"][0]["pid"] != stranger.pid
    project.roost("up", check=True)
    eventually(lambda: project.pids().get("web") not in (None, stranger.pid))
    project.down()


def test_the_keeper_brings_a_killed_daemon_back(project: ProjectUnderTest) -> None:
    """P7, S75: kill −9 of the daemon: another answers soon (how soon: the benchmark), the others stay."""
    project.components(web={"run": STAY})
    project.up()
    before = project.pids()
    for _ in range(2):
        old = project.pids()[":daemon"]
        project.kill(old)
        project.wait_for(lambda s, old=old: s["daemon"]["running"] and s["daemon"]["pid"] != old)  # type: ignore[misc]
    after = project.pids()
    assert (after[":keeper"], after["web"]) == (before[":keeper"], before["web"])
    told = [event for event in project.events() if event["kind"] == "daemon_started"]
    assert len(told) == 3


def test_up_finds_a_stack_that_runs_without_keeper_and_daemon(project: ProjectUnderTest) -> None:
    """P7, S75, S77: both are killed; status shows what runs on; `down` leaves nothing all the same."""
    project.components(web={"run": STAY})
    project.up()
    web = project.pids()["web"]
    project.kill_both()
    assert is_running(web)
    status = project.roost("status", "--json", check=3).json
    assert status["components"][0]["pid"] == web
    project.roost("down", check=True)
    assert not is_running(web)


def test_a_copied_state_folder_does_not_reach_the_first_daemon(project: ProjectUnderTest) -> None:
    """P3: in a copy of the project, `.roost/` and all, nothing is running; `down` there ends nothing here."""
    project.components(web={"run": STAY})
    project.up()
    pids = project.pids()
    copy = project.base / "copy"
    copy_tree(project.root, copy)
    assert project.roost("status", cwd=copy).code == 3
    project.roost("down", cwd=copy, check=True)
    assert project.pids() == pids
    project.roost("up", cwd=copy, check=True)
    theirs = json.loads(project.roost("status", "--json", cwd=copy, check=True).out)["components"][0]["pid"]
    project.roost("down", cwd=copy, check=True)
    assert theirs != pids["web"]
    assert not is_running(theirs)
    assert project.pids() == pids


# -- doctor ---------------------------------------------------------------------------------------------


def test_doctor_is_content_with_a_running_and_with_a_stopped_project(project: ProjectUnderTest) -> None:
    """S7: no layer is broken: exit 0, with and without a daemon."""
    project.components(web={"run": STAY})
    project.roost("doctor", check=True)
    project.up()
    done = project.roost("doctor", check=True)
    for layer in ("endpoint", "lock", "pid file", "configuration"):
        assert layer in done.out


def test_doctor_names_each_broken_layer_alone(
    project: ProjectUnderTest, stranger: subprocess.Popen[bytes]
) -> None:
    """S7: pid file, announcement, process, start time, lock and endpoint, each broken alone, each named."""
    project.components(web={"run": STAY})
    project.up()
    pid_file, announcement = project.state / "daemon.pid", project.state / "daemon.json"
    pid_text, facts_text = pid_file.read_text(), announcement.read_text()
    assert broken_layers(project) == {}

    eventually(lambda: list(without(project, pid_file)) == ["pid file"])
    pid_file.write_text(f"{stranger.pid}\n")
    assert str(stranger.pid) in broken_layers(project)["pid file"]
    pid_file.write_text(pid_text)

    facts = json.loads(facts_text)
    announcement.write_text("{")
    assert list(broken_layers(project)) == ["announcement"]
    announcement.write_text(json.dumps({**facts, "pid": stranger.pid, "start_time": 1}))
    assert list(broken_layers(project)) == ["process"]
    announcement.write_text(json.dumps({**facts, "start_time": facts["start_time"] + 1}))
    assert list(broken_layers(project)) == ["start time"]
    announcement.write_text(facts_text)

    for file, layer in ((project.state / "daemon.lock", "lock"), (socket_of(project), "endpoint")):
        eventually(lambda file=file, layer=layer: layer in without(project, file))  # type: ignore[misc]
    eventually(lambda: broken_layers(project) == {}, what="everything as it should be")


def test_doctor_names_what_a_dead_daemon_left(
    project: ProjectUnderTest, stranger: subprocess.Popen[bytes]
) -> None:
    """S7, S3, S51: stale socket, stale files, a recycled pid and an orphaned component are all named."""
    project.components(web={"run": STAY})
    project.up()
    web = project.pids()["web"]
    project.kill_both()
    layers = broken_layers(project)
    assert {"endpoint", "process", "pid file", "components"} <= set(layers)
    assert str(web) in layers["components"]
    write_pid_files(project, stranger.pid)
    layers = broken_layers(project)
    assert str(stranger.pid) in layers["start time"]
    assert str(stranger.pid) in layers["pid file"]


# -- the running-check ----------------------------------------------------------------------------------


def cpu_time(project: ProjectUnderTest, *arguments: str) -> float:
    """Seconds of processor that one call of the command takes."""
    before = os.times()
    project.roost(*arguments, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


@pytest.mark.serial
def test_asking_whether_it_runs_is_cheap(project: ProjectUnderTest) -> None:
    """S4: a ping on a fresh connection takes under 2 ms; `call ping` costs little more than `version`.

    Each at its best: what the machine does beside it is not what it costs.
    """
    project.components(web={"run": STAY})
    project.up()
    address = str(socket_of(project))

    def ping() -> float:
        begun = time.perf_counter()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            connection.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
            assert json.loads(connection.recv(4096))["result"] == {"pong": True}
        return time.perf_counter() - begun

    assert min(ping() for _ in range(300)) < 0.002
    bare = min(cpu_time(project, "version") for _ in range(8))
    asked = min(cpu_time(project, "call", "ping") for _ in range(8))
    assert asked - bare < max(0.03, bare), f"CPU time: version {bare:.3f} s, call ping {asked:.3f} s"
    assert project.roost("call", "ping").json == {"pong": True}


def test_the_check_reads_no_process_list(project: ProjectUnderTest) -> None:
    """S4: `status` finds a living daemon although /proc shows nobody (a mount namespace hides it)."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and unshare")
    project.components(web={"run": STAY})
    project.up()
    script = 'mount -t tmpfs none /proc && exec "$0" call ping'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(Path(sys.executable).parent / "roost")],
        cwd=project.root, env=project.env, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("this machine forbids mount namespaces")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"pong": True}


# -- signals go to ours alone ---------------------------------------------------------------------------


def test_stop_ends_the_group_and_nobody_else(project: ProjectUnderTest) -> None:
    """S8, P4: `stop` ends children and a descendant in a session of its own; another component stays."""
    project.components(
        family={"run": program("children", 2, 1)},
        escaped={"run": program("double_fork")},
        other={"run": STAY},
    )
    project.up()
    eventually(lambda: len(project.log_lines("family")) == 2 and project.log_lines("escaped"))
    lines = project.log_lines("family") + project.log_lines("escaped")
    descendants = [project.learn(int(line.split()[1])) for line in lines]
    other = project.pids()["other"]
    token = start_token(other)
    project.roost("stop", "family", "escaped", check=True)
    eventually(lambda: not any(is_running(pid) for pid in descendants))
    assert start_token(other) == token


def test_a_task_leaves_its_daemon_running_and_says_so(project: ProjectUnderTest) -> None:
    """P4: what a task that ended by itself leaves behind goes on, with an event that names it."""
    project.components(starter={"type": "task", "run": program("double_fork", "--leave")})
    project.up()
    eventually(lambda: project.log_lines("starter"))
    grandchild = project.learn(int(project.log_lines("starter")[0].split()[1]))
    told = eventually(lambda: [e for e in project.events() if e["kind"] == "leftover"])
    assert str(grandchild) in told[0]["message"]
    assert is_running(grandchild)
    project.leave(grandchild)
    project.kill(grandchild, signal.SIGKILL)
