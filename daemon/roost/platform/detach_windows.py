"""Windows: starting a program of ours so that nothing ties it to its starter.  Used by detach.py.

The program gets a console without a window: it needs one to send its components CTRL_BREAK (groups_windows),
and with the starter's own it would end when that one's window is closed.  A job that the starter is in is
left where it allows that.
"""

from __future__ import annotations

import _winapi
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence

assert sys.platform == "win32"

from . import detach
from .quoting import command_line
from .spawn_windows import Startup, inheritable

_FLAGS = 0x08000000 | 0x00000200  # CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP
_BREAK_AWAY = 0x01000000
_SAME_ACCESS = 0x2
_ACCESS_DENIED = 5
_PAUSE = 0.005


def start_detached(
    argv: Sequence[str],
    env: Mapping[str, str],
    timeout: float = 10.0,
    meanwhile: Callable[[], object] | None = None,
) -> int:
    """Start `argv` on a console of its own, on the null device, and wait until it says that it runs: its pid.

    The pid is the program's own, or that of another that runs already and made it superfluous.  `meanwhile` is
    called before: a pipe of this kind has one direction, and time is not what this system is short of.
    Raises StartFailed with the program's own reason, TimeoutError if it says nothing in `timeout` seconds (it
    may still come), OSError if it cannot be started at all.
    """
    if meanwhile is not None:
        meanwhile()
    reading, other = _winapi.CreatePipe(None, 0)
    try:
        ours = _winapi.GetCurrentProcess()
        writing = _winapi.DuplicateHandle(ours, other, ours, 0, True, _SAME_ACCESS | 0x1)  # closes `other`
        try:
            _start(argv, {**env, detach.STATUS_VARIABLE: str(writing)}, writing)
        finally:
            _winapi.CloseHandle(writing)
        return _pid_in(_read_line(reading, timeout), argv[0])
    finally:
        _winapi.CloseHandle(reading)


def _start(argv: Sequence[str], env: dict[str, str], status: int) -> None:
    null = inheritable(os.open(os.devnull, os.O_RDWR))
    startup = Startup(null, null, null, [status])
    place = _resting_place()
    try:
        for flags in (_FLAGS | _BREAK_AWAY, _FLAGS):
            try:
                process, thread, _, _ = _winapi.CreateProcess(
                    argv[0], command_line(argv), None, None, True, flags, env, place, startup
                )
            except PermissionError as error:
                if error.winerror != _ACCESS_DENIED or flags == _FLAGS:
                    raise
            else:
                _winapi.CloseHandle(thread)
                _winapi.CloseHandle(process)
                return
    finally:
        _winapi.CloseHandle(null)


def _read_line(reading: int, timeout: float) -> bytes:
    """What comes up to the end of a line or of the pipe; a plain pipe cannot be waited for, so we look."""
    deadline = time.monotonic() + timeout
    text = b""
    while not text.endswith(b"\n"):
        try:
            if _winapi.PeekNamedPipe(reading, 0)[0]:
                text += _winapi.ReadFile(reading, 4096)[0]
                continue
        except BrokenPipeError:
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"no word within {timeout:g} s")
        time.sleep(_PAUSE)
    return text


def _pid_in(word: bytes, program: str) -> int:
    kind, _, rest = word.decode("utf-8", "replace").strip().partition(" ")
    if kind == "ready" and rest.isdigit():
        return int(rest)
    if kind == "error:":
        raise detach.StartFailed(rest)
    raise detach.StartFailed(f"{program} ended before it was ready, without a reason")


def finish_detaching(environ: MutableMapping[str, str]) -> Status:
    """Leave what the starter could not take away: the folder, and that children inherit the channel.

    A program that was not started by `start_detached` (no ROOST_STATUS) has no channel.
    """
    status = environ.pop(detach.STATUS_VARIABLE, "")
    handle = int(status) if status.isdigit() else 0
    os.chdir(_resting_place())
    if handle:
        os.set_handle_inheritable(handle, False)
    return Status(handle)


def _resting_place() -> str:
    """A folder that is always there and that nobody wants to remove."""
    return os.environ.get("SYSTEMROOT") or os.path.abspath(os.sep)


class Status:
    """The started program's end of the channel; speaks once."""

    __slots__ = ("_handle",)

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def may_begin(self) -> bool:
        """At once: the starter has seen to everything before."""
        return True

    def ready(self, pid: int) -> None:
        """Say that process `pid`, this one or an earlier one, does the work."""
        self._say(f"ready {pid}\n")

    def fail(self, reason: str) -> None:
        """Say in one sentence why it cannot."""
        self._say(f"error: {' '.join(reason.split())}\n")

    def _say(self, text: str) -> None:
        if not self._handle:
            return
        try:
            _winapi.WriteFile(self._handle, text.encode("utf-8", "replace"))
        except OSError:
            pass  # the starter did not wait; nothing depends on it
        _winapi.CloseHandle(self._handle)
        self._handle = 0
