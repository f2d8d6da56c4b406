"""Platform and keeper on Windows' Python under Wine: the same functions as elsewhere (issue 2's smoke test).

`windows_side.py` runs once inside; each test here reads what one of its checks has found.  Wine is not
Windows: CTRL_BREAK, the exclusive owner of a pipe's name and access lists cannot be judged here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import portalocker
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "build" / "wine-python.sh"
TIME_LIMIT = 600.0

pytestmark = pytest.mark.wine

Findings = dict[str, dict[str, Any]]


def windows_python() -> list[str]:
    """The command that runs Windows' Python; skips, or fails where it is required, if there is none."""
    if os.name == "nt":
        return [sys.executable]
    ready = subprocess.run([TOOL, "ready"], capture_output=True, text=True)
    if ready.returncode and os.environ.get("ROOST_TEST_WINE") == "required":
        pytest.fail(ready.stderr)
    if ready.returncode:
        pytest.skip(f"Python for Windows is not set up under Wine ({ready.stderr.strip()})")
    return [str(TOOL), "run"]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What every check has found, by its name; all workers of pytest-xdist share one run."""
    command = windows_python()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return run_checks(command)
    shared = tmp_path_factory.getbasetemp().parent / "wine.json"
    with open(shared, "a+", encoding="utf-8") as file:
        portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE)
        file.seek(0)
        text = file.read()
        if not text:
            text = json.dumps(run_checks(command))
            file.write(text)
    return cast(Findings, json.loads(text))


def run_checks(command: list[str]) -> Findings:
    """Run them all inside; what they found."""
    run = subprocess.run(
        [*command, "-B", "tests/wine/windows_side.py"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    assert lines, run.stdout + run.stderr
    return {finding["name"]: finding for finding in map(json.loads, lines)}


def expect(findings: Findings, name: str) -> None:
    """The check ran and failed at nothing; what it found is printed."""
    finding = findings[f"check_{name}"]
    assert not finding["trace"], finding["trace"]
    print(f"{name}: {finding['found']} ({finding['seconds']} s)")


def test_output_index_and_exit_code(findings: Findings) -> None:
    """Both streams are in the log and told apart by its index, then the exit code is reported (S29, S65)."""
    expect(findings, "output_and_exit_code")


def test_much_output_and_rotation(findings: Findings) -> None:
    """A hundred thousand lines come through ten rotations, each once and in order (S29)."""
    expect(findings, "much_output_and_rotation")


def test_a_stubborn_component_is_killed(findings: Findings) -> None:
    """`stop` ends one that ignores the event `kill_after` seconds later, and says it was killed (S48)."""
    expect(findings, "stop_by_kill")


def test_a_grandchild_ends_with_its_job(findings: Findings) -> None:
    """What a component has started ends with it (P4)."""
    expect(findings, "grandchild_ends_with_its_job")


def test_leftovers_are_named_and_ended_or_left(findings: Findings) -> None:
    """What outlives its component is named; it is ended, or left alone even by the keeper's end (P4)."""
    expect(findings, "leftovers")


def test_what_cannot_be_started_is_refused_in_words(findings: Findings) -> None:
    """A missing program, a missing folder and a file that is no program each have a sentence."""
    expect(findings, "refusals")


def test_the_daemon_is_started_again(findings: Findings) -> None:
    """The keeper starts another daemon when it is killed (P7)."""
    expect(findings, "daemon_is_started_again")


def test_a_killed_keeper_takes_its_components_along(findings: Findings) -> None:
    """The components end with their keeper, the daemon does not; the next keeper starts at once (P2)."""
    expect(findings, "keeper_killed")


def test_quit_leaves_nothing(findings: Findings) -> None:
    """After `quit` neither keeper, daemon, lock nor pipe is left (S48)."""
    expect(findings, "quit")


def test_fifty_components(findings: Findings) -> None:
    """Fifty components are started, end, and are all reaped with their codes."""
    expect(findings, "fifty_components")


def test_endpoint(findings: Findings) -> None:
    """A named pipe carries messages both ways, knows its peer, and keeps to its time-out (P18)."""
    expect(findings, "endpoint")


def test_a_channel_on_a_loop(findings: Findings) -> None:
    """The daemon's end of the wire works on asyncio's loop over a pipe, and hears the keeper's end."""
    expect(findings, "channel_on_a_loop")


def test_a_server_on_a_loop(findings: Findings) -> None:
    """The daemon's pipe: whoever connects is asked for, and its access list names our user alone (S36, P18)."""
    expect(findings, "server_on_a_loop")


def test_locks(findings: Findings) -> None:
    """A lock excludes other processes and is free when its holder is killed (S1, S6)."""
    expect(findings, "locks")


def test_arguments_arrive_unchanged(findings: Findings) -> None:
    """Programs, batch files and cmd.exe get the arguments that were meant."""
    expect(findings, "arguments")


def test_console_events_are_heard_as_signals(findings: Findings) -> None:
    """The console's break event reaches the control thread as TERM."""
    expect(findings, "console_events")
