"""P1: the daemon is killed at random moments of a busy stack, and nothing but the daemon notices.

`ROOST_KILLS` sets the number of kills (CI: 25; the figure of the documentation: 100); a failure names the seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import statistics
import time
from datetime import datetime
from typing import Any

import pytest

from e2e.harness import SOON, ProjectUnderTest, eventually, program

KILLS = int(os.environ.get("ROOST_KILLS", "25"))
SEED = int(os.environ.get("ROOST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
TASK_SECONDS = 0.15


def busy_stack(project: ProjectUnderTest) -> None:
    """Chatty, quiet, dependent and crashing components, and one that ends with a code of its own again and again."""
    quick = {"backoff": {"initial": 0.05, "max": 0.05}, "limit": {"max": 100_000, "within": 600}}
    project.components(
        quiet={"run": program("counter", "--rate", 2)},
        chatty={"run": program("counter", "--rate", 2000), "log": {"max_size": "200MB"}},
        follower={"run": program("counter", "--rate", 50), "depends_on": {"quiet": "ready"}},
        mortal={"run": program("exit_after", 7, TASK_SECONDS), "restart": quick},
    )


def numbers(lines: list[str], stream: str) -> list[int]:
    found = [re.fullmatch(rf"{stream} (\d+)", line) for line in lines]
    return [int(match[1]) for match in found if match]


def answering(project: ProjectUnderTest) -> dict[str, Any] | None:
    """The status, if a daemon answers at this moment."""
    done = project.roost("status", "--json", check=False)
    return json.loads(done.out) if done.code == 0 else None


@pytest.mark.serial
def test_killing_the_daemon_disturbs_nobody(project: ProjectUnderTest) -> None:
    """P1, P7, S65: same pids, no line lost or doubled, every exit code known, answering again by itself."""
    print(f"seed {SEED}, {KILLS} kills")
    chance = random.Random(SEED)
    busy_stack(project)
    project.up("--no-wait")
    project.wait_for(lambda status: sum(one["ready"] for one in status["components"]) >= 3)
    steady = ("quiet", "chatty", "follower")
    before = {name: pid for name, pid in project.pids().items() if name in steady}
    back: list[float] = []

    for number in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.6))
        daemon = project.pids()[":daemon"]
        killed = time.monotonic()
        project.kill(daemon, signal.SIGKILL)
        status = eventually(lambda: answering(project), what="an answer after the kill")
        back.append(time.monotonic() - killed)
        assert status["daemon"]["pid"] != daemon, f"kill {number}, seed {SEED}"
        pids = {one["name"]: one["pid"] for one in status["components"] if one["name"] in steady}
        assert pids == before, f"kill {number}, seed {SEED}"

    events = project.events("-n", 100_000)
    exits = [event for event in events if event["kind"] == "exited" and event["component"] == "mortal"]
    runs = [event["run"] for event in exits]
    assert runs == list(range(1, len(runs) + 1)), f"each run ended once and in order, seed {SEED}"
    assert {event["data"]["code"] for event in exits} == {7}
    started = [event["component"] for event in events if event["kind"] == "started"]
    assert all(started.count(name) == 1 for name in steady), f"nothing was started twice, seed {SEED}"

    project.down()
    for name in steady:
        for stream in ("out", "err"):
            seen = numbers(project.log_lines(name), stream)
            assert seen == list(range(1, len(seen) + 1)), f"{name} {stream}, seed {SEED}"
    back.sort()
    print(
        f"{KILLS} kills, {len(runs)} exits of the mortal one, answering again after "
        f"p50 {statistics.median(back) * 1000:.0f} ms, worst {back[-1] * 1000:.0f} ms (a process of roost included)"
    )
    assert (
        statistics.median(back) < SOON
    )  # two seconds is the benchmark's figure, on a machine that does nothing else


def test_commands_of_people_survive_the_daemon(project: ProjectUnderTest) -> None:
    """P8: what a person asked for is still so after the daemon was killed right after its answer."""
    project.components(a={"run": program("counter", "--rate", 1)}, b={"run": program("counter", "--rate", 1)})
    project.up()
    for _ in range(5):
        project.roost("stop", "a")
        project.kill(project.pids()[":daemon"], signal.SIGKILL)
        status = eventually(lambda: answering(project), what="an answer after the kill")
        states = {one["name"]: (one["desired"], one["state"]) for one in status["components"]}
        assert states == {"a": ("stopped", "stopped"), "b": ("running", "running")}
        project.roost("start", "a")
        project.kill(project.pids()[":daemon"], signal.SIGKILL)
        status = eventually(lambda: answering(project), what="an answer after the kill")
        assert {one["state"] for one in status["components"]} == {"running"}


def test_an_exit_while_no_daemon_lives_is_known_afterwards(project: ProjectUnderTest) -> None:
    """P1: the exit code of what ended meanwhile is on record, and the policy acts on it."""
    project.components(
        api={"run": program("counter", "--rate", 1), "restart": {"policy": "never"}},
        other={"run": program("counter", "--rate", 1)},
    )
    project.up()
    pids = project.pids()
    project.kill(pids[":daemon"], signal.SIGSTOP)
    project.kill(pids["api"], signal.SIGTERM)
    eventually(lambda: not os.path.exists(f"/proc/{pids['api']}"), what="the end of api")
    project.kill(pids[":daemon"], signal.SIGKILL)
    status = eventually(lambda: answering(project), what="an answer after the kill")

    (api,) = [one for one in status["components"] if one["name"] == "api"]
    assert (api["state"], api["last_exit"]["signal"], api["last_exit"]["known"]) == ("failed", 15, True)


def test_the_backoff_goes_on_where_it_was(project: ProjectUnderTest) -> None:
    """P8: back-off is computed from history, so a restart of the daemon neither forgets nor repeats it."""
    project.components(api={"run": program("exit_after", 3, 0)})
    project.roost("up", check=False)
    waiting = project.wait_for(
        lambda s: s["components"][0]["next_restart_at"] is not None and s["components"][0]["restarts"] >= 2
    )
    project.kill(waiting["daemon"]["pid"], signal.SIGKILL)
    after = eventually(lambda: answering(project), what="an answer after the kill")["components"][0]
    one = waiting["components"][0]

    assert after["restarts"] >= one["restarts"]
    if after["run"] == one["run"]:
        due = [datetime.fromisoformat(it["next_restart_at"]) for it in (one, after)]
        assert abs((due[1] - due[0]).total_seconds()) < 0.5


def test_a_frozen_daemon_holds_up_no_component(project: ProjectUnderTest) -> None:
    """P1: with the daemon stopped (SIGSTOP), components go on writing and the keeper goes on collecting."""
    project.components(chatty={"run": program("counter", "--rate", 500)})
    project.up()
    daemon = project.pids()[":daemon"]
    project.kill(daemon, signal.SIGSTOP)
    try:
        size = len(project.log_bytes("chatty"))
        eventually(lambda: len(project.log_bytes("chatty")) > size + 2000, what="a growing log")
    finally:
        with contextlib.suppress(ProcessLookupError):
            project.kill(daemon, signal.SIGCONT)
    assert project.wait_state("chatty", "running")["restarts"] == 0


def test_the_installed_version_is_the_one_that_answers(project: ProjectUnderTest) -> None:
    """The harness drives the command that was installed, not a module from the checkout."""
    project.components(a={"run": program("counter", "--rate", 1)})
    project.up()

    assert project.roost("version").out.split()[-1] == project.status()["daemon"]["version"]
