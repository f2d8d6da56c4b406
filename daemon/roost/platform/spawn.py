"""Starting a component: a session of its own, descriptors 0, 1, 2 and three more, and nothing else of ours.

`posix_spawn` (vfork inside): 1 ms whatever our size; `fork` takes two to three times as long (only a terminal
needs it, spawn_terminal.py) and `subprocess` 2.6 MB.  It has no working folder and no limits, so these are set
round the call; hence only the main thread may spawn, and no other thread may use relative paths.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

if sys.platform == "win32":
    from .spawn_windows import Spawner, find_program, open_pidfd
else:
    import errno
    import signal
    import stat

    from .limits import OriginalLimit
    from .pipes import FIRST_KEPT  # shell scripts name 3 to 9, shells keep their own from 10 on
    from .spawn_terminal import fork_into_terminal

    _SOURCES = 12  # where ours wait: posix_spawn refuses numbers above the component's limit
    _MOST = 5

    class Spawner:
        """Starts components.  Make one early: it reserves low descriptor numbers."""

        __slots__ = ("_null", "_root", "_signals")

        def __init__(self) -> None:
            self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            self._root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for number in range(_SOURCES, _SOURCES + _MOST):
                if _is_open(number):
                    raise RuntimeError(f"descriptor {number} is taken: the Spawner must be made earlier")
                os.dup2(self._null, number, inheritable=False)
            unchangeable = (signal.SIGKILL, signal.SIGSTOP)
            self._signals = [number for number in signal.valid_signals() if number not in unchangeable]

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
            """Start `argv` as the leader of a new session; its pid.

            Standard input is the null device; `kept` are inherited besides.  `bound` is for Windows, where
            such a process ends with us; here none does.  The program is looked up in the
            PATH of `env`, from `cwd`.  Raises OSError with a sentence in `strerror` when the folder cannot be
            entered or the program not be started, ValueError when a text holds a NUL byte.
            """

            def start(program: str) -> int:
                sources = self._fill_slots([stdout, stderr, *kept])
                targets = [1, 2, *range(FIRST_KEPT, FIRST_KEPT + len(kept))]
                inherited = zip(sources, targets, strict=True)
                actions = [(os.POSIX_SPAWN_DUP2, source, target) for source, target in inherited]
                with OriginalLimit():
                    return os.posix_spawn(
                        program,
                        list(argv),
                        dict(env),
                        file_actions=[(os.POSIX_SPAWN_DUP2, self._null, 0), *actions],
                        setsid=True,
                        setsigmask=[],
                        setsigdef=self._signals,
                    )

            return self._within(cwd, argv[0], env, start)

        def spawn_in_terminal(
            self, argv: Sequence[str], env: Mapping[str, str], cwd: str, slave: int, kept: Sequence[int] = ()
        ) -> int:
            """The same with the terminal whose other side is `slave` for all three, and as the session's own."""

            def start(program: str) -> int:
                sources = self._fill_slots([slave, *kept])
                inherited = dict(zip(sources[1:], range(FIRST_KEPT, FIRST_KEPT + len(kept)), strict=True))
                return fork_into_terminal(program, argv, env, sources[0], inherited)

            return self._within(cwd, argv[0], env, start)

        def _within(self, cwd: str, name: str, env: Mapping[str, str], start: Callable[[str], int]) -> int:
            """Let `start` start what `name` means in the folder `cwd`."""
            folder = _open_folder(cwd)
            try:
                os.fchdir(folder)
                program = find_program(name, env.get("PATH", os.defpath))
                try:
                    return start(program)
                except OSError as error:
                    raise OSError(error.errno, _why(error.errno or 0, name, program)) from error
            finally:
                os.fchdir(self._root)
                os.close(folder)
                self._empty_slots()

        def _fill_slots(self, fds: Sequence[int]) -> list[int]:
            for number, fd in enumerate(fds, _SOURCES):
                os.dup2(fd, number, inheritable=False)
            return list(range(_SOURCES, _SOURCES + len(fds)))

        def _empty_slots(self) -> None:
            """Our copies must go, or a pipe would never be seen to end."""
            for number in range(_SOURCES, _SOURCES + _MOST):
                os.dup2(self._null, number, inheritable=False)

    def _is_open(fd: int) -> bool:
        try:
            os.fstat(fd)
        except OSError:
            return False
        return True

    def _open_folder(cwd: str) -> int:
        try:
            return os.open(cwd, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            text = f"cannot use the folder {cwd}: {os.strerror(error.errno or 0)}"
            raise OSError(error.errno, text) from error

    def find_program(name: str, path: str) -> str:
        """The file that a shell in the current folder would run for `name`, given PATH.

        Raises OSError (ENOENT, EACCES) with a sentence in `strerror`.
        """
        if "/" in name:
            candidates = [name]
        else:
            candidates = [os.path.join(folder or ".", name) for folder in path.split(os.pathsep)]
        refused = None
        for candidate in candidates:
            try:
                mode = os.stat(candidate).st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode) and os.access(candidate, os.X_OK):
                return candidate
            refused = refused or candidate
        if refused is not None:
            raise OSError(errno.EACCES, _why(errno.EACCES, name, refused))
        where = "" if "/" in name else " in any folder of its PATH"
        raise OSError(errno.ENOENT, f"there is no program {name}{where}")

    def _why(number: int, name: str, program: str) -> str:
        if number == errno.EACCES and os.path.isdir(program):
            return f"{name} is a folder, not a program"
        if number == errno.EACCES:
            return f"{name} may not be executed (try: chmod +x {program})"
        if number == errno.ENOEXEC:
            return f"{name} is neither a binary of this machine nor a script that begins with #!"
        if number == errno.ENOENT:
            return f"{name} cannot be started: its interpreter (first line, or loader) does not exist"
        if number == errno.E2BIG:
            return (
                f"{name} cannot be started: its arguments and environment are larger than the system allows"
            )
        return f"{name} cannot be started: {os.strerror(number)}"

    def open_pidfd(pid: int) -> int:
        """A descriptor of this very process, whatever becomes of its number; -1 if there is none.

        Linux alone has it (5.3 and later).
        """
        if sys.platform == "linux":
            try:
                return os.pidfd_open(pid)
            except OSError:
                return -1
        return -1


__all__ = ["Spawner", "find_program", "open_pidfd"]
