"""Whoever reads what a following command shows, and goes: it ends with its reader."""

from __future__ import annotations

import os
import subprocess

import pytest

from e2e.harness import PATIENCE, ProjectUnderTest, eventually

posix = pytest.mark.skipif(os.name != "posix", reason="pipes of the shell")

FOLLOWING = [
    ("logs", "-f"),
    ("logs", "web", "-f", "--json"),
    ("logs", "-f", "--raw"),
    ("events", "-f"),
    ("daemon", "logs", "-f"),
    ("status", "--watch", "--json"),
]


def leaves(child: subprocess.Popen[bytes]) -> None:
    """Its reader takes one line and goes; nothing more is ever written, and it ends all the same, quietly."""
    assert child.stdout is not None and child.stderr is not None
    try:
        assert child.stdout.readline().endswith(b"\n")
        child.stdout.close()
        assert child.wait(PATIENCE) == 0
        assert child.stderr.read() == b""
    finally:
        child.kill()
        child.wait()
        child.stderr.close()


@posix
@pytest.mark.parametrize("command", FOLLOWING, ids=" ".join)
def test_a_follower_ends_with_its_reader_though_nothing_comes(
    project: ProjectUnderTest, command: tuple[str, ...]
) -> None:
    """`roost logs -f | head -1` ends when `head` does, not with the component's next line (SIGPIPE-clean)."""
    project.components(web={"run": "echo one; exec sleep 3600"})
    project.up()
    eventually(lambda: project.log_lines("web"), what="its only line")
    leaves(project.start_roost(*command))


@posix
def test_a_follower_without_a_daemon_ends_with_its_reader_too(project: ProjectUnderTest) -> None:
    """The same from the files alone."""
    project.components(task={"type": "task", "run": "echo one"})
    project.up()
    project.down()
    leaves(project.start_roost("logs", "-f"))
