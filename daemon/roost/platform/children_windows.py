"""Windows: our children, by their handles: which live, which have ended and how, what is in whose job.

A handle keeps a pid from being given to another process, as an unreaped child does on POSIX.  One owner, the
thread that spawns and reaps, so there is no lock.
"""

from __future__ import annotations

import _winapi
import os
import signal
import sys

assert sys.platform == "win32"

from .signals import KILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .completion_windows import Port
    from .jobs_windows import Job

KILLED = 0xC000_0000 | KILL  # the exit code that we give to those whom we end
_CONTROL_C_EXIT = 0xC000013A  # the exit code of who does not handle the event that we send for TERM


class Child:
    """A process that we have started and not reaped yet."""

    __slots__ = ("asked", "handle", "job", "kept", "pid", "waiting")

    def __init__(self, pid: int, handle: int, job: Job, kept: Sequence[int]) -> None:
        self.pid = pid
        self.handle = handle
        self.job = job
        self.kept = kept  # descriptors that stay open as long as it lives
        self.asked = 0  # the signal that we sent it last
        self.waiting: int | None = None


_living: dict[int, Child] = {}
_orphaned: dict[
    int, Job
] = {}  # jobs whose first process has ended while others live: by the pid of the first
_ear: list[tuple[Port, Callable[[], None]]] = []


def listen(port: Port, function: Callable[[], None]) -> None:
    """Let `function` be called, through `port`, whenever a child ends."""
    _ear[:] = [(port, function)]
    for child in _living.values():
        _watch(child)


def add(child: Child) -> None:
    """A new child."""
    _living[child.pid] = child
    _watch(child)


def find(pid: int) -> Child | None:
    """The unreaped child with that pid."""
    return _living.get(pid)


def reap() -> Iterator[tuple[int, int]]:
    """Reap every child that has ended: pid and exit code, negative for the signal that made it end."""
    for child in list(_living.values()):
        if _winapi.WaitForSingleObject(child.handle, 0) == _winapi.WAIT_OBJECT_0:
            yield child.pid, _reap(child)


def job_of(leader: int) -> Job | None:
    """The job of a child, also when the child itself has ended but its descendants live."""
    child = _living.get(leader)
    return child.job if child is not None else _orphaned.get(leader)


def leaders() -> list[int]:
    """The children that have not been reaped."""
    return list(_living)


def orphans() -> dict[int, int]:
    """The processes whose first process has ended: by their pid, the pid of that first one."""
    found: dict[int, int] = {}
    for leader, job in list(_orphaned.items()):
        members = job.members()
        if not members:
            _orphaned.pop(leader).close()
        found.update(dict.fromkeys(members, leader))
    return found


def _watch(child: Child) -> None:
    if _ear and child.waiting is None:
        port, function = _ear[0]
        child.waiting = port.watch_process(child.handle, function)


def _reap(child: Child) -> int:
    del _living[child.pid]
    code = _meaning(_winapi.GetExitCodeProcess(child.handle), child.asked)
    if child.waiting is not None and _ear:
        _ear[0][0].unwatch(child.waiting)
    _winapi.CloseHandle(child.handle)
    for fd in child.kept:
        os.close(fd)
    if child.job.members():
        _orphaned[child.pid] = child.job
    else:
        child.job.close()
    return code


def _meaning(code: int, asked: int) -> int:
    """An exit code, or minus the signal that it stands for."""
    if code == KILLED:
        return -KILL
    if code == _CONTROL_C_EXIT:
        return -(asked or signal.SIGINT)
    return code
