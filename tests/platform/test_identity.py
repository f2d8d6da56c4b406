"""Who a process is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roost.platform import identity

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


def test_we_are_ourselves_and_our_start_time_stays() -> None:
    """A process's start time does not change, and differs from a later process's in most cases."""
    mine = identity.start_time(os.getpid())
    assert mine is not None
    assert mine == identity.start_time(os.getpid())
    assert identity.is_alive(os.getpid(), mine, identity.boot_id())


def test_another_start_time_or_another_boot_is_another_process() -> None:
    """A recycled pid, or a record of before a reboot, is not taken for the process (S3, P3)."""
    mine = identity.start_time(os.getpid())
    assert mine is not None
    assert not identity.is_alive(os.getpid(), mine + 1, identity.boot_id())
    assert not identity.is_alive(os.getpid(), mine, "another boot")


@linux
def test_a_zombie_counts_as_ended() -> None:
    """Dead and not yet reaped is dead (DESIGN.md §1)."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    began = identity.start_time(child.pid)
    assert began is not None
    deadline = time.monotonic() + 60
    while not (facts := identity.facts(child.pid)) or not facts.zombie:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert not identity.is_alive(child.pid, began, identity.boot_id())
    child.wait()
    assert identity.facts(child.pid) is None
    assert identity.process_name(child.pid) is None


@linux
@pytest.mark.parametrize("name", ["plain", "a) R 1 (b", "tab\tand space"])
def test_names_of_all_kinds_do_not_confuse_the_facts(tmp_path: Path, name: str) -> None:
    """A program may be called anything; parent, group and session are still read right (P20)."""
    program = tmp_path / name
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"], start_new_session=True) as child:
        try:
            deadline = time.monotonic() + 60
            while (facts := identity.facts(child.pid)) is None or facts.name != name:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            assert (facts.parent, facts.group, facts.session) == (os.getpid(), child.pid, child.pid)
        finally:
            child.kill()


@linux
def test_marks_in_the_environment_are_read() -> None:
    """Only those asked for, whole; a process that is gone has none."""
    environment = {"ROOST_RUN": "12", "OTHER": "a=b", "ROOST_RUNS": "x"}
    wanted = {"ROOST_RUN": "12", "OTHER": "a=b"}
    with subprocess.Popen(["/bin/sleep", "600"], env=environment) as child:
        try:
            deadline = time.monotonic() + 60
            while identity.environment_values(child.pid, ("ROOST_RUN", "OTHER", "NONE")) != wanted:
                assert time.monotonic() < deadline
                time.sleep(0.005)
        finally:
            child.kill()
    assert identity.environment_values(child.pid, ("ROOST_RUN",)) == {}


@linux
def test_holders_of_a_file_are_found(tmp_path: Path) -> None:
    """Only by the descriptors that are asked for."""
    path = tmp_path / "held"
    fd = os.open(path, os.O_CREAT | os.O_RDONLY)
    try:
        assert identity.holders(str(path), [fd]) == [os.getpid()]
        assert identity.holders(str(path), [fd + 1]) == []
    finally:
        os.close(fd)
    assert identity.holders(str(tmp_path / "none"), [fd]) == []


@linux
def test_a_holder_of_a_removed_file_is_found_though_it_closes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3b: a keeper that has lost its folders opens and closes files all the time; it is there all the same."""
    path, called = tmp_path / "keeper.lock", Path("/proc/self/cmdline").read_bytes().split(b"\0")[0]
    closing = os.open(os.devnull, os.O_RDONLY)
    fd = os.open(path, os.O_CREAT | os.O_RDONLY)
    path.unlink()
    readlink = os.readlink

    def too_late_for_one(link: str) -> str:
        if link == f"/proc/{os.getpid()}/fd/{closing}":
            raise FileNotFoundError(link)
        return readlink(link)

    monkeypatch.setattr(os, "readlink", too_late_for_one)
    try:
        assert os.getpid() in identity.holders_of_removed(str(path), os.fsdecode(called))
    finally:
        os.close(fd)
        os.close(closing)
