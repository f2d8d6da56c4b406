"""From the order to stop to the last event: signals, reaping, and the order in which the end is told.

The order (wire.py): everything that the component wrote is in its log, then `exited`, then `leftovers`, then
`drained`.  A disk that stands still delays `exited` by at most `LOG_PATIENCE` seconds.
"""

from __future__ import annotations

import time

from roost.platform import groups, identity, reaping
from roost.platform.signals import signal_name, signal_number

from . import terminals
from .kinship import family_of
from .requests import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .journal import Journal
    from .leftovers import Leftovers
    from .pumps import Pumps
    from .records import Records
    from .table import Run, Table
    from .timers import Timers

LOG_PATIENCE = 2.0
_LOOKS = 4
_GATHER = 0.05  # seconds for which ends are gathered before all processes of the machine are looked at


class Lifecycle:
    """Stops runs and tells their ends."""

    def __init__(
        self,
        table: Table,
        timers: Timers,
        pumps: Pumps,
        records: Records,
        leftovers: Leftovers,
        journal: Journal,
        emit: Callable[[dict[str, object]], None],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._table = table
        self._timers = timers
        self._pumps = pumps
        self._records = records
        self._leftovers = leftovers
        self._journal = journal
        self._emit = emit
        self._post = post
        self._to_sweep: list[Run] = []
        self._unswept: set[Run] = set()  # those that have ended, until what they left has been looked for
        self.nothing_lives: Callable[[], None] = lambda: None  # called when the last run has been told ended

    @property
    def is_telling(self) -> bool:
        """Whether a run has ended whose end, or whose leftovers, have still to be dealt with."""
        return bool(self._unswept)

    # -- stopping ----------------------------------------------------------------------------------------

    def stop(self, run: Run, signal: str | None, kill_after: float, leftovers: str | None) -> None:
        """Signal the group now, and kill the whole tree `kill_after` seconds later, whoever lives then.

        Again: the earlier end counts.  Raises Refused if there is no such signal.
        """
        number = _number(signal) if signal is not None else None
        if leftovers is not None:
            run.leftovers = leftovers
        if run.ended:
            return
        run.stopping = True
        if not _is_ours(run):
            return
        run.family.update(family_of(run.pid))
        if number is not None:
            groups.signal_group(run.pid, number)
        kill_at = time.monotonic() + kill_after
        if kill_at < run.kill_at:
            run.kill_at = kill_at
            if run.kill_timer is not None:
                run.kill_timer.cancel()
            run.kill_timer = self._timers.at(kill_at, lambda: self._kill(run))

    def signal(self, run: Run, signal: str) -> None:
        """Signal its group.  Raises Refused if there is no such signal."""
        number = _number(signal)
        if _is_ours(run):
            groups.signal_group(run.pid, number)

    def _kill(self, run: Run) -> None:
        if _is_ours(run):
            self._journal.say(f"{run.name} run {run.run} pid {run.pid}: killed, it did not end in time")
            groups.kill_tree(run.pid, run.start_time)

    # -- ends --------------------------------------------------------------------------------------------

    def reap(self, others: Callable[[int, int], None]) -> None:
        """Reap every child that has ended; `others` is told pid and code of those that are no run."""
        for pid, code in reaping.reap():
            run = self._table.by_pid(pid)
            if run is None:
                others(pid, code)
            else:
                self.ended(run, code, "waited")

    def ended(self, run: Run, code: int | None, how: str) -> None:
        """A run's first process is gone; `code` is negative for a signal, None if it is not known."""
        mono = time.monotonic()
        run.exit = {
            "code": code if code is not None and code >= 0 else None,
            "signal": signal_name(-code) if code is not None and code < 0 else None,
            "known": code is not None,
            "how": how,
            "at": time.time(),
            "mono": mono,
            "uptime": mono - run.mono,
        }
        self.ended_before(run)

    def ended_before(self, run: Run) -> None:
        """Tell the end of a run whose `exit` is known, when its last words are in the log."""
        self._table.end(run)
        self._unswept.add(run)
        terminals.let_go(run)
        if run.kill_timer is not None:
            run.kill_timer.cancel()
        self._records.update(run)
        self._pumps.of(run.name).flush(run.name, run.run)
        self._await_log(run, _LOOKS)

    def _await_log(self, run: Run, looks: int) -> None:
        """Be patient in short pieces: in one long one a machine that did not let us run might use it up alone."""
        if run.reported:
            return
        if looks:
            later = time.monotonic() + LOG_PATIENCE / _LOOKS
            self._timers.at(later, lambda: self._await_log(run, looks - 1))
        else:
            self.flushed(run.name, run.run)

    def flushed(self, name: str, number: int) -> None:
        """What it wrote is in its log, or we have waited long enough: tell its end."""
        run = self._table.find(name, number)
        if run is None or run.reported or not run.ended:
            return
        run.reported = True
        event = {"event": "exited", "name": name, "run": number, "pid": run.pid, **run.exit}
        self._emit(self._table.record(event))
        self._gather(run)

    def _gather(self, run: Run) -> None:
        """Let what it left behind be looked for, together with that of others that end now."""
        if not self._to_sweep:
            if self._leftovers.is_cheap(run):
                self._post(self._sweep)
            else:
                self._timers.at(time.monotonic() + _GATHER, self._sweep)
        self._to_sweep.append(run)

    def drained(self, name: str, number: int) -> None:
        """Nobody holds its pipes any more."""
        run = self._table.find(name, number)
        if run is None:
            self._tell_drained(name, number)
            return
        run.drained = True
        if run.swept:
            self._tell_drained(name, number)

    def _sweep(self) -> None:
        """Look, once for all that ended in this turn, for what they have left behind."""
        runs, self._to_sweep = self._to_sweep, []
        for run, names, action in self._leftovers.sweep(runs):
            self._journal.say(f"{run.name} run {run.run} left {sorted(names)} behind: {action}")
            processes = [{"pid": pid, "name": name} for pid, name in sorted(names.items())]
            event = {"event": "leftovers", "name": run.name, "run": run.run}
            self._emit(self._table.record({**event, "processes": processes, "action": action}))
        for run in runs:
            run.swept = True
            self._unswept.discard(run)
            if run.drained:
                self._tell_drained(run.name, run.run)
            self.maybe_forget(run)
        if not self._table.living() and not self._to_sweep:
            self.nothing_lives()

    def _tell_drained(self, name: str, number: int) -> None:
        self._emit(self._table.record({"event": "drained", "name": name, "run": number}))

    def acknowledged(self, runs: list[Run]) -> None:
        """The daemon knows of these ends; what still ends their leftovers is remembered until that is done."""
        for run in runs:
            run.acknowledged = True
            if self._leftovers.is_hunting(run):
                self._records.update(run)
            self.maybe_forget(run)

    def hunt_again(self, run: Run) -> None:
        """Go on with the leftovers of a run whose end is known to the daemon, after an earlier keeper."""
        run.ended = run.reported = run.acknowledged = True
        self._unswept.add(run)
        self._gather(run)

    def maybe_forget(self, run: Run) -> None:
        """Remove the record of a run of which nothing is left to do."""
        if run.acknowledged and run.swept and not self._leftovers.is_hunting(run):
            self._records.remove(run.name, run.run)


def _is_ours(run: Run) -> bool:
    """Whether its pid may be signalled: an unreaped child, or the very process that was recorded (P3)."""
    if run.ended:
        return False
    return not run.adopted or identity.start_time(run.pid) == run.start_time


def _number(signal: str) -> int:
    try:
        return signal_number(signal)
    except ValueError as error:
        raise Refused("bad_request", str(error)) from error
