"""The questions that are answered before click is imported (D14, P23)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cli.calling import roost
from cli.fake_daemon import FakeDaemon, RpcFailure
from cli.snapshots import component, snapshot
from roost.cli import __main__, quick
from roost.platform.paths import ProjectPaths

LINES = [
    ["status"],
    ["status", "--json"],
    ["status", "--check"],
    ["status", "api"],
    ["status", "api", "--json", "--check"],
    ["status", "nobody"],
    ["-C", ".", "status"],
    ["--project=.", "status", "db", "api"],
    ["-C", "nowhere", "status"],
    ["version"],
    ["call", "ping"],
]


def through_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "answer", lambda arguments: None)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_both_ways_give_the_same_answer(
    line: list[str],
    running: bool,
    paths: ProjectPaths,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """P23: the fast path is only faster: same output, same errors, same exit code as through click."""
    monkeypatch.setattr("time.time", lambda: 1_767_225_600.0)
    if running:
        request.getfixturevalue("daemon")
    assert quick.answer(["version"]) is not None
    quickly = roost(capsys, *line)
    through_click(monkeypatch)
    assert roost(capsys, *line) == quickly


@pytest.mark.parametrize("line", [["up"], ["up", "db", "api"], ["up", "nobody"], ["-C", "nowhere", "up"]])
def test_up_is_the_same_both_ways(
    line: list[str], daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P28: a plain `up` does without click, and asks, says and returns the same."""

    def up(params: dict[str, Any], tell: Callable[..., None]) -> object:
        if "nobody" in params["names"]:
            raise RpcFailure(-32001, "there is no component 'nobody'", kind="no_such_component")
        return {"components": [], "failed": []}

    daemon.answers["project.up"] = up
    assert quick.answer(["version"]) is not None
    capsys.readouterr()
    quickly, asked = roost(capsys, *line), list(daemon.asked)
    daemon.asked.clear()
    through_click(monkeypatch)
    assert roost(capsys, *line) == quickly
    assert daemon.asked == asked


@pytest.mark.parametrize(
    "line",
    [
        [], ["--help"], ["up", "--no-wait"], ["up", "--", "db"],
        ["status", "--watch"], ["status", "--verbose"], ["status", "-v"], ["status", "--help"],
        ["call", "ping", "{}"], ["call", "daemon.health"], ["version", "extra"], ["-C"], ["-Cdir", "status"],
        ["status", "--", "api"], ["status", "--jso"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_unusual_is_left_to_click(line: list[str]) -> None:
    """D14: only plain questions are answered early; nothing has happened when click takes over."""
    assert quick.answer(line) is None


def test_completion_is_never_answered_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that asks for completions gets them, whatever the arguments look like."""
    monkeypatch.setenv("_ROOST_COMPLETE", "bash_complete")
    assert quick.answer(["version"]) is None


def test_status_imports_nothing_heavy(paths: ProjectPaths, daemon: FakeDaemon) -> None:
    """P23: `roost status` needs json and a socket; what costs start-up time is not among its imports."""
    program = (
        "import sys; sys.argv = ['roost', 'status']\n"
        "from roost.cli.__main__ import run\n"
        "code = run(sys.argv[1:])\n"
        "print(*sorted(sys.modules), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "api" in done.stdout
    heavy = {
        "asyncio", "click", "ctypes", "dataclasses", "importlib.metadata", "inspect", "logging", "msgspec",
        "platformdirs", "portalocker", "psutil", "rich", "shutil", "subprocess", "tempfile", "typing", "yaml",
        "roost.api", "roost.config", "roost.records", "roost.core.model", "roost.cli.app",
    }  # fmt: skip
    assert heavy & set(done.stderr.split()) == set()


def test_a_reader_that_goes_away_is_no_error(paths: ProjectPaths, daemon: FakeDaemon) -> None:
    """`roost status | head -1` ends quietly and without a trace."""
    daemon.snapshot = snapshot(*(component(f"c{number}") for number in range(5000)))
    child = subprocess.Popen(
        [sys.executable, "-m", "roost.cli", "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(120) == 0


def test_a_defect_of_ours_is_a_sentence_and_with_debugging_a_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S53: no stack trace unless ROOST_DEBUG asks for it."""

    def broken(arguments: list[str]) -> int:
        raise RuntimeError("oops")

    monkeypatch.setattr(__main__.quick, "answer", broken)
    done = roost(capsys, "status")
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert "oops" in done.err and "ROOST_DEBUG=1" in done.err
    monkeypatch.setenv("ROOST_DEBUG", "1")
    traced = roost(capsys, "status")
    assert traced.code == 1
    assert "Traceback" in traced.err and "oops" in traced.err
