"""Windows: starting a component in a job of its own.  Used by spawn.py.

It is created suspended, put into its job, and only then let run, so that nothing that it starts can escape.
It inherits three handles and no others.
"""

from __future__ import annotations

import _winapi
import errno
import msvcrt
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

assert sys.platform == "win32"

from . import children_windows, kernel32_windows, quoting, terminals
from .children_windows import KILLED, Child
from .jobs_windows import Job

_SUSPENDED = 0x4
_NEW_PROCESS_GROUP = 0x200
_NO_WINDOW = 0x08000000
_USE_STD_HANDLES = 0x100
_SAME_ACCESS = 0x2
_EXTENSIONS = ".COM;.EXE;.BAT;.CMD"
_BATCH = (".bat", ".cmd")
_WHY = {
    2: "cannot be started: there is no such program",
    5: "may not be executed: access is denied",
    193: "is no program of this machine",
    206: "cannot be started: its command line is longer than the system allows",
    216: "is a program for another kind of machine",
    740: "can only be started by an administrator",
}


class Startup:
    """What `_winapi.CreateProcess` wants to know of the three standard handles, and what is inherited."""

    def __init__(self, stdin: int, stdout: int, stderr: int, others: Sequence[int] = ()) -> None:
        self.dwFlags = _USE_STD_HANDLES
        self.wShowWindow = 0
        self.hStdInput = stdin
        self.hStdOutput = stdout
        self.hStdError = stderr
        self.lpAttributeList = {"handle_list": list(dict.fromkeys((stdin, stdout, stderr, *others)))}


class Spawner:
    """Starts components."""

    __slots__ = ("_flags", "_null")

    def __init__(self) -> None:
        self._null = inheritable(os.open(os.devnull, os.O_RDWR))
        self._flags = _SUSPENDED | _NEW_PROCESS_GROUP
        if not kernel32_windows.has_console():  # else each component would open a window of its own
            self._flags |= _NO_WINDOW

    def spawn(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        stdout: int,
        stderr: int,
        kept: Sequence[int] = (),
        bound: bool = True,
    ) -> int:
        """Start `argv` as the first process of a new group and job; its pid.

        Standard input is the null device.  `kept` is not inherited here, which would not hold a lock: we keep
        copies as long as the process lives.  A `bound` process ends with us.  The program is looked up in the
        PATH of `env`, from `cwd`.  Raises OSError with a sentence in `strerror` when the folder cannot be
        entered or the program not be started, ValueError when a text holds a NUL character.
        """
        folder = os.path.abspath(cwd)
        if not os.path.isdir(folder):
            raise OSError(errno.ENOENT, f"cannot use the folder {cwd}: it does not exist, or is no folder")
        program, line = _program(argv, env, folder)
        output, errors = inheritable(os.dup(stdout)), inheritable(os.dup(stderr))
        job = Job(bound)
        try:
            handle, thread, pid = self._create(program, line, env, folder, output, errors, argv[0])
            try:
                job.add(handle)
                kernel32_windows.resume_thread(thread)
            except OSError:
                _winapi.TerminateProcess(handle, KILLED)
                _winapi.CloseHandle(handle)
                raise
            finally:
                _winapi.CloseHandle(thread)
        except BaseException:
            job.close()
            raise
        finally:
            _winapi.CloseHandle(output)
            _winapi.CloseHandle(errors)
        children_windows.add(Child(pid, handle, job, [os.dup(fd) for fd in kept if fd >= 0]))
        return pid

    def spawn_in_terminal(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, slave: int, kept: Sequence[int] = ()
    ) -> int:
        """Never: `open_terminal` has refused before (terminals.py)."""
        raise OSError(errno.ENOTSUP, terminals.NONE_HERE)

    def _create(
        self,
        program: str,
        line: str,
        env: Mapping[str, str],
        folder: str,
        output: int,
        errors: int,
        name: str,
    ) -> tuple[int, int, int]:
        startup = Startup(self._null, output, errors)
        try:
            handle, thread, pid, _ = _winapi.CreateProcess(
                program, line, None, None, True, self._flags, dict(env), folder, startup
            )
        except OSError as error:
            why = _WHY.get(error.winerror, f"cannot be started: {error.strerror}")
            raise OSError(error.errno, f"{name} {why}") from error
        return handle, thread, pid


def find_program(name: str, path: str, extensions: str = _EXTENSIONS, folder: str = ".") -> str:
    """The file that a shell in `folder` would run for `name`, given PATH and PATHEXT.

    Raises OSError (ENOENT) with a sentence in `strerror`.
    """
    for candidate in quoting.program_candidates(name, path, extensions, os.path.abspath(folder)):
        if os.path.isfile(candidate):
            return candidate
    where = "" if any(separator in name for separator in "\\/") else " in any folder of its PATH"
    raise OSError(errno.ENOENT, f"there is no program {name}{where}")


def open_pidfd(pid: int) -> int:
    """-1: a handle of a process cannot be given to the daemon as a descriptor."""
    return -1


def inheritable(fd: int) -> int:
    """The handle of a descriptor as one that a child may inherit; the descriptor is closed."""
    try:
        ours = _winapi.GetCurrentProcess()
        return _winapi.DuplicateHandle(ours, msvcrt.get_osfhandle(fd), ours, 0, True, _SAME_ACCESS)
    finally:
        os.close(fd)


def _program(argv: Sequence[str], env: Mapping[str, str], folder: str) -> tuple[str, str]:
    """The file to run and its command line; a batch file is run by cmd.exe."""
    known = {key.upper(): value for key, value in env.items()}
    program = find_program(argv[0], known.get("PATH", ""), known.get("PATHEXT", _EXTENSIONS), folder)
    if program.lower().endswith(_BATCH):
        shell = known.get("COMSPEC") or os.environ.get("COMSPEC", "cmd.exe")
        return shell, quoting.batch_command_line(shell, program, argv[1:])
    return program, quoting.command_line(argv)
