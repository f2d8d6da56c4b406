"""Odd places for a project: exotic paths, no permission, no room, somebody else's."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MakeProject
from e2e.disks import fill, mounted
from e2e.harness import (
    SOON,
    Completed,
    ProjectUnderTest,
    call,
    eventually,
    is_running,
    program,
    roost_command,
)

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
ROOT = os.geteuid() == 0


def plain(done: Completed) -> None:
    """An error in words, without a stack trace."""
    assert "Traceback" not in done.out + done.err, str(done)
    assert done.err.strip(), str(done)


def whole_life(project: ProjectUnderTest) -> None:
    """up, status, logs, why, down: everything works here."""
    project.up()
    assert project.status()["color"] == "green"
    eventually(lambda: "here" in project.roost("logs", "web", check=True).out)
    project.roost("why", "web", check=True)
    project.roost("restart", "web", check=True)
    pids = project.pids()
    project.down()
    assert not any(is_running(pid) for pid in pids.values())


@pytest.mark.parametrize(
    "folder",
    ["with some spaces", "Ünïcödé-проект-项目", "quo'te\"s & $dollar;", "-dash", "new\nline", "x" * 120],
    ids=["spaces", "letters", "quotes", "dash", "newline", "long"],
)
def test_a_project_may_lie_in_any_folder(make_project: MakeProject, folder: str) -> None:
    """P20, S35: spaces, other alphabets, quotes, a line break, longer than a socket address: all just work."""
    project = make_project(folder)
    project.components(web={"run": STAY})
    whole_life(project)


def test_a_home_longer_than_a_socket_address(make_project: MakeProject) -> None:
    """P20: where the user's own folder is too long for a socket, a checked one in /tmp is taken."""
    project = make_project()
    home = project.base / ("h" * 110)
    home.mkdir()
    project.env["HOME"] = str(home)
    project.components(web={"run": STAY})
    project.up()
    endpoint = Path(project.status()["daemon"]["endpoint"].removeprefix("unix:"))
    assert len(os.fsencode(endpoint)) < 104
    assert endpoint.parent.stat().st_mode & 0o077 == 0
    project.down()
    shutil.rmtree(endpoint.parent, ignore_errors=True)


def test_a_path_that_is_no_text_is_refused_in_words(make_project: MakeProject) -> None:
    """P20: a folder whose name is not UTF-8: exit 2, its name, what to do; nothing is started or made."""
    project = make_project(os.fsdecode(b"caf\xe9"))
    project.components(web={"run": STAY})
    for command in ("up", "status", "down"):
        done = project.roost(command, check=2)
        plain(done)
        assert "caf\\xe9" in done.err
        assert "rename" in done.err
    assert not project.state.exists()


def test_a_folder_below_the_project_finds_it(project: ProjectUnderTest) -> None:
    """The nearest folder upwards that has a roost.yaml is the project; -C and ROOST_PROJECT name another."""
    project.components(web={"run": STAY})
    project.up()
    below = project.root / "a" / "b"
    below.mkdir(parents=True)
    assert "web" in project.roost("status", cwd=below, check=True).out
    assert "web" in project.roost("-C", project.root, "status", cwd="/", check=True).out
    assert "web" in project.roost("status", cwd="/", env={"ROOST_PROJECT": str(project.root)}, check=True).out
    plain(project.roost("status", cwd="/", check=2))


# -- as another user ------------------------------------------------------------------------------------


def as_nobody(project: ProjectUnderTest, *arguments: str) -> Completed:
    """The command as the user nobody."""
    setpriv = shutil.which("setpriv")
    if not ROOT or not setpriv:
        pytest.skip("needs root and setpriv to become another user")
    user = pwd.getpwnam("nobody")
    become = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    argv = [*_with_python_in_reach(project), *become, *roost_command(), *arguments]
    return call(argv, cwd=project.root, env=project.env)


REACH = """\
stash=$1 closed=$2 python=$3; shift 3
mount --bind "$python" "$stash" && mount -t tmpfs -o mode=755 none "$closed" &&
mkdir -p "$python" && mount --bind "$stash" "$python" && exec "$@"
"""


def _with_python_in_reach(project: ProjectUnderTest) -> list[str]:
    """Where Python lies in a closed folder (/root, say): run in a mount namespace in which it is open."""
    python = Path(sys.base_prefix).resolve()
    closed = [folder for folder in [python, *python.parents] if not folder.stat().st_mode & 0o001]
    if not closed:
        return []
    stash = project.base / "stash"
    stash.mkdir(exist_ok=True)
    private = [shutil.which("unshare") or pytest.skip("needs unshare"), "-m"]
    if subprocess.run([*private, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine forbids mount namespaces, and Python lies where nobody else may go")
    return [*private, "sh", "-c", REACH, "sh", str(stash), str(closed[-1]), str(python)]


def give_to_nobody(*paths: Path) -> None:
    """Make nobody the owner of these and all below."""
    user = pwd.getpwnam("nobody")
    for top in paths:
        for path in [top, *top.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)


def test_a_read_only_project_folder_is_refused_in_words(project: ProjectUnderTest) -> None:
    """P20: no `.roost` can be made: the folder, the reason and the way out; nothing is left running."""
    if not ROOT:
        project.components(web={"run": STAY})
        project.root.chmod(0o555)
        done = project.roost("up")
        project.root.chmod(0o755)
    else:
        project.components(web={"run": STAY})
        project.base.chmod(0o755)
        project.root.chmod(0o755)  # root's; nobody may read it and not write
        user = pwd.getpwnam("nobody")
        os.chown(project.root, user.pw_uid, user.pw_gid)
        give_to_nobody(project.home)
        project.root.chmod(0o555)
        done = as_nobody(project, "up")
    plain(done)
    assert done.code in (1, 2)
    assert str(project.root) in done.err
    assert "ermission" in done.err or "read-only" in done.err.lower() or "writ" in done.err
    assert done.seconds < SOON
    eventually(lambda: not project.leftovers(), what="nothing of ours")


def test_state_elsewhere_makes_a_read_only_folder_work(project: ProjectUnderTest) -> None:
    """P20: with ROOST_STATE_DIR an ordinary user runs a project whose folder cannot be written to."""
    if not ROOT:
        pytest.skip("the other test covers ordinary users")
    project.components(web={"run": STAY})
    project.base.chmod(0o755)
    state = project.base / "state"
    state.mkdir()
    user = pwd.getpwnam("nobody")
    os.chown(project.root, user.pw_uid, user.pw_gid)
    give_to_nobody(state, project.home)
    project.root.chmod(0o555)
    project.env["ROOST_STATE_DIR"] = str(state)
    done = as_nobody(project, "up")
    assert done.code == 0, str(done)
    down = as_nobody(project, "down")
    assert down.code == 0, str(down)
    assert not project.leftovers()


def test_a_read_only_file_system_is_refused_in_words(make_project: MakeProject) -> None:
    """P20: also for root a project on a read-only mount gives a clear error at once."""
    project = make_project()
    with mounted(project.root, "size=1m"):
        project.components(web={"run": STAY})
        subprocess.run(["mount", "-o", "remount,ro", str(project.root)], check=True)
        done = project.roost("up")
        plain(done)
        assert done.code in (1, 2)
        assert "read-only" in done.err.lower(), done.err
        assert done.seconds < SOON
        eventually(lambda: not project.leftovers(), what="nothing of ours")


def test_sudo_is_refused_naming_the_owner(project: ProjectUnderTest) -> None:
    """P18, P3: root in somebody else's project: refused with the owner's name, nothing is made there."""
    if not ROOT:
        pytest.skip("needs root")
    project.components(web={"run": STAY})
    give_to_nobody(project.root)
    for command in (["up"], ["status"], ["down"], ["logs"], ["call", "ping"]):
        done = project.roost(*command)
        plain(done)
        assert done.code == 1, str(done)
        assert "nobody" in done.err
    assert not project.state.exists()
    eventually(lambda: not project.leftovers(), what="nothing of ours")


def test_another_users_socket_cannot_be_reached(project: ProjectUnderTest) -> None:
    """S36, P18: an ordinary user is refused in root's project, by the command and by the socket itself."""
    if not ROOT:
        pytest.skip("needs root")
    project.components(web={"run": STAY})
    project.up()
    project.base.chmod(0o755)
    done = as_nobody(project, "status")
    plain(done)
    assert done.code == 1, str(done)
    assert pwd.getpwuid(0).pw_name in done.err
    assert project.pids()


# -- no room --------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(make_project: MakeProject) -> Iterator[ProjectUnderTest]:
    """A project on a disk of 4 MiB; it is down before the disk goes."""
    project = make_project()
    with mounted(project.root, "size=4m"):
        yield project
        (project.root / "ballast").unlink(missing_ok=True)
        if project.state.exists():
            project.roost("down", "--timeout", "5s")


def test_up_on_a_full_disk_gives_a_clear_error(small_disk: ProjectUnderTest) -> None:
    """P20, S33: no room for `.roost`: said in words, in bounded time, and nothing is left running."""
    project = small_disk
    project.components(web={"run": STAY})
    fill(project)
    done = project.roost("up")
    if done.code == 0:  # an empty file needs no room: it may just work
        assert project.status()["daemon"]["running"]
        project.roost("down", check=True)
    else:
        plain(done)
        assert "space" in done.err or "disk" in done.err, done.err
    eventually(lambda: not project.leftovers(), what="nothing of ours")


def test_a_disk_that_fills_up_stops_nothing(small_disk: ProjectUnderTest) -> None:
    """P20, P14: components go on, commands answer, an event says that a log cannot be written; `down` works."""
    project = small_disk
    project.components(chatty={"run": program("counter", "--rate", 200)}, quiet={"run": STAY})
    project.up()
    eventually(lambda: project.log_lines("quiet"), what="all that quiet has to say")
    before = project.pids()
    fill(project)
    told = eventually(
        lambda: [
            e for e in project.roost("call", "events.query").json["events"] if e["kind"] == "log_trouble"
        ],
        what="word of the full disk",
        every=0.3,
    )
    assert told[0]["component"] == "chatty"
    assert "space" in told[0]["message"], told[0]
    assert project.pids() == before
    done = project.roost("restart", "quiet", check=True)
    assert done.seconds < SOON
    assert "roost: warning: the state cannot be saved: " in done.err, "done, and what is wrong with it"
    assert "no space left" in done.err.lower()
    (project.root / "ballast").unlink()
    lines = len(project.log_lines("chatty"))
    eventually(lambda: len(project.log_lines("chatty")) > lines, what="the log being written again")
    pids = project.pids()
    assert "warning" not in project.down().err
    assert not any(is_running(pid) for pid in pids.values())
