"""A component is started: pipes, lock, intent on record, the process itself, pid on record."""

from __future__ import annotations

import errno
import os
import time

from roost.platform import identity, locks, logindex, pipes, terminals
from roost.platform.inbox import CARRIES_DESCRIPTORS
from roost.platform.spawn import Spawner, open_pidfd

from . import requests
from .requests import Refused
from .table import TERMINAL_SUFFIX, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from roost.platform.paths import ProjectPaths

    from .journal import Journal
    from .records import Records

Ends = list[tuple[int, int, str]]
"""Of pipes: the reading end, the stream's number, the path."""
Terminal = tuple[int, int]
"""A terminal's master, and the end of the pipe into which what it says is written."""

_MANY = 400  # from so many runs on, pipes are made smaller: their room is shared by all of a user's (D9)
_SMALL_PIPE = 16384
_STREAMS = {"separate": (("stdout", logindex.STDOUT), ("stderr", logindex.STDERR)), "merged": (("out", 0),)}
_OF_A_TERMINAL = ((TERMINAL_SUFFIX.lstrip("."), logindex.MERGED),)


class Starter:
    """Starts runs.  Main thread only."""

    def __init__(
        self, paths: ProjectPaths, instance: str, spawner: Spawner, records: Records, journal: Journal
    ) -> None:
        self._paths = paths
        self._instance = instance
        self._spawner = spawner
        self._records = records
        self._journal = journal

    def start(self, request: dict[str, object], others: int) -> tuple[Run, Ends, Terminal | None]:
        """Start what a `spawn` request asks for, beside so many `others`.

        Gives the run, its pipes and, of a terminal, what feeds the one pipe: all are the caller's.  Raises
        Refused, `bad_request` or `spawn_failed`; nothing is left then.
        """
        run = _run(request)
        run.instance = self._instance
        argv = requests.texts(request, "argv")
        env = requests.environment(request, "env")
        cwd = requests.text(request, "cwd")
        if not argv:
            raise Refused("bad_request", "argv is empty")
        env.update(ROOST_INSTANCE=self._instance, ROOST_COMPONENT=run.name, ROOST_RUN=str(run.run))
        made = self._make_pipes(run, self._streams(request), others)
        try:
            terminal = None
            if run.has_terminal:
                terminal = self._start_in_terminal(run, argv, env, cwd, made[0])
            else:
                self._start(run, argv, env, cwd, made)
        except (OSError, ValueError) as error:
            for pipe in made:
                pipe.close()
                pipes.remove_pipe(pipe.path)
            self._records.forget(run)
            number = error.errno if isinstance(error, OSError) else errno.EINVAL
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise Refused("spawn_failed", reason or str(error), errno=number) from error
        for pipe in made:
            pipe.close(with_reader=False)
        ends = [(pipe.reading, stream, path) for pipe, (path, stream) in zip(made, run.fifos, strict=True)]
        return run, ends, terminal

    def _streams(self, request: dict[str, object]) -> tuple[tuple[str, int], ...]:
        if request.get("tty"):
            return _OF_A_TERMINAL
        streams = requests.text(request, "streams", "separate")
        if streams not in _STREAMS:
            raise Refused("bad_request", f"streams must be separate or merged, not {streams!r}")
        return _STREAMS[streams]

    def _make_pipes(self, run: Run, streams: tuple[tuple[str, int], ...], others: int) -> list[pipes.Pipe]:
        made: list[pipes.Pipe] = []
        try:
            for suffix, stream in streams:
                path = self._paths.fifo(run.name, run.run, suffix)
                made.append(pipes.make_pipe(path, _SMALL_PIPE if others >= _MANY else None))
                run.fifos.append((path, stream))
        except OSError as error:
            for pipe in made:
                pipe.close()
                pipes.remove_pipe(pipe.path)
            reason = f"its output pipe cannot be made in {self._paths.run}: {error.strerror}"
            raise Refused("spawn_failed", reason, errno=error.errno) from error
        return made

    def _start(
        self, run: Run, argv: list[str], env: dict[str, str], cwd: str, made: list[pipes.Pipe]
    ) -> None:
        def spawn(kept: list[int]) -> int:
            return self._spawner.spawn(argv, env, cwd, made[0].writing, made[-1].writing, kept)

        self._spawn(run, [pipe.spare for pipe in made], spawn)

    def _start_in_terminal(
        self, run: Run, argv: list[str], env: dict[str, str], cwd: str, pipe: pipes.Pipe
    ) -> Terminal:
        """It inherits the pipe, so that no byte is lost, and its own terminal's master (keeper/terminals.py)."""
        master, slave = terminals.open_terminal()
        opened = [master]
        try:
            opened += [os.dup(master), pipes.open_feed(pipe.path, pipe.reading)]
            self._spawn(
                run,
                [pipe.spare, master],
                lambda kept: self._spawner.spawn_in_terminal(argv, env, cwd, slave, kept),
            )
        except BaseException:
            for fd in opened:
                os.close(fd)
            raise
        finally:
            os.close(slave)
        run.master = master
        return opened[1], opened[2]

    def _spawn(self, run: Run, kept: list[int], spawn: Callable[[list[int]], int]) -> None:
        """With the intent on record before and the pid after it, and the run's lock inherited."""
        lock = self._lock(run)
        self._records.write(run)
        try:
            run.pid = spawn(kept + ([lock] if lock >= 0 else []))
        finally:
            if lock >= 0:
                os.close(lock)
        run.started_at, run.mono = time.time(), time.monotonic()
        run.start_time = identity.start_time(run.pid) or 0
        self._records.write(run)

    def _lock(self, run: Run) -> int:
        """The run's lock, or -1: a disk that refuses must not keep a component from being started."""
        try:
            return locks.make_run_lock(self._paths.component_lock(run.name))
        except OSError as error:
            self._journal.say(f"{run.name} has no lock: {error.strerror}")
            return -1


def for_the_daemon(run: Run, ends: Ends) -> tuple[dict[str, object], list[int], int]:
    """What goes with the reply, for the daemon to hold (D3): fields of the frame, and descriptors.

    These are the reading ends, the terminal's master if there is one (`terminal` says where), and last one that
    stands for the process, which is also given alone: the caller's to close, or -1.
    """
    if not CARRIES_DESCRIPTORS:
        return {"fds": 0}, [], -1
    fds, fields = [fd for fd, _, _ in ends], {}
    if run.master >= 0:
        fields["terminal"] = len(fds)
        fds.append(run.master)
    pidfd = open_pidfd(run.pid)
    if pidfd >= 0:
        fds.append(pidfd)
    return {"fds": len(fds), **fields}, fds, pidfd


def _run(request: dict[str, object]) -> Run:
    run = Run(requests.text(request, "name"), requests.whole(request, "run", most=logindex.MAX_COUNT))
    if "/" in run.name or "\0" in run.name or not run.name:
        raise Refused("bad_request", f"not a component's name: {run.name!r}")
    run.note = request.get("note")
    run.take_settings(request)
    return run
