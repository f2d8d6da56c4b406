"""`tty: true` and `roost attach`: a real terminal over the interface, whoever is killed meanwhile."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import sys
from typing import Any

import pytest

import roost
from e2e.harness import SOON, ProjectUnderTest, command_line, eventually, need, program
from e2e.panes import Pane
from roost.api import types as t

pytestmark = pytest.mark.skipif(os.name != "posix", reason="components have no terminal on Windows")


def typist(project: ProjectUnderTest, **more: Any) -> None:
    """A project whose one component reads and writes at a terminal, and is up."""
    project.components(api={"run": program("typist"), "tty": True, **more}, plain={"run": ["sleep", "3600"]})
    project.up()
    eventually(lambda: b"typist ready True" in project.log_bytes("api"), what="one that hears")


def settings(pane: Pane, project: ProjectUnderTest, marker: str) -> str:
    """How the person's terminal is set, as `stty` writes it: whole, for a screen may be seen half drawn."""
    told = project.root / f"{marker}.stty"
    pane.line(f"stty -g >{marker}.part && mv {marker}.part {told.name}")
    eventually(told.exists, what=f"the settings in {told.name}")
    return told.read_text().strip()


def heard_again(pane: Pane) -> list[str]:
    """Type until something is heard (what is typed in the very moment of a death may be lost): all that was typed."""
    typed: list[str] = []

    def heard() -> bool:
        typed.append(f"after {len(typed)}")
        pane.line(typed[-1])
        with contextlib.suppress(AssertionError):
            return bool(pane.see(f"heard {typed[-1]}", timeout=5))
        return False

    eventually(heard, what="an answer to what is typed")
    return typed


def test_typing_ctrl_c_and_leaving(project: ProjectUnderTest) -> None:
    """What is typed arrives, Ctrl-C is the component's, Ctrl-] leaves it running and the terminal as it was."""
    typist(project)
    before = project.component("api")["pid"]
    with Pane(project) as pane:
        old = settings(pane, project, "old")
        pane.line("roost attach api; echo left $?")
        pane.see("this is the terminal of api")
        pane.see("typist ready True")
        pane.line("hello")
        pane.see("heard hello")
        pane.keys("C-c")
        pane.see("interrupted")
        pane.keys("C-]")
        pane.see("left 0")
        assert settings(pane, project, "new") == old
    assert project.component("api")["pid"] == before
    assert b"heard hello\r\n" in project.log_bytes("api")
    (entry,) = [
        one for one in project.roost("logs", "api", "--json").json_lines if one["text"] == "heard hello"
    ]
    assert entry["stream"] is None


def test_the_size_follows_the_window(project: ProjectUnderTest) -> None:
    """The terminal gets the size of the writer's window, then and whenever it changes."""
    typist(project)
    with Pane(project, columns=91, rows=21) as pane:
        pane.line("roost attach api")
        pane.see("size 91x21")
        pane.resize(70, 30)
        pane.see("size 70x30")
        pane.keys("C-]")
        pane.see("left api, which goes on")


def test_a_debugger(project: ProjectUnderTest) -> None:
    """pdb with its prompt, line editing and history; the run's end is told with its reason."""
    project.file(
        "buggy.py", "def half(n):\n    breakpoint()\n    return n / 2\n\nprint('half of 84 is', half(84))\n"
    )
    project.components(
        dbg={"run": [sys.executable, "buggy.py"], "tty": True, "restart": "never", "type": "task"}
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_state("dbg", "running")
    with Pane(project) as pane:
        pane.line("roost attach dbg; echo left $?")
        pane.see("(Pdb)")
        pane.line("p n * 1000")
        pane.see("84000")
        pane.line("!n = 10")
        pane.line("c")
        pane.see("half of 84 is 5.0")
        pane.see("left 0")
    assert project.wait_state("dbg", "completed")["last_exit"]["code"] == 0


def test_an_editor(project: ProjectUnderTest) -> None:
    """vim: the whole screen, a late comer sees it, the file is written, and no mode of it stays behind."""
    vim = need("vim")
    project.components(
        ed={"run": [vim, "-u", "NONE", "-i", "NONE", "-n", "note.txt"], "tty": True, "env": {"TERM": "xterm"}}
    )
    project.up()
    with Pane(project) as pane:
        pane.line("roost attach ed; echo left $?")
        pane.see("~")
        pane.type("ione, two")
        pane.see("one, two")
        assert pane.is_alternate()
        pane.keys("C-]")
        pane.see("left 0")
        assert not pane.is_alternate()
        pane.wipe()
        pane.line("roost attach ed; echo left $?")
        pane.see("one, two")
        pane.see("~")  # the picture, not only the words
        pane.resize(100, 30)
        eventually(lambda: pane.shown().count("~") > 24, what="a picture of the new size")
        pane.keys("Escape")
        pane.line(":set columns? lines?")
        pane.see("columns=100")
        pane.line(":x")
        pane.see("left 0")
    assert (project.root / "note.txt").read_text() == "one, two\n"


def test_a_second_one_watches(project: ProjectUnderTest) -> None:
    """One types, the other is told that it watches; when the first has left, the next who comes types."""
    typist(project)
    with Pane(project, "one") as one, Pane(project, "two") as two:
        one.line("roost attach api")
        one.see("this is the terminal of api")
        two.line("roost attach api; echo left $?")
        two.see("somebody else types at api; you watch")
        two.line("nobody hears this")
        one.line("from one")
        two.see("heard from one")
        one.keys("C-]")
        one.see("left api")
        two.keys("C-]")
        two.see("left 0")
        two.line("roost attach api")
        two.see("this is the terminal of api")
        two.line("from two")
        two.see("heard from two")
        two.keys("C-]")
        two.see("left api")
    assert b"nobody hears" not in project.log_bytes("api")


def test_who_says_that_he_left_has_left(project: ProjectUnderTest) -> None:
    """The place of the writer is free before it is said, however long the saying takes."""
    typist(project)
    master, slave = os.openpty()
    told, telling = os.pipe()
    leaving = project.start_roost("attach", "api", stdin=slave, stdout=slave, stderr=telling)
    os.close(slave)
    try:
        heard = b""
        while b"this is the terminal of api" not in heard:
            heard += os.read(told, 4096)
        os.set_blocking(telling, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(telling, b"x" * 512)  # from now on nobody can be told anything
        os.set_blocking(telling, True)
        os.write(master, b"\x1d")

        def may_type() -> bool:
            with roost.Client(project.root) as client, client.component_attach("api") as stream:
                first = next(stream)
                assert isinstance(first, t.TerminalAttached)
                return first.terminal is not None

        eventually(may_type, timeout=SOON, what="the place of the writer")
        assert leaving.poll() is None
    finally:
        leaving.kill()
        leaving.wait()
        for fd in (master, told, telling):
            os.close(fd)


@pytest.mark.parametrize("victim", [":daemon", ":keeper"])
def test_killed_while_somebody_is_attached(project: ProjectUnderTest, victim: str) -> None:
    """P1, P2: the component is not hung up, and attach goes on with the next daemon, no byte missing."""
    typist(project)
    before = project.pids()
    with Pane(project) as pane:
        pane.line("roost attach api; echo left $?")
        pane.see("this is the terminal of api")
        pane.line("before")
        pane.see("heard before")
        project.kill(project.pids()[victim])
        project.wait_for(lambda it: it["daemon"]["pid"] not in (None, before[":daemon"]))
        typed = heard_again(pane)
        pane.line("count 3")
        pane.see("counted")
        pane.keys("C-]")
        pane.see("left 0")
    assert project.component("api")["pid"] == before["api"]
    log = project.log_bytes("api")
    assert all(log.count(b"heard %s\r\n" % word.encode()) <= 1 for word in typed) and b"hung up" not in log


def test_both_killed_while_somebody_is_attached(project: ProjectUnderTest) -> None:
    """P2: attach says so and gives the terminal back; the component is not hung up, and `up` finds it again."""
    typist(project)
    pids = project.pids()
    with Pane(project) as pane:
        old = settings(pane, project, "old")
        pane.line("roost attach api; echo left $?")
        pane.see("this is the terminal of api")
        pane.line("before")
        pane.see("heard before")
        project.kill_both()
        pane.see("left 3")
        assert "roost up" in pane.shown()
        assert settings(pane, project, "new") == old
        project.up()
        assert project.component("api")["pid"] == pids["api"]
        pane.line("roost attach api; echo left again $?")
        pane.line("after")
        pane.see("heard after")
        pane.keys("C-]")
        pane.see("left again 0")
    assert b"hung up" not in project.log_bytes("api")


def test_attach_that_is_ended_gives_the_terminal_back(project: ProjectUnderTest) -> None:
    """SIGTERM to `attach`: the person's terminal is set as before, the component goes on."""
    typist(project)
    with Pane(project) as pane:
        old = settings(pane, project, "old")
        pane.line("roost attach api & echo pid=$!; fg; echo left $?")
        pane.see("typist ready")
        found = re.search(r"pid=(\d+)", pane.shown())
        assert found is not None
        project.kill(project.learn(int(found[1])), 15)
        pane.see("left 143")
        assert settings(pane, project, "new") == old
    assert project.component("api")["state"] == "running"


def test_what_is_no_terminal_is_refused_with_what_to_do(project: ProjectUnderTest) -> None:
    """No terminal of ours, no terminal of the component, not running, no such component: each says so."""
    typist(project)
    done = project.roost("attach", "api")
    assert (done.code, "roost logs -f --raw api" in done.err) == (2, True)
    project.roost("stop", "api", check=True)
    with Pane(project) as pane:
        pane.line("roost attach plain; echo left $?")
        pane.see("plain has no terminal")
        pane.see("left 1")
        pane.wipe()
        pane.line("roost attach api; echo left $?")
        pane.see("api is not running")
        pane.see("left 1")
        pane.line("roost attach nobody; echo left $?")
        pane.see("left 4")


def test_exec_from_a_terminal_has_one(project: ProjectUnderTest) -> None:
    """`roost exec` from a terminal: a terminal of its own, its size, Ctrl-C, the exit code; else none."""
    typist(project)
    with Pane(project, columns=77, rows=20) as pane:
        pane.line(
            "roost exec plain -- sh -c 'stty size; read x; echo got $x $ROOST_COMPONENT; exit 5'; echo left $?"
        )
        pane.see("20 77")
        pane.line("words")
        pane.see("got words plain")
        pane.see("left 5")
        pane.wipe()
        pane.line("roost exec plain -- sleep 1000; echo left $?")
        eventually(lambda: ["sleep", "1000"] in map(command_line, project.leftovers()), what="the command")
        pane.keys("C-c")
        pane.see("left 130")
    assert project.roost("exec", "plain", "--", "tty").out == "not a tty\n"


# -- over the interface -----------------------------------------------------------------------------------


def test_a_program_can_attach_and_type(project: ProjectUnderTest) -> None:
    """`component.attach`, `terminal.write`, `terminal.resize` with the typed client; one writer at a time."""
    typist(project)
    with roost.Client(project.root) as client, client.component_attach("api") as stream:
        first = next(stream)
        assert isinstance(first, t.TerminalAttached) and first.run == 1 and first.terminal is not None
        with client.component_attach("api", columns=10, rows=10) as second:
            other = next(second)
            assert isinstance(other, t.TerminalAttached) and other.terminal is None
        client.terminal_resize(first.terminal, 60, 15)
        client.terminal_write(first.terminal, b"hello\nend 0\n")
        seen, reason = b"", ""
        for item in stream:
            if isinstance(item, t.TerminalOutput):
                seen += item.data
            elif isinstance(item, t.TerminalEnded):
                reason = item.reason
                break
        assert b"size 60x15\r\n" in seen and b"heard hello\r\n" in seen
        assert reason
        with pytest.raises(roost.RoostError, match="no terminal that is open"):
            client.terminal_write(first.terminal, b"x")


def test_a_slow_watcher_holds_up_nobody_and_misses_nothing(project: ProjectUnderTest) -> None:
    """P12: one who does not read; the component writes 4 MB, others type, and then he gets every byte."""
    typist(project, log={"max_size": "100MB"})
    endpoint = json.loads((project.state / "daemon.json").read_text())["endpoint"].removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as slow, roost.Client(project.root) as client:
        slow.connect(endpoint)
        request = {"jsonrpc": "2.0", "id": 1, "method": "component.attach"}
        slow.sendall(json.dumps({**request, "params": {"name": "api", "watch": True}}).encode() + b"\n")
        rest = slow.recv(1 << 16)  # the first word: now he watches
        with client.component_attach("api") as stream:
            first = next(stream)
            assert isinstance(first, t.TerminalAttached) and first.terminal is not None
            client.terminal_write(first.terminal, b"count 300000\n")
            seen = b""
            while b"counted\r\n" not in seen:
                item = next(stream)
                seen += item.data if isinstance(item, t.TerminalOutput) else b""
            assert client.ping().pong
        slow.settimeout(60)
        got = b""
        while b"counted\r\n" not in got:
            data = slow.recv(1 << 20)
            assert data, "cut off"
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                assert "lagged" not in message.get("params", {})
                if message.get("method") == "terminal.output":
                    got += base64.b64decode(message["params"]["data"])
    lines = [line for line in got.splitlines() if line.startswith(b"line ")]
    assert lines == [b"line %d" % n for n in range(300000)]


def test_what_makes_no_sense_is_refused(project: ProjectUnderTest) -> None:
    """P20: sizes, cursors, names and amounts that cannot be; the terminal goes on."""
    typist(project)
    with roost.Client(project.root) as client, client.component_attach("api") as stream:
        first = next(stream)
        assert isinstance(first, t.TerminalAttached) and first.terminal is not None
        for columns, rows in ((0, 10), (10, 0), (-1, 10), (1001, 10)):
            with pytest.raises(roost.RoostError, match=r"columns|rows"):
                client.terminal_resize(first.terminal, columns, rows)
        with pytest.raises(roost.RoostError, match="data"):
            client.terminal_write(first.terminal, b"x" * 70_000)
        with (
            pytest.raises(roost.RoostError, match="no cursor"),
            client.component_attach("api", cursor="nonsense"),
        ):
            pass
        with pytest.raises(roost.NoSuchComponent), client.component_attach("nobody"):
            pass
        client.terminal_write(first.terminal, b"still there\n")
        seen = b""
        while b"heard still there" not in seen:
            item = next(stream)
            seen += item.data if isinstance(item, t.TerminalOutput) else b""
