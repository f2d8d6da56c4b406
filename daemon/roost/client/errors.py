"""What a client raises.  A program reads the class or `kind`, a person the message and `hint`."""

from __future__ import annotations


class RoostError(Exception):
    """The daemon's answer was an error, or there was none.  `kind` is one of INTERFACES.md §6, or ours.

    `code` is the number of the JSON-RPC error, None for an error that is not the daemon's.
    """

    kind = "failed"

    def __init__(
        self, message: str, hint: str | None = None, kind: str | None = None, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        if kind is not None:
            self.kind = kind


class DaemonNotRunning(RoostError):
    """Nobody answers for this project, or the daemon went away before it had answered."""

    kind = "not_running"


class NoSuchComponent(RoostError):
    """The project has no component of that name."""

    kind = "no_such_component"


class InvalidConfig(RoostError):
    """roost.yaml cannot be used; the message has the problems, one a line."""

    kind = "invalid_config"


class NotReady(RoostError):
    """Something that is needed is failed or was stopped by a person; nothing was changed (S84)."""

    kind = "not_ready"


class Timeout(RoostError):
    """What was waited for did not come in time, or the daemon was silent for too long."""

    kind = "timeout"


_BY_KIND = {
    error.kind: error for error in (DaemonNotRunning, NoSuchComponent, InvalidConfig, NotReady, Timeout)
}


def from_answer(code: int, message: str, kind: str | None, hint: str | None) -> RoostError:
    """The exception for an error that the daemon answered with."""
    return _BY_KIND.get(kind or "", RoostError)(message, hint, kind, code)


def not_running(root: str, log: str) -> DaemonNotRunning:
    """Nobody answers for the project in `root`, whose daemon's log is `log` (S53)."""
    return DaemonNotRunning(
        f"cannot connect: the daemon of {root} is not running",
        f"start it with: roost up (what it said last is in {log})",
    )


def went_away() -> DaemonNotRunning:
    """The connection ended before the answer came."""
    return DaemonNotRunning(
        "the daemon ended before it had answered",
        "it comes back by itself within seconds; see what became of the call with: roost status",
    )


def silent(seconds: float) -> Timeout:
    """Neither answer nor progress for so long (S41)."""
    return Timeout(f"the daemon said nothing for {seconds:g} s", "see what it does with: roost daemon logs")
