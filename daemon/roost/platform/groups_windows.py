"""Windows: ending components and what they have started.  Used by groups.py.

There are no signals.  What comes nearest to TERM is the console's CTRL_BREAK event to a process group, which
reaches only processes on our own console; the keeper therefore has a console without a window, and shares it
with its components (detach_windows, spawn_windows).  Whoever has none of it is ended by the kill.
"""

from __future__ import annotations

import _winapi
import os
import sys

assert sys.platform == "win32"

from . import children_windows, kernel32_windows, processes_windows
from .children_windows import KILLED
from .signals import KILL

_CTRL_BREAK = 1
_TERMINATE = 0x1
_LIMITED = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION


__all__ = [
    "KILL",
    "become_subreaper",
    "children",
    "descendants",
    "kill_tree",
    "let_live",
    "signal_group",
    "signal_process",
]


def become_subreaper() -> bool:
    """True: what has lost its parent is still in the job that we hold, and counts as our child."""
    return True


def signal_group(leader: int, number: int) -> bool:
    """Signal the group of a child that is not reaped yet; False if that cannot be.

    KILL ends its whole job; every other signal is the CTRL_BREAK event.
    """
    child = children_windows.find(leader)
    if child is None:
        return False
    child.asked = number
    if number == KILL:
        child.job.terminate(KILLED)
        return True
    try:
        kernel32_windows.generate_console_event(_CTRL_BREAK, leader)
    except OSError:  # it is on another console, or on none
        return False
    return True


def signal_process(pid: int, start_time: int, number: int) -> bool:
    """End one process, for KILL, if it is still the one that began at `start_time`; False if it is not.

    For any other signal nothing happens: a single process cannot be sent an event.
    """
    if processes_windows.start_time(pid) != start_time:
        return False
    if number != KILL:
        return True
    try:
        process = _winapi.OpenProcess(_TERMINATE | _LIMITED, False, pid)
    except OSError:
        return False
    try:
        if processes_windows.start_time_of(process) != start_time:
            return False
        _winapi.TerminateProcess(process, KILLED)
    except OSError:
        return False
    finally:
        _winapi.CloseHandle(process)
    return True


def children(pid: int) -> list[int]:
    """The direct children of a process; ours are those that we started, and who is left in their jobs."""
    if pid == os.getpid():
        return [*children_windows.leaders(), *children_windows.orphans()]
    return [other for other, parent, _ in processes_windows.snapshot() if parent == pid]


def descendants(pid: int) -> list[int]:
    """All processes below one: of a child of ours, the whole job; else by parents, nearest first."""
    job = children_windows.job_of(pid)
    if job is not None:
        return [member for member in job.members() if member != pid]
    below: dict[int, list[int]] = {}
    for other, parent, _ in processes_windows.snapshot():
        below.setdefault(parent, []).append(other)
    found: list[int] = []
    row = below.pop(pid, [])
    while row:
        found += row
        row = [grandchild for child in row for grandchild in below.pop(child, [])]
    return found


def kill_tree(leader: int, start_time: int) -> None:
    """KILL a child that is not reaped yet and everything in its job; another process with those below it."""
    if signal_group(leader, KILL):
        return
    below = [(pid, processes_windows.start_time(pid)) for pid in descendants(leader)]
    for pid, began in [(leader, start_time), *below]:
        if began is not None:
            signal_process(pid, began, KILL)


def let_live(leader: int) -> None:
    """What a child that has ended left behind need not end with us."""
    job = children_windows.job_of(leader)
    if job is not None:
        job.let_live()
