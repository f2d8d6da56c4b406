"""Noticing that nobody reads any more what we write, although nothing is to be written.

Windows tells of it with the next write alone: there the answer is False, at once.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":

    def await_departure(fd: int) -> bool:
        """There is nothing to wait for."""
        return False
else:
    import select

    def await_departure(fd: int) -> bool:
        """Return True when the last reader of the pipe or socket `fd` has gone; False if that cannot be told."""
        poll = select.poll()
        poll.register(fd, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll())


__all__ = ["await_departure"]
