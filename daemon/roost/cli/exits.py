"""The exit codes of `roost` (INTERFACES.md §5).  Constants alone: the fast path reads this file."""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
NOT_RUNNING = 3
NO_SUCH_COMPONENT = 4
TIMED_OUT = 5
INTERRUPTED = 130
