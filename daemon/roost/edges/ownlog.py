"""The daemon's own log: one structured line a fact, rotating (S62).  `ROOST_DEBUG=1` makes it verbose (S61).

Lines look like `2026-01-31T12:00:00.123456Z info keeper connected pid=12`.  Values that hold a secret are
masked by whoever writes them; the environment is never logged.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from ..core.times import rfc3339

MAX_SIZE = 5 * 1024 * 1024
KEPT = 3


class OwnLog:
    """Writes to `path`; a disk that cannot be written to costs lines, never the daemon."""

    def __init__(self, path: str, wall: Callable[[], float], debug: bool) -> None:
        self._path = path
        self._wall = wall
        self.verbose = debug

    def info(self, message: str, **facts: object) -> None:
        """Something that a person may want to know later."""
        self._write("info", message, facts)

    def error(self, message: str, **facts: object) -> None:
        """Something that should not have happened."""
        self._write("error", message, facts)

    def debug(self, message: str, **facts: object) -> None:
        """Something that only who looks for a defect wants to know."""
        if self.verbose:
            self._write("debug", message, facts)

    def _write(self, level: str, message: str, facts: dict[str, object]) -> None:
        told = "".join(f" {key}={value}" for key, value in facts.items())
        text = f"{rfc3339(self._wall())} {level} {message}{told}".replace("\n", "\\n")
        with contextlib.suppress(OSError):
            self._append(text.encode("utf-8", "backslashreplace") + b"\n")

    def _append(self, line: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        fd = os.open(self._path, flags, 0o600)
        try:
            os.write(fd, line)
            full = os.fstat(fd).st_size > MAX_SIZE
        finally:
            os.close(fd)
        if full:
            self._rotate()

    def _rotate(self) -> None:
        for number in range(KEPT - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        os.replace(self._path, f"{self._path}.1")
