"""What a whole test run leaves behind: processes that carry its mark, each with the test that started it.

Projects under test look after themselves (e2e/harness.py); this catches everything else.  It only ends
processes that inherited the mark of this very run.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid

import psutil

GRACE = 10.0  # seconds
MARK = "PYTEST_RUN_OF_ROOST"  # no ROOST_… name: tests take those out of what they hand on


def mark_this_run() -> None:
    """Put the run's mark into the environment that every test hands on (workers of xdist inherit it)."""
    os.environ.setdefault(MARK, uuid.uuid4().hex)


def end_leftovers() -> list[str]:
    """End, by pid, every process that a test of this run started and left; one line for each.

    One that somebody has killed already may take a moment to be gone.
    """
    deadline = time.monotonic() + GRACE
    while (left := _left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    found = []
    for process, test in left:
        with contextlib.suppress(psutil.Error, OSError):
            command = " ".join(process.cmdline())
            process.kill()  # psutil compares the start time before it signals
            found.append(f"{test}: pid {process.pid}: {command[:120]}")
    return sorted(found)


def _left() -> list[tuple[psutil.Process, str]]:
    """The processes, each with the test that started it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            test = environment.get("PYTEST_CURRENT_TEST")  # set while a test runs; not in pytest's workers
            if test and environment.get(MARK) == os.environ[MARK] and process.pid != os.getpid():
                found.append((process, test))
    return found
