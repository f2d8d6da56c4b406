"""Who needs what, and what was started for whom: the bookkeeping behind `roost run` and the test fixtures.

Pure: it starts, stops and asks nothing.  Three rules (S82–S88):

- What a lease has started belongs to the leases together, not to that one: it stays as long as any of them
  needs it, whichever ends first.  So the workers of one test run share a project, and the last one releases.
- `up` makes what leases have started a person's: it stays when they end.  A restart, or a stop and a start in
  the middle of a test, does not: a test that kills what it uses must not leave it behind.
- What a person has stopped stays stopped until somebody wants it again by name, by `up`, or with `start`.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ..edges.store import Holder, SavedLease, SavedLeases


class Leases:
    """All leases of a project."""

    def __init__(self, kept: SavedLeases | None = None) -> None:
        kept = kept or SavedLeases()
        self.held: dict[str, SavedLease] = dict(kept.held)
        self.whole_project = kept.whole_project
        """The daemon itself was started for a lease, and ends with the last one."""
        self.asked_for = False
        """Whether anybody has asked this daemon for anything that it should stay for."""
        self._started = set(kept.started)
        self._stopped = set(kept.stopped)

    def saved(self) -> SavedLeases:
        """What must outlive the daemon."""
        return SavedLeases(
            held=dict(self.held),
            started=tuple(sorted(self._started)),
            stopped=tuple(sorted(self._stopped)),
            whole_project=self.whole_project,
        )

    # -- leases ------------------------------------------------------------------------------------------

    def grant(
        self, name: str, needs: Iterable[str], started: Iterable[str], holder: Holder | None, launched: bool
    ) -> None:
        """A new lease, for which `started` were started just now."""
        begun = tuple(started)
        self.asked_for = True
        self.held[name] = SavedLease(needs=tuple(needs), started=begun, holder=holder)
        self._started.update(begun)
        self.whole_project = self.whole_project or launched

    def claim(self, name: str, holder: Holder | None) -> None:
        """Its client is there again, perhaps as another process."""
        self.held[name] = replace(self.held[name], holder=holder)

    def complete(self, name: str) -> None:
        """All that it needs was ready once; what becomes of it later does not end the lease."""
        if name in self.held:
            self.held[name] = replace(self.held[name], granted=True)

    def end(self, name: str) -> None:
        """Forget a lease; `unneeded` then says what may stop."""
        self.held.pop(name, None)

    def unneeded(self) -> list[str]:
        """What leases have started and none of those that are left needs."""
        needed = {name for lease in self.held.values() for name in lease.needs}
        return sorted(self._started - needed)

    def forget(self, names: Iterable[str]) -> None:
        """These have been stopped for the leases' part; the next one starts them whoever stopped them."""
        gone = set(names)
        self._started -= gone
        self._stopped -= gone

    def clear(self) -> None:
        """Everything was brought down: no lease outlives that."""
        self.held.clear()
        self._started.clear()
        self._stopped.clear()
        self.whole_project = False

    # -- people ------------------------------------------------------------------------------------------

    def started_for_leases(self, name: str) -> bool:
        """Whether it runs for leases alone."""
        return name in self._started

    def stopped_by_person(self, name: str) -> bool:
        """Whether somebody stopped it and nobody has wanted it since."""
        return name in self._stopped

    def note_stop(self, names: Iterable[str]) -> None:
        """Somebody has stopped these."""
        self.asked_for = True
        self._stopped.update(names)

    def note_start(self, names: Iterable[str]) -> None:
        """Somebody wants these to run again."""
        self.asked_for = True
        self._stopped.difference_update(names)

    def note_up(self, names: Iterable[str]) -> None:
        """Somebody wants these to run and to go on running; the daemon stays for them."""
        wanted = set(names)
        self.asked_for = True
        self._stopped -= wanted
        self._started -= wanted
        self.whole_project = False
