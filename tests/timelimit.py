"""A limit for each test, so that one that hangs is named, with the place where it stands, and the rest still run.

It is far beyond what any test needs on a slow machine; what a test promises it bounds itself.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

SECONDS = 300.0
LONG = 14_400.0  # with --all


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Fail what the block does after so many seconds; without effect where the system has no alarm."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"the test has not ended within {seconds:g} s; it stands where the traceback ends")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
