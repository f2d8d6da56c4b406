"""Signals to a component and to what it has started: its group, its tree, single processes.

Nothing here decides whether a process is ours; `signal_process` only makes sure that it is still the one
that was meant.  On Windows a job object takes the place of group and tree (groups_windows).
"""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    from .groups_windows import (
        KILL,
        become_subreaper,
        children,
        descendants,
        kill_tree,
        let_live,
        signal_group,
        signal_process,
    )
else:
    import signal

    from . import identity

    KILL = signal.SIGKILL

    def become_subreaper() -> bool:
        """Descendants whose parent has ended become our children from now on; False if the system refuses."""
        from . import libc  # with ctypes, which the daemon never needs

        return libc.become_subreaper()

    def signal_group(leader: int, number: int) -> bool:
        """Signal the group of a leader that is not reaped yet; False if nobody is in it any more."""
        try:
            os.killpg(leader, number)
        except (ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            return False
        return True

    def signal_process(pid: int, start_time: int, number: int) -> bool:
        """Signal one process if it is still the one that began at `start_time`; False if it is not."""
        if sys.platform == "linux":
            try:
                pidfd = os.pidfd_open(pid)
            except OSError:  # it is gone, or the kernel is older than 5.3
                return _signal_pid(pid, start_time, number)
            try:
                if identity.start_time(pid) != start_time:
                    return False
                signal.pidfd_send_signal(pidfd, number)
            except (ProcessLookupError, PermissionError):
                return False
            finally:
                os.close(pidfd)
            return True
        return _signal_pid(pid, start_time, number)

    def _signal_pid(pid: int, start_time: int, number: int) -> bool:
        if identity.start_time(pid) != start_time:
            return False
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def children(pid: int) -> list[int]:
        """The direct children of a process, those that have ended and are not reaped included."""
        if sys.platform == "linux":
            try:
                return _children_of_threads(pid)
            except (
                FileNotFoundError,
                ProcessLookupError,
            ):  # the process is gone, or a kernel without CONFIG_PROC_CHILDREN
                if not os.path.exists(f"/proc/{pid}"):
                    return []
        return [other for other in identity.all_pids() if _parent(other) == pid]

    def _children_of_threads(pid: int) -> list[int]:
        found: list[int] = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                    found += map(int, file.read().split())
            except (FileNotFoundError, ProcessLookupError):
                if os.path.exists(f"/proc/{pid}/task/{thread}"):
                    raise
        return found

    def _parent(pid: int) -> int | None:
        found = identity.facts(pid)
        return None if found is None else found.parent

    def descendants(pid: int) -> list[int]:
        """All processes below one, nearest first."""
        found: list[int] = []
        row = children(pid)
        while row:
            found += row
            row = [grandchild for child in row for grandchild in children(child)]
        return found

    def kill_tree(leader: int, start_time: int) -> None:
        """KILL a leader that is not reaped yet, its group, and all its descendants, whatever their group."""
        below = [(pid, identity.start_time(pid)) for pid in descendants(leader)]
        signal_group(leader, KILL)
        for pid, began in [(leader, start_time), *below]:
            if began is not None:
                signal_process(pid, began, KILL)

    def let_live(leader: int) -> None:
        """Nothing to do: what a component left behind does not depend on us here."""


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
