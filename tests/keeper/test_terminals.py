"""`tty: true`: a component with a real terminal, which outlives the keeper that made it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from keeper.harness import HANDOVER, PATIENCE, House, WireClient, WireFailed, python, until
from roost.platform import terminals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals on Windows")

SHOW = """
import os, sys, time
print("tty", os.isatty(0), os.isatty(1), os.isatty(2), os.ttyname(0) == os.ttyname(1))
fd = os.open("/dev/tty", os.O_RDWR); os.write(fd, b"mine\\n")
print("leads", os.getsid(0) == os.getpid(), os.tcgetpgrp(0) == os.getpid(), flush=True)
print("size", os.get_terminal_size(), flush=True)
"""
ECHO = 'while read -r line; do echo "got $line"; done'


def terminal_of(client: WireClient, house: House, name: str, argv: list[str], **more: Any) -> int:
    """Spawn with a terminal; the master, as the daemon gets it."""
    before = len(client.fds)
    house.spawn(client, name, argv, tty=True, **more)
    fds = client.fds[before:]
    (master,) = [fd for fd in fds if os.isatty(fd)]
    return master


def logged(house: House, name: str, text: bytes, timeout: float = PATIENCE) -> bytes:
    until(lambda: text in house.log(name), timeout, what=f"{text!r} in the log")
    return house.log(name)


def test_the_session_has_the_terminal_as_its_own(house: House) -> None:
    """Descriptors 0, 1, 2 and /dev/tty are one terminal; its size is known; the output is one stream."""
    client = house.start()
    terminal_of(client, house, "api", python(SHOW))
    exited = client.event("exited", "api")
    assert exited["code"] == 0
    text = house.log("api")
    assert b"tty True True True True\r\n" in text and b"mine\r\n" in text
    assert b"leads True True\r\n" in text
    assert b"columns=80, lines=24" in text
    assert {record[3] for record in house.index("api")} == {0}
    client.event("drained", "api")


def test_what_is_typed_arrives_and_ctrl_c_ends_it(house: House) -> None:
    """Input is the terminal's: echoed, line by line; Ctrl-C is SIGINT for the foreground."""
    client = house.start()
    master = terminal_of(client, house, "api", ["/bin/sh", "-c", ECHO])
    os.write(master, b"one\n")
    logged(house, "api", b"one\r\ngot one\r\n")
    terminals.resize(master, 100, 30)
    assert terminals.size_of(master) == (100, 30)
    os.write(master, b"\x03")
    assert client.event("exited", "api")["signal"] == "INT"


def test_every_byte_comes_before_the_exit(house: House) -> None:
    """S65: 3 MB of numbered lines are all in the log when `exited` is told."""
    client = house.start()
    lines = 30_000
    code = f"import sys\nfor n in range({lines}): sys.stdout.write(f'{{n:08d}} ' + 'x' * 90 + '\\n')"
    terminal_of(client, house, "api", python(code))
    client.event("exited", "api")
    text = house.log("api").splitlines()
    assert [int(line[:8]) for line in text] == list(range(lines))


def test_a_program_that_cannot_be_started_says_why(house: House) -> None:
    """A missing program, a text that is none, and nothing is left open."""
    client = house.start()
    with pytest.raises(WireFailed, match="there is no program nope"):
        house.spawn(client, "api", ["nope"], tty=True)
    script = Path(house.paths.root, "script")
    script.write_bytes(b"\x7fELF rubbish")
    script.chmod(0o755)
    with pytest.raises(WireFailed, match="neither a binary of this machine"):
        house.spawn(client, "api", [str(script)], tty=True)
    assert not [name for name in os.listdir(house.paths.run) if name.endswith(".tty")]


COUNT = """
import sys, time, signal
signal.signal(signal.SIGHUP, lambda *_: print("HUNG UP", flush=True))
for n in range(400):
    print(f"{n:06d}", flush=True); time.sleep(0.005)
print("done", flush=True)
time.sleep(3600)
"""


def test_a_killed_keeper_hangs_nothing_up(house: House) -> None:
    """P2: the next keeper regains the terminal from the component itself; no line is lost, input goes on."""
    client = house.start()
    terminal_of(client, house, "api", python(COUNT))
    logged(house, "api", b"000050")
    client.close()  # nobody else has the master either: as when the daemon was killed, too
    house.kill_keeper()
    time.sleep(0.3)
    client = house.start()
    event = client.event("ends", "api")
    assert "terminal" in event
    text = logged(house, "api", b"done\r\n")
    assert text.splitlines() == [b"%06d" % n for n in range(400)] + [b"done"]
    (run,) = client.call("list")["runs"]
    assert run["terminal"] and run["adopted"] and not run["ended"]
    master = client.fds[-2]
    os.write(master, b"\x03")
    assert client.event("exited", "api")["name"] == "api"


def test_a_flood_survives_ten_kills_of_the_keeper(house: House) -> None:
    """P2: with nobody else holding the terminal not one of 40,000 lines is lost or torn."""
    code = """
import sys
for n in range(40000): sys.stdout.write(f"{n:08d} " + "x" * 50 + "\\n")
sys.stdout.flush()
import time; time.sleep(3600)
"""
    client = house.start()
    terminal_of(client, house, "api", python(code), log={"max_size": 100_000_000, "max_files": 2})
    for _ in range(10):
        size = len(house.log("api"))
        until(lambda size=size: len(house.log("api")) > size or house.log("api").count(b"\n") == 40000)
        client.close()
        house.kill_keeper()
        client = house.start()
    until(lambda: house.log("api").count(b"\n") >= 40000)
    assert [int(line[:8]) for line in house.log("api").splitlines()] == list(range(40000))


def test_a_terminal_that_is_handed_over_is_read_on(house: House) -> None:
    """The daemon of a killed keeper gives the master to the next one; the last words of what ended come first."""
    closing = "import os, sys\nos.close(21)\n"  # as a program does that closes what it does not know
    code = closing + "print('begun', flush=True); sys.stdin.readline(); print('last words'); sys.exit(7)"
    client = house.start()
    master = os.dup(terminal_of(client, house, "api", python(code)))
    logged(house, "api", b"begun")
    client.close()
    house.kill_keeper()
    client = house.start(env=HANDOVER)
    os.write(master, b"go\n")
    house.connect(role="doctor").give("terminal", [master], name="api", run=1)
    assert client.event("exited", "api")["name"] == "api"
    assert b"last words\r\n" in house.log("api")
    os.close(master)


def test_a_terminal_that_nobody_has_is_told_as_lost(house: House) -> None:
    """Both killed, and the component had closed its own master: it is hung up, as the system has it."""
    code = "import os, time\nos.close(21)\nprint('begun', flush=True)\ntime.sleep(3600)"
    client = house.start()
    terminal_of(client, house, "api", python(code))
    logged(house, "api", b"begun")
    client.close()
    house.kill_keeper()
    client = house.start()
    assert client.event("exited", "api")["name"] == "api"


def test_a_terminal_that_cannot_be_regained_is_told_and_the_component_lives(house: House) -> None:
    """Where the system does not let the next keeper have it (here: under another number), it says so."""
    code = "import os, time\nos.dup2(21, 30)\nos.close(21)\nprint('begun', flush=True)\ntime.sleep(3600)"
    client = house.start()
    terminal_of(client, house, "api", python(code))
    logged(house, "api", b"begun")
    client.close()
    house.kill_keeper()
    client = house.start()
    assert client.event("terminal_lost", "api")["run"] == 1
    (run,) = client.call("list")["runs"]
    assert (run["ended"], run["terminal"]) == (False, True)
    client.call("stop", name="api", run=1, signal="KILL", kill_after=1)
    client.event("exited", "api")


def test_what_is_no_terminal_is_not_taken_for_one(house: House) -> None:
    """A verb without its descriptor, with another one, and for a run that needs none."""
    client = house.start()
    with pytest.raises(WireFailed, match="the terminal itself is missing"):
        client.call("terminal", name="api", run=1)
    with open(os.devnull, "rb") as null, pytest.raises(WireFailed, match="no terminal"):
        client.give("terminal", [null.fileno()], name="api", run=1)
    master, slave = os.openpty()
    client.give("terminal", [master], name="api", run=1)  # nobody waits for it: it is closed
    os.close(master)
    with pytest.raises(OSError, match="Input/output"):
        os.write(slave, b"x")
    os.close(slave)
    assert client.call("list") == {"runs": []}
