"""What `roost run` does: a command runs in the foreground while the project is ready for it.

The command has this terminal, its signals and its exit code; of ours it sees nothing but lines on standard
error while something has to be started first.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from ..client.running import ensure_running
from ..platform.paths import ProjectPaths
from . import checking, session
from .display import Notes, is_up
from .faults import Fault

_NO_SUCH_COMMAND = 127  # as shells have it
_NOT_EXECUTABLE = 126
_KEYBOARD = ("SIGINT", "SIGQUIT")
_PASSED_ON = ("SIGTERM", "SIGHUP")


def run(paths: ProjectPaths, names: Sequence[str], start: bool, timeout: float, argv: list[str]) -> int:
    """Run `argv` while the project is ready.  Returns its exit code; raises Fault, RoostError."""
    if shutil.which(argv[0]) is None:
        raise Fault(f"there is no command {argv[0]!r}", "nothing was started for it", _NO_SUCH_COMMAND)
    if not session.answers(paths):
        checking.valid(paths)
    with Notes(is_up) as show, _termination_as_interrupt():
        ready = ensure_running(paths, *names, start=start, timeout=timeout, on_progress=show.progress)
        with ready:
            return _in_foreground(argv)


def _in_foreground(argv: list[str]) -> int:
    with _signals_are_the_commands() as belong_to:
        try:
            child = subprocess.Popen(argv)
        except OSError as error:
            raise Fault(f"{argv[0]} cannot be run: {error.strerror}", "", _NOT_EXECUTABLE) from error
        belong_to(child)
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _signals_are_the_commands() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """The keyboard's signals reach the command by themselves; what was sent to us alone is passed on.

    From before its start on, since it may run, and be interrupted, before we hear of that; the block says which
    it is.  With handlers, not ignored: an ignored signal would be ignored in the command, too.
    """
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if started:
            started[0].send_signal(number)
        else:
            early.append(number)

    def belong_to(child: subprocess.Popen[bytes]) -> None:
        started.append(child)
        for number in early:
            child.send_signal(number)

    handlers = {**dict.fromkeys(_KEYBOARD, _take_no_notice), **dict.fromkeys(_PASSED_ON, pass_on)}
    with _handling(handlers):
        yield belong_to


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Being asked to end while something starts or stops gives it back, as Ctrl-C does."""
    with _handling(dict.fromkeys(_PASSED_ON, signal.default_int_handler)):
        yield


@contextmanager
def _handling(handlers: Mapping[str, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    before = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _take_no_notice(_number: int, _frame: FrameType | None) -> None:
    """It was for the command."""
