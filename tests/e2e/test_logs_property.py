"""What is read back is what was written: random writes, rotations, restarts, kills, a follower all the while."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from e2e.harness import PATIENCE, Gone, ProjectUnderTest, eventually, program, roost_command

SEED = int(os.environ.get("ROOST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
COUNT, RUNS = 1500, 3
POSIX = pytest.mark.skipif(os.name != "posix", reason="on Windows a job object ends the components (P2)")


class Follower:
    """`roost logs NAME -f --json` from the first line on, in the background."""

    def __init__(self, project: ProjectUnderTest, name: str) -> None:
        self.entries: list[dict[str, Any]] = []
        self._child = project.start_roost("logs", name, "-f", "--json", "-n", 1_000_000)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.entries.append(json.loads(line))

    def has_all(self) -> bool:
        return len(self.entries) >= 2 * COUNT * RUNS

    def end(self) -> str:
        """Ctrl-C; what it said on standard error."""
        self._child.send_signal(signal.SIGINT)
        assert self._child.stderr is not None
        said = self._child.stderr.read().decode()
        self._thread.join(PATIENCE)
        self._child.wait(PATIENCE)
        for stream in (self._child.stdout, self._child.stderr):
            assert stream is not None
            stream.close()
        return said


def assert_whole(entries: Iterable[dict[str, Any]]) -> None:
    """Every run's lines on each stream, once, in order, under the right stream."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for entry in entries:
        found[entry["run"], entry["stream"]].append(entry["text"])
    assert sorted(found) == [(run, stream) for run in range(1, RUNS + 1) for stream in ("stderr", "stdout")]
    for (run, stream), texts in found.items():
        words = [text.rstrip("x").rstrip() for text in texts]
        wanted = [f"{stream[3:]} {number}" for number in range(1, COUNT + 1)]
        assert set(wanted) - set(words) == set(), (run, stream)
        assert words == wanted, (run, stream)


def kill(project: ProjectUnderTest, who: str) -> None:
    """And wait for its successor; a daemon that makes room for a new keeper's own may go by itself before that."""
    pid = project.pids().get(who)
    if pid:
        with contextlib.suppress(Gone, ProcessLookupError):
            project.kill(pid)
        project.wait_for(lambda status: status["daemon"]["running"] and pid not in status["daemon"].values())


@POSIX
def test_what_is_read_back_is_what_was_written(project: ProjectUnderTest) -> None:
    """P1, P2, P13, P6: both streams, random sizes and pauses, rotations, restarts, kills of daemon and keeper."""
    print("seed", SEED)
    chance = random.Random(SEED)
    common = {
        "log": {"max_size": "100KB", "max_files": 1000},
        "restart": {"backoff": {"initial": 0.05, "max": 0.1}, "limit": {"max": 1000, "within": 600}},
    }
    scribe = ("scribe", "--count", COUNT, "--runs", RUNS, "--seed")
    project.components(
        whole={"run": program(*scribe, SEED), **common},
        cut={"run": program(*scribe, SEED + 1, "--cut"), **common},
    )
    project.up("--no-wait")
    follower = Follower(project, "whole")
    try:
        for _ in range(6):
            time.sleep(chance.uniform(0.1, 0.8))
            kill(project, chance.choice([":daemon", ":daemon", ":keeper"]))
        for name in ("whole", "cut"):
            project.wait_for(
                lambda status, name=name: (
                    {one["name"]: one["run"] for one in status["components"]}[name] == RUNS
                )
            )
        with contextlib.suppress(AssertionError):  # what is missing is said below
            eventually(follower.has_all)
    finally:
        said = follower.end()
    for name in ("whole", "cut"):
        eventually(lambda name=name: project.log_bytes(name).count(b"\n") == 2 * COUNT * RUNS)
        assert_whole(project.roost("logs", name, "--json", "-n", 1_000_000, check=True).json_lines)
    assert_whole(follower.entries)
    assert "Traceback" not in said
    assert len(list((project.state / "logs").glob("whole.log.*"))) > 3
    times = [entry["at"] for entry in follower.entries]
    assert times == sorted(times)


@pytest.mark.skipif(os.name != "posix", reason="a pipe of the shell")
@pytest.mark.parametrize("follow", [(), ("-f",)], ids=["past", "follow"])
def test_a_reader_that_goes_away_is_no_error(project: ProjectUnderTest, follow: tuple[str, ...]) -> None:
    """`roost logs | head -1` ends at once, quietly, with and without `-f` (SIGPIPE-clean)."""
    project.components(web={"run": program("counter", "--rate", 4000, "--streams", "out")})
    project.up()
    eventually(lambda: project.log_bytes("web").count(b"\n") > 3000)
    child = subprocess.Popen(
        [*roost_command(), "logs", "-n", "100000", *follow],
        cwd=project.root,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None and child.stderr is not None
    assert re.search(rb"out 1$", child.stdout.readline().rstrip())
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(PATIENCE) == 0


def test_last_words_are_masked_and_the_log_is_not(project: ProjectUnderTest) -> None:
    """P19: with a crash, `up`, `events` and `status` carry the last lines, secrets as ***; logs are as written."""
    shout = "import os, sys; print('cannot log in with', os.environ['DB_PASSWORD'], flush=True); sys.exit(3)"
    secret = "tr0ub4dor-and-3"
    project.components(
        web={
            "run": [*program("show")[:1], "-c", shout],
            "restart": {"policy": "never"},
            "env": {"DB_PASSWORD": secret},
        }
    )
    done = project.roost("up", check=1)
    assert "cannot log in with ***" in done.err + done.out
    (ended,) = [event for event in project.events() if event["kind"] == "exited"]
    assert ended["data"]["last_lines"] == ["cannot log in with ***"]
    said = json.dumps(project.status()) + json.dumps(project.events()) + done.err + done.out
    assert secret not in said
    assert project.log_bytes("web").decode() == f"cannot log in with {secret}\n"
    assert secret in project.roost("logs", "web", check=True).out
