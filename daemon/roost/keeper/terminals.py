"""Runs with a terminal (`tty: true`): what of it is whose, and how it gets from one keeper to the next.

What the component writes goes from the terminal into a named pipe, like every other component's output, and
from there into the log (platform/terminals.TerminalReader, on the pump thread).  The component has inherited
the pipe's reading end and, as the next descriptor, its own terminal's master: so neither bytes nor terminal
are lost, nor is it hung up, when keeper and daemon die.  A further copy of the master is the control thread's,
which gives it to each daemon; the daemon of a keeper that was killed gives it to the next one (verb
`terminal`), and where both were killed the component's own is copied, as far as the system allows that.

A terminal that nobody gives us, in a handover or else within `PATIENCE` seconds, is lost: what the pipe holds is
put into the log, and the component lives on; it waits once its terminal is full, until somebody restarts it.
"""

from __future__ import annotations

import os
import time

from roost.platform import identity, pipes, terminals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .keeper import Keeper
    from .table import Run

    Ends = list[tuple[int, int, str]]

PATIENCE = 3.0
"""Seconds in which the daemon of the keeper before us may hand a terminal over: it starts us, then connects."""


def let_go(run: Run) -> None:
    """Its first process is gone: our copy of the master is of no more use to anybody."""
    if run.master >= 0:
        os.close(run.master)
        run.master = -1


class Terminals:
    """The terminals of runs that an earlier keeper has started, until it is known who has them."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._awaited: dict[tuple[str, int], tuple[Run, Ends]] = {}
        self._afterwards: dict[tuple[str, int], Callable[[], None]] = {}

    def adopt(self, run: Run, ends: Ends) -> None:
        """Read on what it writes, as soon as its terminal is ours again; the ends are ours."""
        self._awaited[run.key] = (run, ends)
        alive = run.pid and identity.start_time(run.pid) == run.start_time
        master = terminals.regain(run.pid, pipes.FIRST_KEPT + 1) if alive else -1
        if master >= 0:
            self.give(run.key, master)
        elif not self._keeper.awaits_handover:
            self._keeper.timers.at(time.monotonic() + PATIENCE, lambda: self._give_up(run))

    def then(self, run: Run, function: Callable[[], None]) -> None:
        """Call it when it is known what becomes of the run's terminal; at once if it is or if it has none."""
        if run.key in self._awaited:
            self._afterwards[run.key] = function
        else:
            function()

    def give(self, key: tuple[str, int], master: int) -> None:
        """Somebody has kept the terminal of a run for us; what is not awaited (any more) is closed."""
        run, ends = self._awaited.get(key, (None, []))
        if run is None:
            os.close(master)
            return
        try:
            writing = pipes.open_feed(ends[0][2], ends[0][0])
        except (OSError, IndexError):
            os.close(master)
            self._give_up(run)
            return
        run.master = os.dup(master)
        self._keeper.journal.say(f"{run.name} run {run.run}: its terminal is ours again")
        self._settle(run, ends, (master, writing))
        self._keeper.control.hand_over(run)

    def nobody_has_more(self) -> None:
        """Who has kept terminals for us has given us all."""
        for run, _ in list(self._awaited.values()):
            self._give_up(run)

    def _give_up(self, run: Run) -> None:
        """Nobody had it: what the pipe holds is all that there will be."""
        _, ends = self._awaited.get(run.key, (None, None))
        if ends is None:
            return
        self._settle(run, ends, None)
        if not run.ended:
            self._keeper.journal.say(f"{run.name} run {run.run}: its terminal is lost")
            event = {"event": "terminal_lost", "name": run.name, "run": run.run}
            self._keeper.control.emit(self._keeper.table.record(event))

    def _settle(self, run: Run, ends: Ends, terminal: tuple[int, int] | None) -> None:
        del self._awaited[run.key]
        pump = self._keeper.pumps.of(run.name)
        pump.add(run.name, run.run, ends, run.max_size, run.max_files, late=True, terminal=terminal)
        self._afterwards.pop(run.key, _nothing)()


def _nothing() -> None:
    """Nobody has waited."""
