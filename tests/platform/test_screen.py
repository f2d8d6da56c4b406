"""The terminal that a person sits at."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no terminal is passed on on Windows")

LOOK = """
from roost.platform.screen import Screen
with Screen(lambda: b"") as screen:
    first, second = screen.wait(-1, False, None), screen.wait(-1, False, 0.0)
assert first == (b"", False, True), first
assert second == (b"", False, False), second
"""


def test_a_size_that_changed_before_anybody_listened_is_asked_for() -> None:
    """Between the first look at it and our hearing of changes a window may have got another size."""
    master, slave = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", LOOK], stdin=slave, stdout=slave, stderr=subprocess.PIPE, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
    finally:
        os.close(master)
        os.close(slave)
