"""Facts as the sentences that people read: the one place that renders the end of a run."""

from __future__ import annotations

from .durations import duration as duration  # offered here too, beside the other sentences
from .states import Exit
from .times import rfc3339_seconds

_SIGNALS = {
    1: "HUP",
    2: "INT",
    3: "QUIT",
    4: "ILL",
    6: "ABRT",
    7: "BUS",
    8: "FPE",
    9: "KILL",
    11: "SEGV",
    13: "PIPE",
    14: "ALRM",
    15: "TERM",
}
"""The numbers that are the same on Linux and macOS, and those of Linux where they differ."""


SHORT_ID = 12
"""As many characters of a container's id as the engines' own commands show."""


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `signal 42` for one without a common name."""
    name = _SIGNALS.get(number)
    return f"SIG{name}" if name else f"signal {number}"


def next_run_text(wall: float) -> str:
    """`next run at 2026-01-31T12:00:00Z`."""
    return f"next run at {rfc3339_seconds(wall)}"


def exit_text(ended: Exit) -> str:
    """How a run ended, in a few words."""
    if not ended.known:
        return ended.cause or "ended unattended, exit code unknown"
    if ended.signal is not None:
        said = f"killed by {signal_name(ended.signal)}"
    else:
        said = f"exit code {ended.code}"
    return f"{said}: {ended.cause}" if ended.cause else said
