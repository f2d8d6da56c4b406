"""Descendants that outlive their component: found, ended or left, and named (P4, D8).

On Linux the keeper is a subreaper: what has lost its parent becomes our child, so the leftovers of a run are
among our own children (and below them), and there is nothing else to search.  For a run that an earlier keeper
started, and on systems without subreaper, all processes are looked at instead.  Whose one is, kinship.py says.

Nothing is signalled that is not proved to be what it was when it was found (pid and start time).
"""

from __future__ import annotations

import os
import signal
import time

from roost.platform import groups, identity

from .kinship import Kin, living, with_descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .journal import Journal
    from .table import Run, Table
    from .timers import Timers

GRACE = 1.0  # seconds between TERM and KILL
_AGAIN = 0.2
_PATIENCE = 5.0  # seconds after which those that KILL does not end are given up


class Hunt:
    """The processes of one run (or of nobody) that are being ended, and since when."""

    __slots__ = ("began", "found", "run")

    def __init__(self, run: Run | None, found: dict[int, int], began: float) -> None:
        self.run = run
        self.found = found
        self.began = began


class Leftovers:
    """Finds and ends what ended runs have left behind."""

    def __init__(self, table: Table, timers: Timers, journal: Journal, subreaper: bool) -> None:
        self._table = table
        self._timers = timers
        self._journal = journal
        self._subreaper = subreaper
        self._left: dict[int, int] = {}  # those that may stay: pid → start time
        self._hunts: list[Hunt] = []
        self.exempt: Callable[[], Iterable[int]] = lambda: ()  # our children that are no component's
        self.done: Callable[[Run], None] = lambda run: None  # called when a run's leftovers are ended
        self.idle: Callable[[], None] = lambda: None  # called when the last hunt is over

    @property
    def hunting(self) -> bool:
        """Whether something is still being ended."""
        return bool(self._hunts)

    def sweep(self, runs: list[Run]) -> list[tuple[Run, dict[int, str], str]]:
        """Look for what these ended runs have left and begin to end it, or let it be as the run says.

        Gives, for each that left something: the run, names by pid, and "ended" or "left".
        """
        found = self._find(runs)
        return [self._deal_with(run, found[run.key]) for run in runs if run.key in found]

    def is_hunting(self, run: Run) -> bool:
        """Whether something of this run is still being ended."""
        return any(hunt.run is run for hunt in self._hunts)

    def is_cheap(self, run: Run) -> bool:
        """Whether a sweep for this run need not look at every process of the machine."""
        return self._subreaper and not run.adopted

    def end_strays(self) -> None:
        """End our remaining children that nobody was told to leave: the keeper is about to go."""
        orphans = self._orphans()
        strays = {pid: facts.start_time for pid, facts in orphans if self._left.get(pid) != facts.start_time}
        if strays:
            self._journal.say(f"ending what is left without an owner: {sorted(strays)}")
            self._begin(None, strays)

    # -- finding -----------------------------------------------------------------------------------------

    def _find(self, runs: list[Run]) -> dict[tuple[str, int], dict[int, int]]:
        """What belongs to these runs, by run: pid → start time."""
        if not runs:
            return {}
        kin = Kin(runs)
        found: dict[tuple[str, int], dict[int, int]] = {}
        for pid, facts in self._candidates(runs):
            run = kin.owner(pid, facts)
            if run is not None:
                found.setdefault(run.key, {})[pid] = facts.start_time
        return found

    def _candidates(self, runs: list[Run]) -> list[tuple[int, identity.Facts]]:
        if all(self.is_cheap(run) for run in runs):
            return self._orphans()
        return [(pid, facts) for pid in identity.all_pids() if (facts := living(pid)) is not None]

    def _orphans(self) -> list[tuple[int, identity.Facts]]:
        """Our children that are neither a run's first process nor otherwise known."""
        known = {os.getpid(), *self.exempt()}
        pids = [pid for pid in groups.children(os.getpid()) if pid not in known]
        strange = [pid for pid in pids if self._table.by_pid(pid) is None]
        return [(pid, facts) for pid in strange if (facts := living(pid)) is not None]

    # -- ending ------------------------------------------------------------------------------------------

    def _deal_with(self, run: Run, found: dict[int, int]) -> tuple[Run, dict[int, str], str]:
        everybody = with_descendants(found)
        names = {pid: identity.process_name(pid) or "?" for pid in everybody}
        if run.leftovers == "leave":
            self._left.update(everybody)
            groups.let_live(run.pid)
            return run, names, "left"
        self._begin(run, everybody)
        return run, names, "ended"

    def _begin(self, run: Run | None, found: dict[int, int]) -> None:
        for pid, began in found.items():
            groups.signal_process(pid, began, signal.SIGTERM)
        now = time.monotonic()
        if not self._hunts:
            self._timers.at(now + _AGAIN, self._look_again)
        self._hunts.append(Hunt(run, found, now))

    def _look_again(self) -> None:
        """Five times a second, for all hunts at once: who is still there, and who has come since."""
        found = self._find([hunt.run for hunt in self._hunts if hunt.run is not None])
        now = time.monotonic()
        hunts, self._hunts = self._hunts, []
        for hunt in hunts:
            if self._goes_on(hunt, found, now):
                self._hunts.append(hunt)
            elif hunt.run is not None:
                self.done(hunt.run)
        if self._hunts:
            self._timers.at(now + _AGAIN, self._look_again)
        else:
            self.idle()

    def _goes_on(self, hunt: Hunt, found: dict[tuple[str, int], dict[int, int]], now: float) -> bool:
        alive = {pid: began for pid, began in hunt.found.items() if _is_still(pid, began)}
        if hunt.run is not None:
            alive.update(found.get(hunt.run.key, {}))
        hunt.found = with_descendants(alive)
        if not hunt.found:
            return False
        if now - hunt.began >= _PATIENCE:
            self._journal.say(f"could not be ended: {sorted(hunt.found)}")
            return False
        if now - hunt.began >= GRACE:
            for pid, began in hunt.found.items():
                groups.signal_process(pid, began, groups.KILL)
        return True


def _is_still(pid: int, began: int) -> bool:
    facts = living(pid)
    return facts is not None and facts.start_time == began
