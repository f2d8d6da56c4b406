"""Many components, as a user who is not root: his pipes share a small allowance (D9, P26)."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve()
COMPONENTS = 450
DESCRIPTORS = 4096
DRIVER = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sys.path[:0] = {paths!r}
from pathlib import Path
from keeper.harness import house_in, until
with house_in(Path({folder!r})) as house:
    client = house.start()
    script = "echo up; head -c 10000 /dev/zero | tr '\\\\0' x; echo; exec sleep 60"
    for number in range({components}):
        house.spawn(client, "c%d" % number, ["/bin/sh", "-c", script])
    for number in range({components}):
        until(lambda: len(house.log("c%d" % number)) == 10004, timeout=120)
    for number in range({components}):
        client.send("stop", name="c%d" % number, run=1, signal="KILL", kill_after=1)
    for number in range({components}):
        client.event("drained", "c%d" % number, timeout=120)
    print("all", len({{event["name"] for event in client.events if event["event"] == "exited"}}))
"""


def interpreter_for_all() -> str | None:
    """A Python that another user may execute, too."""
    for candidate in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        parents = Path(candidate).parents
        if os.path.exists(candidate) and all(folder.stat().st_mode & 0o001 for folder in parents):
            return candidate
    return None


TERMINAL = """
import sys
sys.path[:0] = {paths!r}
import os, time
from pathlib import Path
from typing import Any
from keeper.harness import house_in, python, until
with house_in(Path({folder!r})) as house:
    client = house.start()
    code = "import sys\\nfor line in sys.stdin: print('got', line, flush=True)"
    pid = house.spawn(client, "api", python(code), tty=True)["pid"]
    client.close()
    house.kill_keeper()
    client = house.start()
    until(lambda: any("terminal" in event or event["event"] == "terminal_lost" for event in client.events)
          or client.settle(0.05))
    (event,) = [event for event in client.events if event["event"] in ("ends", "terminal_lost") and
                ("terminal" in event or event["event"] == "terminal_lost")]
    if event["event"] == "ends":
        os.write(client.fds[event["terminal"]], b"words\\n")
        until(lambda: b"got words" in house.log("api"))
    (run,) = client.call("list")["runs"]
    print(event["event"], run["pid"] == pid and not run["ended"])
"""


def run_as_nobody(driver: str, **filled: int) -> subprocess.CompletedProcess[str]:
    """A driver as an ordinary user, with a folder of his."""
    python = interpreter_for_all()
    if python is None:
        pytest.skip("no Python here that an ordinary user may execute")
    folder = tempfile.mkdtemp()
    identity: dict[str, Any] = {}
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
        identity = {"user": 65534, "group": 65534, "extra_groups": []}
    paths = [str(HERE.parents[1]), str(HERE.parents[2] / "daemon")]
    try:
        return subprocess.run(
            [python, "-c", driver.format(paths=paths, folder=folder, **filled)],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            **identity,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_hundreds_of_components_of_an_ordinary_user_all_write_and_end() -> None:
    """Beyond 400 pipes are made smaller, so that none is refused or crippled (D9, P26)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"not more than {hard} descriptors here")
    done = run_as_nobody(DRIVER, components=COMPONENTS, descriptors=DESCRIPTORS)
    assert (done.stdout, done.stderr[-2000:]) == (f"all {COMPONENTS}\n", "")


def test_an_ordinary_users_terminal_outlives_keeper_and_daemon() -> None:
    """P2: it is regained from the component, or, where processes are guarded from each other (Yama), told as lost."""
    done = run_as_nobody(TERMINAL)
    guard = Path("/proc/sys/kernel/yama/ptrace_scope")
    guarded = sys.platform != "linux" or (guard.exists() and guard.read_text().strip() != "0")
    wanted = "terminal_lost" if guarded else "ends"
    assert (done.stdout, done.stderr[-2000:]) == (f"{wanted} True\n", "")
