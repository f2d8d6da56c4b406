"""Signals, groups, limits, finding programs."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roost.platform import groups, identity, limits
from roost.platform.signals import signal_name, signal_number
from roost.platform.spawn import find_program

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")


def test_signals_are_known_by_all_their_names() -> None:
    """With and without SIG, in any case, and by number; what there is not is refused by name."""
    for text in ("TERM", "SIGTERM", "term", "15"):
        assert signal_number(text) == signal.SIGTERM
    assert signal_name(9) == "KILL"
    assert signal_name(200) == "200"
    with pytest.raises(ValueError, match="NONSENSE"):
        signal_number("NONSENSE")


def test_a_process_with_another_start_time_is_not_signalled() -> None:
    """A pid that was reused is safe from us (P3)."""
    with subprocess.Popen(["/bin/sleep", "600"]) as child:
        began = identity.start_time(child.pid)
        assert began is not None
        assert not groups.signal_process(child.pid, began + 1, signal.SIGKILL)
        assert child.poll() is None
        assert groups.signal_process(child.pid, began, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
    assert not groups.signal_process(child.pid, began, signal.SIGKILL)


def test_the_whole_tree_is_killed_whatever_its_sessions() -> None:
    """Children that left the group are descendants still (P5)."""
    script = "setsid sh -c 'sleep 610; :' & sleep 620 & echo up; wait"
    with subprocess.Popen(
        ["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE
    ) as leader:
        assert leader.stdout is not None
        leader.stdout.readline()
        deadline = time.monotonic() + 60
        while len(below := groups.descendants(leader.pid)) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        groups.kill_tree(leader.pid, identity.start_time(leader.pid) or 0)
        leader.wait(60)
        while any((facts := identity.facts(pid)) and not facts.zombie for pid in below):
            assert time.monotonic() < deadline
            time.sleep(0.005)


def test_a_child_gets_the_limit_that_we_had_at_the_start() -> None:
    """Ours is raised for a thousand components; theirs stays what their user set (D10)."""
    code = f"""
import sys, resource, os; sys.path[:0] = {sys.path!r}
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from roost.platform import limits
raised = limits.raise_limit()
with limits.OriginalLimit():
    inside = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
print(raised > 256, inside, resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "True 256 True\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0
    assert limits.OriginalLimit() is not None


def test_a_program_is_found_as_a_shell_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first executable file in PATH; folders and plain files are passed over, and named if nothing else is."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a" / "tool").mkdir()
    (tmp_path / "b" / "tool").write_text("")
    with pytest.raises(PermissionError, match="is a folder"):
        find_program("tool", "a:b")
    (tmp_path / "c" / "tool").write_text("")
    (tmp_path / "c" / "tool").chmod(0o755)
    assert find_program("tool", "a:b:c") == "c/tool"
    assert find_program("./c/tool", "") == "./c/tool"
    with pytest.raises(FileNotFoundError, match="no program other"):
        find_program("other", "a:b:c")
    assert os.getcwd() == str(tmp_path)
