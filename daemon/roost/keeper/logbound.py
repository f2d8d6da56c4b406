"""The bound on all logs of a project together (`limits.logs`): beyond it the oldest rotated files go first.

Costs nothing while there is room: what is written is subtracted from what was left at the last look into the
folder, and only when that is used up is there another look.  A file that is being written to, or was when its
component stopped, never goes; so those alone may be more than the bound.  The keeper alone removes; what the
daemon writes for containers is looked at when it says so, and counts like all else that lies in the folder.
"""

from __future__ import annotations

import os
import threading

from roost.platform import logindex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[dict[str, int], int], None]

_LEAST_SLACK = 1024 * 1024  # bytes


class LogBound:
    """Keeps the logs in `folder` below `limit` bytes (None: not yet known, so no bound).

    `tell` hears of what was removed: how many files of each component, and their size in all.  Several threads
    may write; whoever renames or removes files holds `files` meanwhile, or a number would mean another file.
    """

    __slots__ = ("_counting", "_folder", "_room", "_tell", "files", "limit")

    def __init__(self, folder: str, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._room = 0
        self._counting = threading.Lock()
        self.files = threading.Lock()
        self.limit: int | None = None

    def set(self, limit: int) -> None:
        """The bound, obeyed at once; said again, it is looked at what others have written meanwhile."""
        self.limit = limit
        with self.files:
            self._look()

    def wrote(self, count: int) -> None:
        """So many bytes more; where they are too many, the oldest files go at once."""
        with self._counting:
            self._room -= count
        if self._room < 0 and self.limit is not None:
            with self.files:
                if self._room < 0:  # still: nobody else has looked meanwhile
                    self._look()

    def _look(self) -> None:
        limit, room = self.limit or 0, self._room
        slack = min(max(limit // 32, _LEAST_SLACK), limit // 2)  # or each rotation would need a look
        try:
            total, oldest_first = _rotated(self._folder)
        except OSError:  # no descriptor is free in the moment of a spawn (D10), say
            return  # the next piece asks again
        removed: dict[str, int] = {}
        before = total
        if total > limit:
            for name, number, size in oldest_first:
                if total <= limit - slack:
                    break
                if self._remove(name, number):
                    removed[name] = removed.get(name, 0) + 1
                    total -= size
        with self._counting:
            self._room += (limit - total if total < limit else slack) - room
        if removed:
            self._tell(removed, before - total)

    def _remove(self, name: str, number: int) -> bool:
        log = os.path.join(self._folder, f"{name}.log")
        if os.path.exists(logindex.rotated(log, number + 1)):
            return False  # the daemon has just rotated a container's log, or an older file would not go
        try:
            for kind in ("idx", "log"):
                path = logindex.rotated(os.path.join(self._folder, f"{name}.{kind}"), number)
                if kind == "log" or os.path.exists(path):
                    os.unlink(path)
        except OSError:
            return False  # somebody else was faster, or reads it (Windows): the next look finds out
        return True


def _rotated(folder: str) -> tuple[int, list[tuple[str, int, int]]]:
    """How many bytes all logs and indices have; the rotated files (name, number, bytes), oldest first.

    Of one component those with higher numbers come first, whatever their times say: a gap in the numbers
    would hide what is behind it.  Raises OSError if there is no looking now.
    """
    sizes: dict[tuple[str, int], int] = {}
    times: dict[tuple[str, int], float] = {}
    for file, found in _files(folder):
        name, kind, number = _parsed(file)
        if kind:
            sizes[name, number] = sizes.get((name, number), 0) + found.st_size
            if kind == "log" and number:
                times[name, number] = found.st_mtime
    latest: dict[str, float] = {}
    order = []
    for name, number in sorted(times, key=lambda key: -key[1]):
        latest[name] = max(latest.get(name, 0.0), times[name, number])
        order.append((latest[name], -number, name))
    return sum(sizes.values()), [(name, -number, sizes[name, -number]) for _, number, name in sorted(order)]


def _files(folder: str) -> list[tuple[str, os.stat_result]]:
    found = []
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return []  # no folder, no logs
    with entries:
        for entry in entries:
            try:
                found.append((entry.name, entry.stat(follow_symlinks=False)))
            except OSError:
                pass  # it has just been removed
    return found


def _parsed(file: str) -> tuple[str, str, int]:
    """(component, "log" or "idx", how often rotated) of a file's name; the kind is empty if it is none."""
    stem, _, last = file.rpartition(".")
    number = 0
    if last.isdigit():
        number = int(last)
        stem, _, last = stem.rpartition(".")
    return stem, last if last in ("log", "idx") else "", number
