"""Starting a program of ours so that nothing ties it to its starter: no terminal, pipe, folder or parent.

Two sides: the starter calls `start_detached` and learns either the pid or, in words, why it did not start;
the started program calls `finish_detaching` first thing, and `Status.ready` or `Status.fail` once.
The word goes over a channel named in the environment variable ROOST_STATUS, which is removed at once.  The
starter may have something to see to while the program is being loaded: that begins its work only when told to.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence

STATUS_VARIABLE = "ROOST_STATUS"


class StartFailed(Exception):
    """The program ended, or said why it cannot run; the text is for people."""


if sys.platform == "win32":
    from .detach_windows import Status, finish_detaching, start_detached
else:
    import fcntl
    import select
    import signal
    import time

    _STATUS_FD = 3
    _HELD = "+"  # behind the descriptor: wait for the word to begin
    _BEGIN = b"!"
    _ALL_SIGNALS = [
        number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)
    ]

    def start_detached(
        argv: Sequence[str],
        env: Mapping[str, str],
        timeout: float = 10.0,
        meanwhile: Callable[[], object] | None = None,
    ) -> int:
        """Start `argv` in a new session, on the null device, and wait until it says that it runs: its pid.

        The pid is the program's own, or that of another that runs already and made it superfluous.
        `meanwhile` is called while the program is being loaded, which then waits; what it raises is raised, and
        the program ends without having done anything.
        Raises StartFailed with the program's own reason, TimeoutError if it says nothing in `timeout`
        seconds (it may still come), OSError if it cannot be started at all.
        """
        import socket  # not above: the started program detaches before it loads anything

        ours, other = socket.socketpair()
        status = ours.detach()
        theirs = fcntl.fcntl(
            other, fcntl.F_DUPFD_CLOEXEC, 10
        )  # off the numbers that are about to be replaced
        other.close()
        try:
            pid = os.posix_spawn(
                argv[0],
                list(argv),
                {**env, STATUS_VARIABLE: f"{_STATUS_FD}{_HELD if meanwhile else ''}"},
                file_actions=_file_actions(theirs),
                setsid=True,
                setsigmask=[],
                setsigdef=_ALL_SIGNALS,
            )
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(theirs)
        try:
            if meanwhile is not None:
                _see_to(meanwhile, pid)
                _say(status, _BEGIN)
            word = _read_line(status, timeout)
        finally:
            os.close(status)
        os.waitpid(pid, 0)  # only the first half, which ends when the real one has been forked
        return _pid_in(word, argv[0])

    def _see_to(meanwhile: Callable[[], object], pid: int) -> None:
        try:
            meanwhile()
        except BaseException:
            os.waitpid(pid, 0)  # the first half, as below; the other ends when the channel is closed
            raise

    def _file_actions(status: int) -> list[tuple[int, ...] | tuple[int, int, str, int, int]]:
        return [
            (os.POSIX_SPAWN_DUP2, status, _STATUS_FD),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]

    def _read_line(fd: int, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        text = b""
        while not text.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError(f"no word within {timeout:g} s")
            piece = os.read(fd, 4096)
            if not piece:
                break
            text += piece
        return text

    def _pid_in(word: bytes, program: str) -> int:
        kind, _, rest = word.decode("utf-8", "replace").strip().partition(" ")
        if kind == "ready" and rest.isdigit():
            return int(rest)
        if kind == "error:":
            raise StartFailed(rest)
        raise StartFailed(f"{program} ended before it was ready, without a reason")

    def finish_detaching(environ: MutableMapping[str, str]) -> Status:
        """Leave what the starter could not take away: being its child, stray descriptors, the folder.

        A program that was not started by `start_detached` (no ROOST_STATUS) stays a child of its parent.
        """
        status = environ.pop(STATUS_VARIABLE, "")
        number = status.removesuffix(_HELD)
        fd = int(number) if number.isdigit() else -1
        if fd >= 0 and os.fork():
            os._exit(0)
        os.closerange(3, max(fd, 3))
        os.closerange(max(fd + 1, 3), _highest_descriptor() + 1)
        os.chdir("/")
        if fd >= 0:
            os.set_inheritable(fd, False)
        return Status(fd, held=number != status)

    def _highest_descriptor() -> int:
        for folder in ("/proc/self/fd", "/dev/fd"):
            try:
                return max(int(name) for name in os.listdir(folder))
            except (OSError, ValueError):
                continue
        return 4096

    class Status:
        """The started program's end of the channel; speaks once."""

        __slots__ = ("_fd", "_held")

        def __init__(self, fd: int, held: bool = False) -> None:
            self._fd = fd
            self._held = held

        def may_begin(self) -> bool:
            """Wait until the starter says so; False if it has thought better of it, or is gone."""
            return not self._held or os.read(self._fd, 1) == _BEGIN

        def ready(self, pid: int) -> None:
            """Say that process `pid`, this one or an earlier one, does the work."""
            self._say(f"ready {pid}\n")

        def fail(self, reason: str) -> None:
            """Say in one sentence why it cannot."""
            self._say(f"error: {' '.join(reason.split())}\n")

        def _say(self, text: str) -> None:
            if self._fd < 0:
                return
            _say(self._fd, text.encode("utf-8", "replace"))
            os.close(self._fd)
            self._fd = -1

    def _say(fd: int, word: bytes) -> None:
        try:
            os.write(fd, word)
        except BrokenPipeError:
            pass  # the other side did not wait: nothing depends on it, or it will be read there


__all__ = ["STATUS_VARIABLE", "StartFailed", "Status", "finish_detaching", "start_detached"]
