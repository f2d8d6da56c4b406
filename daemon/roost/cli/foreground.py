"""`roost up --foreground`: the logs on this terminal until Ctrl-C, which stops everything in order (S63).

A second Ctrl-C, while everything stops, kills what has not ended yet.
"""

from __future__ import annotations

import signal
import threading
import time

from ..platform.paths import ProjectPaths
from . import bringup, exits, logfollow, output, session, takedown
from .bringup import Wish
from .display import Notes, is_up
from .faults import Fault


def run(paths: ProjectPaths, wish: Wish) -> int:
    """Bring the project up, show its logs, bring it down at the end.  Returns the exit code; raises Fault."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    began = time.time_ns()
    try:
        started = bringup.ensure(paths)
        if not started:
            output.note(bringup.facts(session.status(paths)).rstrip())
        starting = threading.Thread(target=_start, args=(paths, wish, started), daemon=True)
        starting.start()
        logfollow.follow_all(paths, began)
        output.note("the daemon has ended")
        return exits.DONE
    except KeyboardInterrupt:
        return _end(paths)


def _start(paths: ProjectPaths, wish: Wish, started: bool) -> None:
    """Runs beside the logs; what fails is told, and the rest goes on."""
    try:
        answer = bringup.call_up(paths, wish, Notes(is_up), started)
        bringup.complain(answer["failed"])
        output.note("all is up; Ctrl-C stops everything")
    except Fault as fault:
        output.fault(fault)


def _end(paths: ProjectPaths) -> int:
    output.note("\nstopping everything; Ctrl-C again kills what has not ended yet")
    try:
        return takedown.bring_down(paths)
    except KeyboardInterrupt:
        output.note("\nkilling what has not ended yet")
        return takedown.bring_down(paths, timeout=0.0)
