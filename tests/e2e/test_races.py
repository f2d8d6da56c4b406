"""Two things at once that pull in opposite directions; whoever comes last wins, and nothing runs twice."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from e2e.harness import ProjectUnderTest, eventually, program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="looks at sessions")


def leaders(project: ProjectUnderTest) -> Counter[str]:
    """How many session leaders run each helper program of the project."""
    found: Counter[str] = Counter()
    for process in project.leftovers():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            line = " ".join(process.cmdline())
            if os.getsid(process.pid) == process.pid and "tests/e2e/programs/" in line:
                found[line.partition("tests/e2e/programs/")[2]] += 1
    return found


def test_up_against_down(project: ProjectUnderTest) -> None:
    """S72, S77: `up` and `down` at the same moment, again and again; afterwards one `up` makes all well."""
    project.components(
        a={"run": program("counter", "--rate", 5)},
        b={"run": program("counter", "--rate", 7), "depends_on": ["a"]},
    )
    chance = random.Random(7)
    for _ in range(5):
        calls = [
            threading.Thread(target=project.roost, args=(verb,), kwargs={"timeout": 60})
            for verb in ("up", "down")
        ]
        for call in calls:
            call.start()
            time.sleep(chance.uniform(0, 0.3))
        for call in calls:
            call.join()
        assert all(count == 1 for count in leaders(project).values()), leaders(project)
    project.up()
    eventually(lambda: sorted(leaders(project).values()) == [1, 1], what="one of each")
    project.down()
    assert not leaders(project)


def test_reload_against_a_crash(project: ProjectUnderTest) -> None:
    """S55, S24: a component that crashes all the time is changed at random moments; the last word holds."""
    quick = {"backoff": {"initial": 0.02, "max": 0.05}, "limit": {"max": 100_000, "within": 600}}

    def write(note: str, lasting: bool) -> None:
        crashing = program("exit_after", 3, 0.05)
        project.components(
            api={
                "run": program("show", note) if lasting else crashing,
                "env": {"NOTE": note},
                "restart": quick,
            },
            other={"run": program("counter", "--rate", 5)},
        )

    chance = random.Random(11)
    write("0", lasting=False)
    project.roost("up", "--no-wait", check=True)
    other = project.wait_state("other", "running")["pid"]
    for number in range(1, 12):
        time.sleep(chance.uniform(0, 0.2))
        write(str(number), lasting=number % 4 == 3)
        project.roost("reload", check=True)

    def note() -> bytes | None:
        """What the api that runs has been told, if it still does."""
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{project.component('api')['pid']}/environ").read_bytes()
            return next((one for one in environment.split(b"\0") if one.startswith(b"NOTE=")), None)
        return None

    eventually(lambda: note() == b"NOTE=11", what="the api of the last word")
    project.wait_state("api", "running")
    assert [count for line, count in leaders(project).items() if line.startswith("show")] == [1]
    assert project.component("other")["pid"] == other
