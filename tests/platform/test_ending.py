"""Being asked to end while a foreign loop has the main thread."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, signal, os
from roost.platform.ending import on_end_request
again = on_end_request(lambda: (print("asked", flush=True), os._exit(7)))
signal.signal(signal.SIGINT, signal.SIG_DFL)  # as pystray's GTK does
again()
print("ready", flush=True)
ctypes.CDLL(None).pause()                     # no Python runs on this thread any more
ctypes.CDLL(None).pause()
ctypes.CDLL(None).sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_an_end_is_heard_although_no_python_runs(number: str) -> None:
    """TERM, INT and HUP reach the function although the main thread never comes back from C."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(getattr(signal, number))
        assert child.stdout.read() == "asked\n"
        assert child.wait(60) == 7
