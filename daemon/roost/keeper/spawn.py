"""A component is started: pipes, lock, intent on record, the process itself, pid on record."""

from __future__ import annotations

import errno
import os
import time

from roost.platform import identity, locks, logindex, pipes
from roost.platform.inbox import CARRIES_DESCRIPTORS
from roost.platform.spawn import Spawner, open_pidfd

from . import requests
from .requests import Refused
from .table import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.platform.paths import ProjectPaths

    from .journal import Journal
    from .records import Records

_MANY = 400  # from so many runs on, pipes are made smaller: their room is shared by all of a user's (D9)
_SMALL_PIPE = 16384
_STREAMS = {"separate": (("stdout", logindex.STDOUT), ("stderr", logindex.STDERR)), "merged": (("out", 0),)}


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

    def start(self, request: dict[str, object], others: int) -> tuple[Run, list[tuple[int, int, str]]]:
        """Start what a `spawn` request asks for, beside so many `others`.

        Gives the run and its pipes as (reading end, stream number, path), which are the caller's.  Raises
        Refused, `bad_request` or `spawn_failed`; nothing is left then.
        """
        run = _run(request)
        run.instance = self._instance
        argv = requests.texts(request, "argv")
        env = requests.environment(request, "env")
        cwd = requests.text(request, "cwd")
        if not argv:
            raise Refused("bad_request", "argv is empty")
        if request.get("tty"):
            raise Refused("spawn_failed", "a terminal (tty: true) is not supported yet", errno=errno.ENOTSUP)
        env.update(ROOST_INSTANCE=self._instance, ROOST_COMPONENT=run.name, ROOST_RUN=str(run.run))
        made = self._make_pipes(run, requests.text(request, "streams", "separate"), others)
        try:
            self._start(run, argv, env, cwd, made)
        except (OSError, ValueError) as error:
            for pipe in made:
                pipe.close()
                pipes.remove_pipe(pipe.path)
            self._records.forget(run)
            number = error.errno if isinstance(error, OSError) else errno.EINVAL
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise Refused("spawn_failed", reason or str(error), errno=number) from error
        return run, [
            (pipe.reading, stream, path) for pipe, (path, stream) in zip(made, run.fifos, strict=True)
        ]

    def _make_pipes(self, run: Run, streams: str, others: int) -> list[pipes.Pipe]:
        if streams not in _STREAMS:
            raise Refused("bad_request", f"streams must be separate or merged, not {streams!r}")
        made: list[pipes.Pipe] = []
        try:
            for suffix, stream in _STREAMS[streams]:
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
        lock = self._lock(run)
        self._records.write(run)
        kept = [pipe.spare for pipe in made] + ([lock] if lock >= 0 else [])
        try:
            run.pid = self._spawner.spawn(argv, env, cwd, made[0].writing, made[-1].writing, kept)
        finally:
            if lock >= 0:
                os.close(lock)
        run.started_at, run.mono = time.time(), time.monotonic()
        run.start_time = identity.start_time(run.pid) or 0
        for pipe in made:
            pipe.close(with_reader=False)
        self._records.write(run)

    def _lock(self, run: Run) -> int:
        """The run's lock, or -1: a disk that refuses must not keep a component from being started."""
        try:
            return locks.make_run_lock(self._paths.component_lock(run.name))
        except OSError as error:
            self._journal.say(f"{run.name} has no lock: {error.strerror}")
            return -1


def for_the_daemon(run: Run, pipes_of_run: list[tuple[int, int, str]]) -> list[int]:
    """The descriptors that go with the reply: the reading ends, and one that stands for the process (D3).

    The last is the caller's to close, if there are more than pipes.
    """
    if not CARRIES_DESCRIPTORS:
        return []
    pidfd = open_pidfd(run.pid)
    return [fd for fd, _, _ in pipes_of_run] + ([pidfd] if pidfd >= 0 else [])


def _run(request: dict[str, object]) -> Run:
    run = Run(requests.text(request, "name"), requests.whole(request, "run", most=logindex.MAX_COUNT))
    if "/" in run.name or "\0" in run.name or not run.name:
        raise Refused("bad_request", f"not a component's name: {run.name!r}")
    run.note = request.get("note")
    run.take_settings(request)
    return run
