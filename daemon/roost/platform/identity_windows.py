"""Windows: who a process is.  Used by identity.py alone."""

from __future__ import annotations

import sys

assert sys.platform == "win32"

from . import children_windows
from .identity import Facts
from .processes_windows import snapshot, start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def boot_id() -> str:
    """What differs after each boot: here nothing; a start time is a date, never repeated."""
    return "windows"


def facts(pid: int) -> Facts | None:
    """What there is to know about a process; None if there is none with that pid.

    Its group is the first process of the component in whose job it is: of one of ours that has ended.
    """
    began = start_time(pid)
    if began is None:
        return None
    for other, parent, name in snapshot():
        if other == pid:
            return Facts(name, False, parent, children_windows.orphans().get(pid, 0), 0, began)
    return None


def all_pids() -> list[int]:
    """Every process that can be seen."""
    return [pid for pid, _, _ in snapshot()]


def environment_values(pid: int, names: Sequence[str]) -> dict[str, str]:
    """Nothing: another process's environment is not looked at, its job object says whose it is."""
    return {}


def holders(path: str, descriptors: Iterable[int]) -> list[int]:
    """Nobody: here no component holds its lock or a reading end of its pipes, its keeper does."""
    return []


def holders_of_removed(path: str, argument: str) -> list[int]:
    """Nobody: a file that is open cannot be removed on Windows."""
    return []
