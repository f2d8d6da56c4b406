"""Which of the three kinds of system this is, for those who choose between programs and not between calls."""

from __future__ import annotations

import enum
import sys


class System(enum.Enum):
    """A kind of desktop; every Unix but macOS counts as Linux."""

    LINUX = "linux"
    MACOS = "macos"
    WINDOWS = "windows"


def this_system() -> System:
    """The one that we run on."""
    if sys.platform == "win32":
        return System.WINDOWS
    if sys.platform == "darwin":
        return System.MACOS
    return System.LINUX
