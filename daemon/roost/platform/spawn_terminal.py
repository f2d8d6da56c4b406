"""POSIX: starting a program whose controlling terminal is one of ours.  Used by spawn.py and `roost exec`.

By `fork`: macOS gives nobody a controlling terminal in `posix_spawn`, where TIOCSCTTY cannot be asked for.  It
costs some milliseconds, for a component with a terminal alone.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios

from .limits import OriginalLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

assert sys.platform != "win32"

_BEYOND = 64  # descriptors of ours that must not be among those that the program gets
_UNCHANGEABLE = (signal.SIGKILL, signal.SIGSTOP)
_SIGNALS = [number for number in signal.valid_signals() if number not in _UNCHANGEABLE]


def fork_into_terminal(
    program: str, argv: Sequence[str], env: Mapping[str, str], slave: int, kept: Mapping[int, int]
) -> int:
    """Start `program` as the leader of a session whose terminal is `slave`; its pid.

    `kept`: which further descriptors it inherits, each under which number.  The working folder is ours.
    Raises OSError when the program cannot be started, ValueError when a text holds a NUL byte.
    """
    arguments, environment = list(argv), dict(env)
    reading, writing = os.pipe()
    with open(reading, "rb") as answer:
        told = _moved_up(writing)
        # no handler of ours may run in the child: it would speak into the parent's pipes
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            with OriginalLimit():
                pid = os.fork()
            if not pid:
                _become(program, arguments, environment, slave, kept, told)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(told)
        failure = answer.read()
    if failure:
        os.waitpid(pid, 0)
        if failure == _NUL:
            raise ValueError("embedded null byte")
        raise OSError(int(failure), os.strerror(int(failure)))
    return pid


def _moved_up(fd: int) -> int:
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _BEYOND)
    finally:
        os.close(fd)


_NUL = b"nul"


def _become(
    program: str, argv: list[str], env: dict[str, str], slave: int, kept: Mapping[int, int], told: int
) -> None:
    """In the child: never returns."""
    failure = b"5"
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for target in (0, 1, 2):
            os.dup2(slave, target)
        for source, target in kept.items():
            os.dup2(source, target)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execve(program, argv, env)
    except OSError as error:
        failure = str(error.errno).encode()
    except ValueError:
        failure = _NUL
    finally:
        os.write(told, failure)
        os._exit(127)
