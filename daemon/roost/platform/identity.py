"""Who a process is: a pid alone proves nothing, pid + start time + boot id does (P3).

A start time is a whole number in the system's own unit (Linux: ticks since boot; macOS: microseconds;
Windows: 100 ns), good for comparing and for nothing else.  A zombie counts as ended.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NamedTuple

    class Facts(NamedTuple):
        """What the system says about a process now."""

        name: str
        zombie: bool
        parent: int
        group: int
        session: int
        start_time: int
else:
    from collections import namedtuple

    Facts = namedtuple("Facts", "name zombie parent group session start_time")


def entries_of(block: bytes, names: Sequence[str]) -> dict[str, str]:
    """Those of `names` that are in a block of NUL-terminated `NAME=value` entries."""
    pairs = (os.fsdecode(entry).partition("=") for entry in block.split(b"\0"))
    return {name: value for name, _, value in pairs if name in names}


if sys.platform == "linux":

    def boot_id() -> str:
        """What differs after each boot of the machine."""
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()

    def facts(pid: int) -> Facts | None:
        """What there is to know about a process; None if there is none with that pid."""
        try:
            fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            stat = os.read(fd, 4096)
        except ProcessLookupError:
            return None
        finally:
            os.close(fd)
        begin, end = stat.index(b"("), stat.rindex(b")")
        field = stat[end + 2 :].split()
        name = os.fsdecode(stat[begin + 1 : end])
        return Facts(name, field[0] in b"ZX", int(field[1]), int(field[2]), int(field[3]), int(field[19]))

    def all_pids() -> list[int]:
        """Every process that can be seen."""
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]

    def environment_values(pid: int, names: Sequence[str]) -> dict[str, str]:
        """Those of `names` that are in the environment that the process was started with.

        What is missing proves nothing: it may not be readable, and some programs write over it.
        """
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return entries_of(file.read(), names)
        except OSError:
            return {}

    def holders(path: str, descriptors: Iterable[int]) -> list[int]:
        """The processes that have the file `path` open as one of `descriptors`; empty if it is gone."""
        try:
            wanted = os.stat(path)
        except OSError:
            return []
        numbers = list(descriptors)
        return [pid for pid in all_pids() if _has_open(pid, numbers, wanted)]

    def _has_open(pid: int, numbers: list[int], wanted: os.stat_result) -> bool:
        for number in numbers:
            try:
                if os.path.samestat(os.stat(f"/proc/{pid}/fd/{number}"), wanted):
                    return True
            except OSError:
                continue
        return False

    def holders_of_removed(path: str, argument: str) -> list[int]:
        """The processes called with `argument` that have the file `path` open although it was removed."""
        called_so, removed = os.fsencode(argument), f"{path} (deleted)"
        return [pid for pid in all_pids() if called_so in _arguments(pid) and removed in _open_files(pid)]

    def _arguments(pid: int) -> list[bytes]:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return file.read().split(b"\0")
        except OSError:
            return []

    def _open_files(pid: int) -> set[str]:
        """Empty for a process of somebody else."""
        try:
            numbers = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            return set()
        found = set()
        for number in numbers:
            try:
                found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
            except OSError:
                continue  # closed meanwhile; the others count
        return found

elif sys.platform == "darwin":
    from .identity_macos import all_pids, boot_id, environment_values, facts, holders, holders_of_removed
else:
    from .identity_windows import all_pids, boot_id, environment_values, facts, holders, holders_of_removed


if sys.platform == "win32":
    from .processes_windows import start_time
else:

    def start_time(pid: int) -> int | None:
        """When the process began, in the system's unit; None if there is no such process."""
        found = facts(pid)
        return None if found is None else found.start_time


def is_alive(pid: int, start_time: int, boot_id_then: str) -> bool:
    """Whether the very process that was recorded so is alive now: not another with its pid, no zombie."""
    if boot_id_then != boot_id():
        return False
    found = facts(pid)
    return found is not None and not found.zombie and found.start_time == start_time


def process_name(pid: int) -> str | None:
    """The short name of its program, as `ps` shows it; None if there is no such process, or only a zombie."""
    found = facts(pid)
    return None if found is None or found.zombie else found.name


__all__ = [
    "Facts",
    "all_pids",
    "boot_id",
    "environment_values",
    "facts",
    "holders",
    "holders_of_removed",
    "is_alive",
    "process_name",
    "start_time",
]
