"""The table of all processes in one pass: whose child, whose session, how much processor time and memory.

Only Linux has one that the standard library can read; elsewhere `read_table` gives None, and who asks takes
psutil instead (which is more than ten times slower than these few lines, and too much to import for them).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Row(NamedTuple):
        """One process.  `start_time` is good for comparing only; `cpu` is seconds, `rss` bytes."""

        parent: int
        session: int
        start_time: float
        cpu: float
        rss: int
else:
    from collections import namedtuple

    Row = namedtuple("Row", "parent session start_time cpu rss")


if sys.platform == "linux":
    _TICK = 1 / os.sysconf("SC_CLK_TCK")
    _PAGE = os.sysconf("SC_PAGE_SIZE")

    def read_table() -> dict[int, Row] | None:
        """Every process by its pid; None where the system offers no such table."""
        table: dict[int, Row] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and (row := _read_row(entry)) is not None:
                table[int(entry)] = row
        return table

    def _read_row(pid: str) -> Row | None:
        try:
            fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None  # it ended while we read
        try:
            stat = os.read(fd, 4096)
        except ProcessLookupError:
            return None
        finally:
            os.close(fd)
        field = stat[stat.rindex(b")") + 2 :].split(None, 22)  # proc(5), from field 3 on
        return Row(
            int(field[1]),
            int(field[3]),
            float(field[19]),
            (int(field[11]) + int(field[12])) * _TICK,
            int(field[21]) * _PAGE,
        )

else:

    def read_table() -> dict[int, Row] | None:
        """Nothing: neither macOS nor Windows has one in the standard library."""
        return None
