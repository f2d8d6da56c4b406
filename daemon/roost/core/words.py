"""Facts as the sentences that people read: the one place that renders the end of a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from .durations import duration as duration  # offered here too, beside the other sentences
from .states import Ended, Exit
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
    return end_text(ended.code, ended.signal, ended.cause) if ended.known else end_text(cause=ended.cause)


def end_text(code: int | None = None, signal: int | None = None, cause: str | None = None) -> str:
    """The same, of what is kept of a life; with neither code nor signal the cause says it all."""
    if signal is not None:
        said = f"killed by {signal_name(signal)}"
    elif code is not None:
        said = f"exit code {code}"
    else:
        return cause or "ended unattended, exit code unknown"
    return f"{said}: {cause}" if cause else said


def life_text(life: Ended) -> str:
    """How a life of the history ended."""
    if life.run is None:
        return "an end of which no more is on record"  # an older Roost kept its time alone
    return end_text(life.code, life.signal, life.cause)


_KINDS_OF_END = 3
_FIGURES = re.compile(r"[0-9][0-9.]*")


def tally(lives: Sequence[Ended], last: Ended) -> str:
    """How the lives before the last ended: `8 like it, 2 × exit code 1`; no figure makes a cause another one."""
    counts = Counter(_kind(life) for life in lives)
    like = counts.pop(_kind(last), 0)
    shown = counts.most_common(_KINDS_OF_END)
    rest = sum(counts.values()) - sum(count for _, count in shown)
    parts = [f"{like} like it"] if like else []
    parts += [f"{count} × {kind}" if count > 1 else kind for kind, count in shown]
    return ", ".join([*parts, f"{rest} in other ways"] if rest else parts)


def _kind(life: Ended) -> str:
    """An exit by its code or signal; what was ended for a cause by the beginning of that."""
    text = life_text(life)
    if life.code is not None or life.signal is not None or not life.cause:
        return text
    return _FIGURES.sub("…", text.partition(": ")[0])
