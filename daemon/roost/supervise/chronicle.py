"""What happened, on record: masked, with the last lines of the log where something failed.

The writing is done by the disk's thread, in order; only then followers hear of it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.secrets import Masker
from ..edges.clock import Clock
from ..edges.disk import Disk
from ..records.events import Event, EventLog, read_events

LAST_LINES = 20
_RECENT = 500
_ONCE_A_RUN = frozenset(
    {"started", "start_failed", "exited", "restarting", "completed", "gave_up", "stopped", "leftover"}
)
_WITH_LINES = frozenset({"gave_up", "start_failed"})

Follower = Callable[[Event], None]


class Chronicle:
    """Writes events and passes them on to who follows."""

    def __init__(
        self, disk: Disk, clock: Clock, log: EventLog, logs_folder: str, masker: Callable[[], Masker]
    ) -> None:
        self._disk = disk
        self._clock = clock
        self._log = log
        self._logs_folder = logs_folder
        self._masker = masker
        self._followers: list[Follower] = []
        self.problem: str | None = None
        """Why the last event could not be put on record; None when it could."""
        self._told: frozenset[tuple[str, str | None, int | None]] = frozenset()

    def begin_replay(self, path: str) -> None:
        """What the keeper now says again may have been told already by a daemon that was killed since."""
        recent = read_events(path, limit=_RECENT).events
        self._told = frozenset((e.kind, e.component, e.run) for e in recent if e.kind in _ONCE_A_RUN)

    def end_replay(self) -> None:
        """From here on everything is new."""
        self._told = frozenset()

    def follow(self, follower: Follower) -> None:
        """Call `follower` with every event once it is on record."""
        self._followers.append(follower)

    def unfollow(self, follower: Follower) -> None:
        """Do not call it any more."""
        if follower in self._followers:
            self._followers.remove(follower)

    def tell(
        self,
        kind: str,
        message: str,
        *,
        component: str | None = None,
        run: int | None = None,
        data: dict[str, object] | None = None,
        lines: bool = False,
    ) -> bool:
        """Put one event on record; with `lines`, or where it failed, with the last lines of its log.

        False: it is on record already, from a daemon before this one.
        """
        if (kind, component, run) in self._told:
            return False
        masker, wall = self._masker(), self._clock.wall()
        wanted = component if lines or kind in _WITH_LINES else None

        def write() -> Event:
            facts = dict(data or {})
            if wanted is not None and run:
                facts["last_lines"] = masked_last_lines(self._logs_folder, wanted, run, masker)
            return self._log.append(
                kind=kind,
                message=masker.mask(message),
                component=component,
                run=run,
                data={
                    key: masker.mask(value) if isinstance(value, str) else value
                    for key, value in facts.items()
                },
                wall=wall,
            )

        self._disk.submit(write, self._written, self._lost)
        return True

    def _written(self, event: Event) -> None:
        self.problem = None
        for follower in list(self._followers):
            follower(event)

    def _lost(self, error: Exception) -> None:
        """A disk that takes no event: the daemon goes on, and `status` still tells the present."""
        self.problem = f"events cannot be put on record: {error}"


def masked_last_lines(folder: str, name: str, run: int, masker: Masker) -> list[str]:
    """The last lines of a run, without secrets.  Blocking.  Raises OSError."""
    from ..records.logs import last_lines  # not before something has failed: the boot is quicker without

    return [masker.mask(line) for line in last_lines(folder, name, LAST_LINES, run)]
