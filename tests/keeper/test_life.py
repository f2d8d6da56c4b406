"""The keeper's own life: its start, its place, its daemon, its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from keeper.harness import PACKAGE, PATIENCE, House, WireClient, WireFailed, python, until
from roost.platform import detach, identity, locks

WRITES_PID = "import os, time; open({path!r}, 'a').write('%d\\n' % os.getpid()); {rest}"


def alive(pid: int) -> bool:
    facts = identity.facts(pid)
    return facts is not None and not facts.zombie


def keeper_pid(house: House) -> int:
    client = WireClient(house.socket)
    try:
        return int(client.call("hello", role="doctor")["pid"])
    finally:
        client.close()


# -- start -----------------------------------------------------------------------------------------------


def test_it_is_detached_for_good(house: House) -> None:
    """Own session, null device, no stray descriptor, no folder that it pins; the starter learns the pid (S32)."""
    stray = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(stray, True)
    try:
        pid = detach.start_detached(house.argv, dict(os.environ))
    finally:
        os.close(stray)
    try:
        assert pid == keeper_pid(house)
        facts = identity.facts(pid)
        assert facts is not None
        assert facts.session not in (os.getsid(0), pid)
        assert facts.parent != os.getpid()
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        links: dict[str, str] = {}
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # the keeper was done with that one
                links[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
        assert [links[fd] for fd in "012"] == ["/dev/null"] * 3
        ours = ("/dev/null", "/", "pipe:", "socket:", "anon_inode:", house.paths.state, house.paths.run)
        assert all(link.startswith(ours) for link in links.values())
    finally:
        client = house.connect()
        client.call("quit")
        until(lambda: not alive(pid))


def test_it_begins_when_its_starter_has_seen_to_everything(house: House) -> None:
    """Loaded meanwhile, it takes no lock and makes no folder before it may (P28)."""
    seen: list[bool] = []

    def meanwhile() -> None:
        until(lambda: _loaded(house), what="a keeper that waits")
        seen.append(os.path.exists(house.paths.state) or os.path.exists(house.paths.run))

    pid = detach.start_detached(house.argv, dict(os.environ), PATIENCE, meanwhile)
    try:
        assert seen == [False]
        assert pid == keeper_pid(house)
    finally:
        house.connect().call("quit")
        until(lambda: not alive(pid))


def test_it_never_begins_when_its_starter_thinks_better_of_it(house: House) -> None:
    """What the starter met with is raised there; the keeper ends and has left no trace (S33)."""

    def meanwhile() -> None:
        until(lambda: _loaded(house), what="a keeper that waits")
        raise LookupError("no such thing")

    with pytest.raises(LookupError):
        detach.start_detached(house.argv, dict(os.environ), PATIENCE, meanwhile)
    until(lambda: not _loaded(house), what="the end of the keeper")
    assert not os.path.exists(house.paths.state) and not os.path.exists(house.paths.run)


def _loaded(house: House) -> list[psutil.Process]:
    """Keepers of this house that are about to begin: detached, with their own name for it."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == "/" and house.paths.state in (process.info["cmdline"] or ())
    ]


def test_a_closed_terminal_does_not_end_it(house: House) -> None:
    """HUP means nothing to it (S32)."""
    client = house.start()
    assert house.keeper is not None
    house.keeper.send_signal(signal.SIGHUP)
    client.settle(0.1)
    assert client.call("list") == {"runs": []}


def test_a_second_one_gives_way_quietly(house: House) -> None:
    """It finds the first answering, names its pid as the one that does the work, and starts nothing (S2)."""
    client = house.start()
    assert house.keeper is not None
    assert detach.start_detached(house.argv, dict(os.environ)) == house.keeper.pid
    assert client.call("list") == {"runs": []}


def test_of_twenty_starters_one_wins_and_all_succeed(house: House) -> None:
    """Twenty at once: one keeper, and everybody is told the same pid (S2, S72)."""
    processes = [subprocess.Popen(house.argv) for _ in range(20)]
    try:
        until(lambda: len([process for process in processes if process.poll() is None]) == 1)
    finally:
        running = [process for process in processes if process.poll() is None]
        for process in running[1:]:
            process.kill()
        house.keeper = running[0]
    assert all(process.returncode == 0 for process in processes if process is not house.keeper)
    assert house.connect().hello["pid"] == house.keeper.pid


def test_a_lock_held_by_one_that_does_not_answer_is_an_error_that_says_so(house: House) -> None:
    """After two seconds of waiting the starter is told who holds what."""
    os.makedirs(house.paths.state)
    os.makedirs(house.paths.run, mode=0o700, exist_ok=True)
    Path(house.paths.keeper_endpoint.removeprefix("unix:")).touch()  # there, and nobody listens
    lock = locks.Lock(house.paths.keeper_lock)
    assert lock.take()
    try:
        with pytest.raises(detach.StartFailed, match=r"keeper\.lock"):
            detach.start_detached(house.argv, dict(os.environ))
    finally:
        lock.release()


def test_a_lock_that_is_freed_in_time_is_waited_for(house: House) -> None:
    """Somebody's mere look at the lock, or a keeper that is just leaving, does not make a start fail."""
    os.makedirs(house.paths.state)
    lock = locks.Lock(house.paths.keeper_lock)
    assert lock.take()
    keeper = house.keeper = subprocess.Popen(house.argv)
    until(lambda: os.path.isdir(house.paths.run), what="a keeper that is about to take its locks")
    time.sleep(0.1)
    assert keeper.poll() is None
    lock.release()
    assert house.connect().hello["pid"] == keeper.pid


def test_a_project_that_cannot_be_written_is_an_error_that_says_what_to_do(house: House) -> None:
    """A file in the place of the folder (as root no folder is read-only): the reason reaches the starter."""
    Path(house.paths.state).write_text("")
    with pytest.raises(detach.StartFailed, match="ROOST_STATE_DIR"):
        detach.start_detached(house.argv, dict(os.environ))


@pytest.mark.skipif(os.getuid() != 0, reason="gives the folder to another user")
def test_a_run_folder_of_somebody_else_is_refused(house: House) -> None:
    """A folder that another user prepared in /tmp is not moved into (P18)."""
    os.makedirs(house.paths.run)
    os.chown(house.paths.run, 65534, 65534)
    with pytest.raises(detach.StartFailed, match="belongs to"):
        detach.start_detached(house.argv, dict(os.environ))


def test_its_folders_and_its_socket_are_the_owners_alone(house: House) -> None:
    """0700, 0600, and a .gitignore that keeps the state out of every repository (S36, P18)."""
    house.start()
    for path, mode in ((house.paths.state, 0o700), (house.paths.run, 0o700), (house.socket, 0o600)):
        assert os.stat(path).st_mode & 0o777 == mode
    assert (Path(house.paths.state) / ".gitignore").read_text() == "*\n"


@pytest.mark.skipif(os.getuid() != 0, reason="connects as another user")
def test_another_user_is_not_answered(house: House) -> None:
    """The peer's user number is checked beside the file mode (P18)."""
    house.start()
    folders = [house.paths.run, *list(map(str, Path(house.paths.run).parents))[:-2]]
    code = f"""
import os, socket
s = socket.socket(socket.AF_UNIX); s.settimeout(60)
while True:
    os.chmod({house.socket!r}, 0o666)
    for folder in {folders!r}: os.chmod(folder, os.stat(folder).st_mode | 0o755)
    os.seteuid(65534)
    try: s.connect({house.socket!r})
    except PermissionError: os.seteuid(0)  # the keeper has just looked after its folder
    else: break
try: s.sendall(b'{{"id":1,"verb":"list"}}\\n'); print(s.recv(100))
except OSError: print(b"")
"""
    assert subprocess.run(python(code), capture_output=True, check=True).stdout == b"b''\n"


# -- the daemon ------------------------------------------------------------------------------------------


def test_the_daemon_is_started_again_on_a_ladder(house: House, tmp_path: Path) -> None:
    """At once the first time, after a second the next; the keeper says how often and how the last one ended (P7)."""
    path = tmp_path / "times"
    code = f"import time; open({str(path)!r}, 'a').write('%f\\n' % time.monotonic()); raise SystemExit(3)"
    client = house.start(daemon=python(code))
    until(lambda: path.exists() and path.read_text().count("\n") >= 3)
    _, second, third = map(float, path.read_text().split()[:3])
    assert third - second > 0.8
    daemon = until(lambda: (facts := house.connect("doctor").hello["daemon"])["restarts"] >= 3 and facts)
    assert daemon["last_exit"]["code"] == 3
    said = re.findall(r"started again in (\S+) s", Path(house.paths.keeper_log).read_text())
    assert said[:2] == ["0", "1"]
    del client


def test_a_killed_daemon_is_back_in_no_time_and_components_go_on(house: House, tmp_path: Path) -> None:
    """The first restart comes at once, with the components' pids unchanged (P1)."""
    path = tmp_path / "pids"
    client = house.start(daemon=python(WRITES_PID.format(path=str(path), rest="time.sleep(60)")))
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    first = int(until(lambda: path.exists() and path.read_text()))
    os.kill(first, signal.SIGKILL)
    until(lambda: path.read_text().count("\n") == 2)
    assert alive(pid)


def test_the_daemon_gets_the_base_environment_and_a_log_for_its_last_words(
    house: House, tmp_path: Path
) -> None:
    """It inherits what the keeper was started with, or what `environ` gave since; stderr is daemon.log."""
    path = tmp_path / "env"
    code = f"import os, sys; open({str(path)!r}, 'w').write(os.environ['BASE']); sys.exit('last words')"
    client = house.start(daemon=python(code), env={**os.environ, "BASE": "first"})
    until(lambda: path.exists() and path.read_text() == "first")
    client.call("environ", env={"BASE": "second"}, environment="replaced")
    until(lambda: path.read_text() == "second")
    assert house.connect("doctor").hello["environment"] == "replaced"
    assert "last words" in Path(house.paths.daemon_log).read_text()


def test_the_daemon_can_be_replaced_by_another_program(house: House, tmp_path: Path) -> None:
    """`daemon` with a new command line: the old one is ended, the new one runs, components do not notice (P6)."""
    path = tmp_path / "pids"
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    client.call("daemon", argv=python(WRITES_PID.format(path=str(path), rest="time.sleep(60)")))
    until(lambda: path.exists() and path.read_text())
    assert alive(pid)


# -- the end ---------------------------------------------------------------------------------------------


def test_term_is_passed_to_the_daemon(house: House) -> None:
    """A connected daemon hears `terminate` and has it in hand; a later one hears it again (S58)."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sleep", "60"])
    assert house.keeper is not None
    house.keeper.send_signal(signal.SIGTERM)
    client.event("terminate")
    second = house.connect()
    second.event("terminate")
    assert second.call("list")["runs"][0]["stopping"] is False


def test_a_second_term_ends_everything_without_a_daemon(house: House) -> None:
    """Each run is stopped as its own settings say, then keeper and daemon go; nothing of ours is left (S48)."""
    client = house.start()
    pids = [
        house.spawn(
            client,
            name,
            ["/bin/sh", "-c", f"trap '{trap}' INT; echo up; while :; do sleep .02; done"],
            stop={"signal": "INT", "timeout": seconds, "leftovers": "end"},
        )
        for name, trap, seconds in (("nice", "echo bye; exit", 60), ("stubborn", "", 0.5))
    ]
    assert house.keeper is not None
    until(lambda: house.log("nice") == house.log("stubborn") == b"up\n")
    house.keeper.send_signal(signal.SIGTERM)
    client.event("terminate")
    house.keeper.send_signal(signal.SIGTERM)
    assert house.keeper.wait(PATIENCE) == 0
    assert not any(alive(result["pid"]) for result in pids)
    assert house.log("nice") == b"up\nbye\n"
    assert os.listdir(house.paths.run) == ["keeper.lock"]


def test_with_no_daemon_a_single_term_is_enough(house: House) -> None:
    """Nobody connected within five seconds: the keeper does it alone, and removes what the daemon left."""
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    assert house.keeper is not None
    daemon = next(child for child in _children(house.keeper.pid) if child != pid)
    Path(house.paths.daemon_json).write_text(json.dumps({"pid": daemon}))
    Path(house.paths.daemon_pid).write_text(str(daemon))
    client.close()
    house.keeper.send_signal(signal.SIGTERM)
    assert house.keeper.wait(PATIENCE) == 0
    assert not alive(pid)
    assert not os.path.exists(house.paths.daemon_json)
    assert not os.path.exists(house.paths.daemon_pid)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# -- its place -------------------------------------------------------------------------------------------


def test_what_is_deleted_under_it_is_made_anew(house: House) -> None:
    """`rm -rf .roost` and the run folder: by its next look both are back, locked, and it answers (P3b)."""
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    assert house.keeper is not None
    for folder in (house.paths.state, house.paths.run):  # while the keeper may be writing in it
        until(lambda folder=folder: shutil.rmtree(folder, ignore_errors=True) or not os.path.exists(folder))
    until(lambda: os.path.exists(house.socket))
    again = house.connect()
    assert again.hello["pid"] == house.keeper.pid
    assert [run["pid"] for run in again.hello["runs"]] == [pid]
    assert locks.is_held(house.paths.keeper_lock)
    assert locks.is_held(house.paths.keeper_lock_copy)
    house.spawn(again, "other", ["/bin/echo", "hello"])
    again.event("exited", "other")
    assert house.log("other") == b"hello\n"
    assert detach.start_detached(house.argv, dict(os.environ)) == house.keeper.pid


def test_a_moved_project_is_not_made_anew_in_its_old_place(house: House) -> None:
    """After `mv` the old folder does not come back (P3b)."""
    client = house.start()
    assert house.keeper is not None
    os.rename(house.paths.root, house.paths.root + "-moved")
    time.sleep(5.5)
    assert not os.path.exists(house.paths.root)
    assert client.call("list") == {"runs": []}


def test_it_needs_none_of_its_files_once_it_runs(house: House, tmp_path: Path) -> None:
    """After an upgrade they may be gone: everything is imported at the start (P6)."""
    house.package = tmp_path / "package" / "roost"
    shutil.copytree(PACKAGE, house.package, ignore=shutil.ignore_patterns("__pycache__"))
    client = house.start()
    shutil.rmtree(tmp_path / "package")
    script = "setsid sleep 50 & (trap '' TERM; sleep 51; :) & echo up; sleep .2; kill -SEGV $$"
    house.spawn(client, "api", ["/bin/sh", "-c", script], log={"max_size": 1, "max_files": 1})
    assert client.event("exited", "api")["signal"] == "SEGV"
    client.event("leftovers", "api")
    client.event("drained", "api")
    with pytest.raises(WireFailed):
        house.spawn(client, "bad", ["no-such-program"])
    assert house.keeper is not None
    house.keeper.send_signal(signal.SIGTERM)
    client.event("terminate")
    house.keeper.send_signal(signal.SIGTERM)
    assert house.keeper.wait(PATIENCE) == 0
    assert "mistake" not in Path(house.paths.keeper_log).read_text()


def test_it_imports_nothing_heavy() -> None:
    """What would cost megabytes and milliseconds stays out (P25)."""
    heavy = {"asyncio", "subprocess", "dataclasses", "typing", "logging", "hashlib", "msgspec", "shutil"}
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        "from roost.keeper import main\n"
        f"print(sorted(name for name in sys.modules if name in {heavy!r}))\n"
    )
    done = subprocess.run(python(code), capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
