"""P2: the keeper is killed, alone or with its daemon, and every component goes on running and writing."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from typing import Any

import pytest

from e2e.harness import PATIENCE, ProjectUnderTest, eventually, is_running, program

SEED = int(os.environ.get("ROOST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
KILLS = int(os.environ.get("ROOST_KEEPER_KILLS", "8"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="on Windows a job object ends the components (P2)")


def answering(project: ProjectUnderTest, keeper: int) -> dict[str, Any] | None:
    """The status, if a daemon under another keeper than `keeper` answers."""
    done = project.roost("status", "--json", check=False)
    if done.code != 0:
        return None
    status: dict[str, Any] = json.loads(done.out)
    return status if status["daemon"]["keeper_pid"] != keeper else None


def counted(project: ProjectUnderTest, name: str, stream: str) -> list[int]:
    found = [re.fullmatch(rf"{stream} (\d+)", line) for line in project.log_lines(name)]
    return [int(match[1]) for match in found if match]


def chatty_stack(project: ProjectUnderTest) -> None:
    project.components(
        chatty={"run": program("counter", "--rate", 1500), "log": {"max_size": "200MB"}},
        quiet={"run": program("counter", "--rate", 3)},
        dependent={"run": program("counter", "--rate", 20), "depends_on": ["quiet"]},
    )


def assert_whole(project: ProjectUnderTest) -> None:
    for name in ("chatty", "quiet", "dependent"):
        for stream in ("out", "err"):
            seen = counted(project, name, stream)
            assert seen == list(range(1, len(seen) + 1)), f"{name} {stream}, seed {SEED}"


@pytest.mark.serial
def test_the_keeper_is_replaced_and_nobody_else_notices(project: ProjectUnderTest) -> None:
    """P2, P7, P12: same pids, no line lost or doubled, a new keeper and its daemon by themselves."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    chatty_stack(project)
    project.up()
    before = {name: pid for name, pid in project.pids().items() if not name.startswith(":")}
    for number in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.5))
        keeper = project.pids()[":keeper"]
        project.kill(keeper, signal.SIGKILL)
        status = eventually(lambda k=keeper: answering(project, k), what="a daemon under a new keeper")  # type: ignore[misc]
        pids = {one["name"]: one["pid"] for one in status["components"]}
        assert pids == before, f"kill {number}, seed {SEED}"
        assert {one["state"] for one in status["components"]} == {"running"}
    project.down()
    assert_whole(project)


@pytest.mark.serial
def test_both_are_killed_and_up_takes_over(project: ProjectUnderTest) -> None:
    """P2, S1, S72, S75: no manual cleanup, no second copy, no lost line."""
    chatty_stack(project)
    project.up()
    before = {name: pid for name, pid in project.pids().items() if not name.startswith(":")}
    for _ in range(3):
        project.kill_both()
        project.roost("status", check=3)
        project.up()
        after = {name: pid for name, pid in project.pids().items() if not name.startswith(":")}
        assert after == before
    project.down()
    assert_whole(project)


def test_what_ends_while_the_keeper_is_dead_is_known(project: ProjectUnderTest) -> None:
    """P2: its last words are in the log and, where the system tells (Linux 6.15), its code is known."""
    gate = project.file("gate", "")
    command = "echo begun; while [ -e gate ]; do sleep 0.02; done; echo last words; exit 7"
    project.components(
        mortal={"run": ["/bin/sh", "-c", command], "restart": "never"},
        other={"run": program("counter", "--rate", 1)},
    )
    project.up("--no-wait")
    project.wait_state("mortal", "running")
    project.kill(project.pids()[":keeper"], signal.SIGKILL)
    gate.unlink()
    mortal = project.wait_state("mortal", "failed")

    assert project.log_lines("mortal") == ["begun", "last words"]
    assert mortal["last_exit"]["known"] in (True, False)
    if mortal["last_exit"]["known"]:
        assert mortal["last_exit"]["code"] == 7


def test_a_component_can_be_stopped_and_restarted_after_the_takeover(project: ProjectUnderTest) -> None:
    """P2, P3: what was taken over is proved ours and obeys."""
    chatty_stack(project)
    project.up()
    keeper = project.pids()[":keeper"]
    project.kill(keeper, signal.SIGKILL)
    eventually(lambda: answering(project, keeper), what="a daemon under a new keeper")
    before = project.pids()["quiet"]
    project.roost("restart", "quiet", check=True)
    assert project.pids()["quiet"] != before
    project.roost("stop", "chatty", check=True)
    assert project.component("chatty")["state"] == "stopped"
    assert project.component("chatty")["last_exit"]["signal"] in (15, None)


def test_down_ends_all_though_both_are_killed_meanwhile(project: ProjectUnderTest) -> None:
    """S48, P2: while it waits for a component, keeper and daemon die: it brings them back, and all is ended."""
    stay = "trap '' TERM; echo begun; until test -e go; do sleep 0.05; done"
    project.components(a={"run": ["sh", "-c", stay], "stop": {"timeout": "100s"}})
    project.up()
    eventually(lambda: project.log_lines("a") == ["begun"], what="it is deaf to TERM")
    pid = project.pids()["a"]
    down = project.start_roost("down")
    try:
        assert down.stderr is not None and down.stderr.readline() == b"waiting for a\n"
        project.kill_both()
        project.wait_for(lambda status: status["daemon"]["running"], what="another daemon")
        assert is_running(pid)
        project.file("go", "")
        out, err = down.communicate(timeout=PATIENCE)
    finally:
        down.kill()
        down.communicate()
    assert (down.returncode, out) == (0, b"down: 1 component stopped\n"), err
    assert not is_running(pid) and not project.status()["daemon"]["running"]
