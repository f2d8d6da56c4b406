"""What an earlier keeper has left running becomes ours (P2): found by its records, proved, read on, watched.

For each record: the process lives → it is adopted; it has ended → its end is told as far as it is known;
there is only the intent → whoever holds the run's lock is it, and if nobody does, it has ended.  Pipes
without a record (somebody removed `.roost`) are looked at in the same way.  A record of an earlier boot, or
one that was copied here from another folder (`cp -r` of a project), is worth nothing.

The code of a run that ended while there was no keeper may be known to the daemon of that time, by a pidfd: it
tells it (`known_exit`) in its handover.  Where no handover is to come, or when it is over, the end is told as
unknown.
"""

from __future__ import annotations

import os
import stat
import time

from roost.platform import identity, locks, pipes
from roost.platform.exits import exit_code
from roost.platform.spawn import open_pidfd

from . import requests
from .table import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.platform.paths import ProjectPaths

    from .keeper import Keeper

EXIT_PATIENCE = 1.0  # seconds in which a daemon that has not said that it will may tell what it knows
INTENT_PATIENCE = 3.0  # seconds that a process may take from being forked to being itself
REAP_PATIENCE = 2.0  # seconds that another parent may take to reap (D6)
_LOOK = 0.02
_LOOK_WITHOUT_PIDFD = 0.25
_STREAM_NAMES = {"out": 0, "tty": 0, "stdout": 1, "stderr": 2}


class Takeover:
    """Adopts what is there at the start of a keeper, and notices the ends of what was adopted."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._unknown: dict[tuple[str, int], Run] = {}  # ended without us; nobody has told how
        self._pidfds: dict[int, int] = {}

    def run(self) -> None:
        """Adopt everything; once, before the daemon is started."""
        records, boot_id = self._keeper.records.read_all(), identity.boot_id()
        known = set()
        for record in records:
            try:
                run = _run_of(record)
            except (requests.Refused, TypeError, ValueError) as error:
                self._keeper.journal.say(f"a run record makes no sense: {error}")
                continue
            known |= {path for path, _ in run.fifos}
            if record.get("boot_id") != boot_id or not self._keeper.records.is_of_this_folder(record):
                self._keeper.records.forget(run)
                continue
            self._take(run, self._keeper.paths.component_lock(run.name), recorded=True)
        for run in _without_record(self._keeper.paths, known):
            self._take(run, run.fifos[0][0], recorded=False)

    def _take(self, run: Run, held_by_it: str, recorded: bool) -> None:
        if not run.pid and not run.exit:
            run.pid = _leader_that_holds(held_by_it, INTENT_PATIENCE if recorded else 0.0)
            run.start_time = identity.start_time(run.pid) or 0 if run.pid else 0
        run.adopted = True
        ends = reopen(run)
        if not run.pid and not recorded:
            self._only_pipes(run, ends)
            return
        keeper = self._keeper
        if run.has_terminal:
            keeper.terminals.adopt(run, ends)
        else:
            keeper.pumps.of(run.name).add(run.name, run.run, ends, run.max_size, run.max_files, late=True)
        keeper.records.resume(run)
        if run.acknowledged:
            keeper.lifecycle.hunt_again(run)
            return
        keeper.table.add(run)
        if run.exit:
            keeper.terminals.then(run, lambda: keeper.lifecycle.ended_before(run))
        else:
            self._adopt(run)

    def _adopt(self, run: Run) -> None:
        """It lived when its keeper died; perhaps it still does."""
        pidfd = open_pidfd(run.pid) if run.pid else -1
        facts = identity.facts(run.pid)
        alive = facts is not None and facts.start_time == run.start_time and not facts.zombie
        state = "alive" if alive else "ended"
        self._keeper.journal.say(f"{run.name} run {run.run} pid {run.pid}: taken over, {state}")
        if alive:
            self._watch(run, pidfd)
            return
        if pidfd >= 0:
            os.close(pidfd)
        self._ended_unseen(run)

    def _only_pipes(self, run: Run, ends: list[tuple[int, int, str]]) -> None:
        """Somebody may still write to them, nobody is to be waited for."""
        if ends:
            self._keeper.pumps.of(run.name).add(
                run.name, run.run, ends, run.max_size, run.max_files, late=True
            )

    # -- ends --------------------------------------------------------------------------------------------

    def _watch(self, run: Run, pidfd: int) -> None:
        if pidfd >= 0:
            self._pidfds[run.pid] = pidfd
            self._keeper.inbox.watch_process(run.pid, pidfd)
        else:
            self._look_for(run)

    def _look_for(self, run: Run) -> None:
        """Without pidfds (macOS, kernels before 5.3): ask four times a second."""
        if identity.start_time(run.pid) == run.start_time:
            self._keeper.timers.at(time.monotonic() + _LOOK_WITHOUT_PIDFD, lambda: self._look_for(run))
        else:
            self.process_ended(run.pid)

    def process_ended(self, pid: int) -> None:
        """An adopted process has ended; its code may become known only when its new parent reaps it."""
        run = self._keeper.table.by_pid(pid)
        if run is not None and not run.ended:
            self._find_code(run, time.monotonic() + REAP_PATIENCE)

    def _find_code(self, run: Run, until: float) -> None:
        pidfd = self._pidfds.get(run.pid, -1)
        found = exit_code(run.pid, run.start_time, pidfd)
        now = time.monotonic()
        if found is None and pidfd >= 0 and now < until:
            self._keeper.timers.at(now + _LOOK, lambda: self._find_code(run, until))
            return
        if self._pidfds.pop(run.pid, None) is not None:
            os.close(pidfd)
        self._ended(run, *(found or (None, "unknown")))

    def _ended_unseen(self, run: Run) -> None:
        """It ended while there was no keeper."""
        found = exit_code(run.pid, run.start_time, -1)
        if found is not None:
            self._ended(run, *found)
            return
        self._unknown[run.key] = run
        if not self._keeper.awaits_handover:
            self._keeper.timers.at(time.monotonic() + EXIT_PATIENCE, lambda: self.known_exit(run.key, None))

    def nobody_knows_more(self) -> None:
        """Who has seen ends that we did not see has told us all."""
        for key in list(self._unknown):
            self.known_exit(key, None)

    def known_exit(self, key: tuple[str, int], code: int | None) -> None:
        """Somebody knows how a run ended that nobody of us saw; with None it stays unknown."""
        run = self._unknown.pop(key, None)
        if run is not None:
            self._ended(run, code, "unknown" if code is None else "pidfd")

    def _ended(self, run: Run, code: int | None, how: str) -> None:
        """Its last words come first, and so it must be known who has its terminal."""
        self._keeper.terminals.then(run, lambda: self._keeper.lifecycle.ended(run, code, how))


def _run_of(record: dict[str, object]) -> Run:
    run = Run(requests.text(record, "name"), requests.whole(record, "run"))
    run.pid = requests.whole(record, "pid", 0)
    run.start_time = requests.whole(record, "start_time", 0)
    run.started_at = requests.seconds(record, "started_at", 0.0)
    run.mono = requests.seconds(record, "mono", 0.0)
    run.note = record.get("note")
    run.instance = requests.text(record, "instance", "")
    run.take_settings(record)
    run.acknowledged = record.get("acknowledged") is True
    run.exit = requests.mapping(record, "exit") if record.get("exit") is not None else {}
    fifos = record.get("fifos")
    if isinstance(fifos, list):
        run.fifos = [(str(path), int(stream)) for path, stream in fifos]
    return run


def reopen(run: Run) -> list[tuple[int, int, str]]:
    """Reading ends of a run's pipes, by name, or by what the process itself holds."""
    ends = []
    for number, (path, stream) in enumerate(run.fifos):
        try:
            fd = pipes.open_reader(path, run.pid, pipes.FIRST_KEPT + number)
        except OSError:
            continue  # neither name nor process: there is nothing to be read any more
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            ends.append((fd, stream, path))
        else:
            os.close(fd)
    return ends


def _leader_that_holds(path: str, patience: float) -> int:
    """The first process of the run whose lock or pipe this is; 0 if there is none.

    A lock that is held by nobody who looks like it may be that of one which is just being started: it goes on
    without the keeper that was killed meanwhile, and soon has what it inherits where it belongs.
    """
    until = time.monotonic() + patience
    while True:
        for pid in identity.holders(path, range(pipes.FIRST_KEPT, pipes.FIRST_KEPT + pipes.MOST_KEPT)):
            facts = identity.facts(pid)
            if facts is not None and facts.session == pid and not facts.zombie:
                return pid
        if time.monotonic() >= until or not locks.is_held(path):
            return 0
        time.sleep(_LOOK)


def _without_record(paths: ProjectPaths, known: set[str]) -> list[Run]:
    """A run for each name and number of which there are pipes and no record."""
    runs: dict[tuple[str, int], Run] = {}
    for entry in sorted(os.listdir(paths.run)):
        name, number, suffix = [*entry.rsplit(".", 2), "", ""][:3]
        path = os.path.join(paths.run, entry)
        if path not in known and number.isdigit() and suffix in _STREAM_NAMES:
            run = runs.setdefault((name, int(number)), Run(name, int(number)))
            run.started_at, run.mono = time.time(), time.monotonic()
            run.fifos.append((path, _STREAM_NAMES[suffix]))
            run.fifos.sort(key=lambda fifo: fifo[1])
    return list(runs.values())
