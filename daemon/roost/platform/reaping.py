"""Reaping our children: who has ended, and how."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform == "win32":
    from .children_windows import reap
else:

    def reap() -> Iterator[tuple[int, int]]:
        """Reap every child that has ended: pid and exit code, negative for the signal that made it end."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            yield pid, os.waitstatus_to_exitcode(status)


__all__ = ["reap"]
