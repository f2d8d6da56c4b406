"""Locks: exclusive, freed with their holder, found to be replaced, one for each run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import portalocker
import pytest

from roost.platform.locks import Lock, is_held, make_run_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and unlinks open files")


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    """One holder at a time; releasing frees it for the next (S6)."""
    path = str(tmp_path / "x.lock")
    first, second = Lock(path), Lock(path)
    assert first.take()
    assert first.take()
    assert not second.take()
    assert is_held(path)
    first.release()
    assert not is_held(path)
    assert second.take()


def test_the_system_frees_it_when_its_holder_is_killed(tmp_path: Path) -> None:
    """`kill -9` leaves no stale lock (S1)."""
    path = str(tmp_path / "x.lock")
    code = f"""
import sys, time; sys.path[:0] = {sys.path!r}
from roost.platform.locks import Lock
lock = Lock({path!r}); print(lock.take(), flush=True); time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert not Lock(path).take()
        holder.send_signal(signal.SIGKILL)
    assert Lock(path).take()


def test_it_excludes_portalocker_and_is_excluded_by_it(tmp_path: Path) -> None:
    """The same system call: what the daemon and the tray take is respected here, and the other way round."""
    path = tmp_path / "x.lock"
    flags = portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING
    with path.open("a") as file:
        portalocker.lock(file, flags)
        assert not Lock(str(path)).take()
    mine = Lock(str(path))
    assert mine.take()
    with path.open("a") as file, pytest.raises(portalocker.LockException):
        portalocker.lock(file, flags)


def test_a_removed_or_replaced_file_is_noticed_and_taken_anew(tmp_path: Path) -> None:
    """Who holds a deleted file holds nothing that others see (P3b)."""
    path = tmp_path / "x.lock"
    lock = Lock(str(path))
    assert lock.take()
    assert lock.is_current()
    path.unlink()
    assert not lock.is_current()
    assert lock.retake()
    assert lock.is_current()
    assert not Lock(str(path)).take()


def test_a_file_that_another_holds_is_not_taken_over(tmp_path: Path) -> None:
    """If somebody else was faster with the new file, the old one is kept and that is said (S2)."""
    path = tmp_path / "x.lock"
    lock, other = Lock(str(path)), Lock(str(path))
    assert lock.take()
    path.unlink()
    assert other.take()
    assert not lock.retake()
    assert lock.held


def test_each_run_has_a_lock_of_its_own(tmp_path: Path) -> None:
    """A leftover that inherited the last run's lock does not block the next (D8)."""
    path = str(tmp_path / "api.lock")
    first = make_run_lock(path)
    second = make_run_lock(path)
    try:
        assert is_held(path)
        os.close(second)
        second = -1
        assert not is_held(path)
    finally:
        os.close(first)
        if second >= 0:
            os.close(second)
    assert os.listdir(tmp_path) == ["api.lock"]


def test_no_file_no_holder(tmp_path: Path) -> None:
    """Asking makes nothing."""
    assert not is_held(str(tmp_path / "x.lock"))
    assert os.listdir(tmp_path) == []
