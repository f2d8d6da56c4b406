"""An error that a person reads: what happened and why, what to do, and the exit code.

Also the one place that turns any other exception into such an error.
"""

from __future__ import annotations

import os

from ..client.errors import RoostError
from . import exits

_EXIT_CODES = {
    "not_running": exits.NOT_RUNNING,
    "shutting_down": exits.NOT_RUNNING,
    "no_such_component": exits.NO_SUCH_COMPONENT,
    "timeout": exits.TIMED_OUT,
    "invalid_config": exits.USAGE,
    "invalid_params": exits.USAGE,
    "no_such_method": exits.USAGE,
}
"""Kind of an error of the interface → exit code; any other is 1."""


class Fault(Exception):
    """The command ends here.  `message`: what and why; `hint`: what to do; `code`: the exit code."""

    def __init__(self, message: str, hint: str = "", code: int = exits.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return self.message


def debugging() -> bool:
    """Whether stack traces are wanted."""
    return os.environ.get("ROOST_DEBUG", "") not in ("", "0")


def explain(error: Exception) -> Fault:
    """Any exception as a Fault; one that nobody foresaw says that it is a defect of ours."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, RoostError):
        return Fault(error.message, error.hint or "", _exit_code(error))
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return Fault(f"{place}{error.strerror or error}")
    return Fault(
        f"a defect in roost: {type(error).__name__}: {error}",
        "ROOST_DEBUG=1 shows where; please report it with what you did",
    )


def _exit_code(error: RoostError) -> int:
    if error.code in (-32601, -32602):  # wrong usage, whatever the kind is called
        return exits.USAGE
    return _EXIT_CODES.get(error.kind, exits.FAILED)
