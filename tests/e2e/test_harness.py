"""The harness itself: it must find what is left behind, and must never signal a stranger."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from e2e.harness import PATIENCE, ProjectUnderTest, call, is_running, program, short_folder

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program that says one line when it is ready; ended when the test is over."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(argv: list[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(argv, env=env, cwd="/", stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    yield begin
    for child in started:
        child.kill()
        child.communicate()


def test_what_is_left_behind_is_named_and_ended(start: Start) -> None:
    """A process that bears the mark of the project fails the test that left it, and is gone afterwards."""
    project = ProjectUnderTest(short_folder())
    left = start(program("ignore_term"), project.env)
    with pytest.raises(AssertionError, match="ignore_term"):
        project.finish(grace=0.5)
    assert not is_running(left.pid)
    assert not project.base.exists()


def test_what_is_meant_to_stay_is_ended_without_complaint(start: Start) -> None:
    """A process that was announced with `leave` is no leftover, and is ended all the same."""
    project = ProjectUnderTest(short_folder())
    left = start(program("ignore_term"), project.env)
    project.leave(left.pid)
    project.finish()
    assert not is_running(left.pid)


def test_a_stranger_is_never_signalled(start: Start) -> None:
    """`kill` refuses a pid that the project did not report; `learn` refuses one without its mark."""
    project = ProjectUnderTest(short_folder())
    stranger = start(program("ignore_term"))
    with pytest.raises(AssertionError, match="refused"):
        project.kill(stranger.pid)
    with pytest.raises(AssertionError, match="stranger"):
        project.learn(stranger.pid)
    project.finish()
    assert is_running(stranger.pid)


def test_a_recycled_pid_is_refused(start: Start) -> None:
    """`kill` refuses a pid whose process is no longer the one that was reported."""
    project = ProjectUnderTest(short_folder())
    child = start(program("ignore_term"), project.env)
    project.learn(child.pid)
    project._known[child.pid] = "another start time"
    with pytest.raises(AssertionError, match="no longer"):
        project.kill(child.pid)
    child.kill()
    child.wait()
    project.finish()


def test_a_command_that_leaves_its_output_open_is_caught(tmp_path: Path) -> None:
    """A call whose output is kept open by something that outlives it fails, saying so."""
    try:
        with pytest.raises(AssertionError, match="keeps its output open"):
            call(["sh", "-c", "sleep 600 & echo $! > pid"], cwd=tmp_path, env=os.environ, timeout=6)
    finally:
        left = psutil.Process(int((tmp_path / "pid").read_text()))
        left.kill()
        left.wait(PATIENCE)
