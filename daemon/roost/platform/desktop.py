"""Starting a desktop's own programs, so that they outlive us and hold nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTLED = 1.0
"""Seconds after which a program that has not ended counts as one that works."""


def launch(argv: Sequence[str], env: Mapping[str, str], new_console: bool = False) -> int | None:
    """Start a program and leave it alone; its exit code if it has ended within a second, else None.

    Raises OSError if it cannot be started.
    """
    if sys.platform == "win32":
        from .quoting import command_line

        flags = subprocess.CREATE_NEW_CONSOLE if new_console else subprocess.CREATE_NO_WINDOW
        started = subprocess.Popen(command_line(argv), env=dict(env), creationflags=flags)
    else:
        started = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        return started.wait(SETTLED)
    except subprocess.TimeoutExpired:
        threading.Thread(target=started.wait, name="reaper", daemon=True).start()
        return None


def open_target(target: str) -> None:
    """Windows: what a double click does.  Raises OSError; elsewhere a program does it (`doors.opening`)."""
    if sys.platform == "win32":
        os.startfile(target)
    else:
        raise OSError("only Windows opens things by a call")
