"""What happened, on record: masked, with the last lines of the log where something failed.

The writing is done by the disk's thread, in order; only then followers hear of it.  What a full disk does not
take waits until there is room again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from ..core.secrets import Masker
from ..edges.clock import Clock
from ..edges.disk import Disk
from ..records.events import Event, EventLog, read_events
from ..records.lastwords import LastWords, clipped, last_words

LAST_LINES = 20
LONGEST_LINE = 2000
"""Characters of one of them; the whole line is in the log."""
_RECENT = 500
_KEPT = 500
"""So many events wait while the disk takes none; of more the oldest are lost."""
_AGAIN = 1.0
"""Seconds until the next attempt, where no event comes before."""
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
        self._waiting: deque[Callable[[], Event]] = deque(maxlen=_KEPT)  # of the disk's thread alone
        self._retry: asyncio.TimerHandle | None = None
        self.problem: str | None = None
        """Why the last event could not be put on record; None when it could."""
        self._told: frozenset[tuple[str, str | None, int | None]] = frozenset()
        self._last_words: dict[str, LastWords] = {}

    def begin_replay(self, path: str, again: bool) -> None:
        """Recall what a daemon before this one has told.

        `again`: there is a keeper that will say some of it once more, which then needs not be told.
        """
        recent = read_events(path, limit=_RECENT).events
        self._last_words = last_words(recent)
        if again:
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

    def last_lines(self, component: str, run: int) -> list[str]:
        """What the component said last before this run of it failed; empty if it did not, or said nothing."""
        said = self._last_words.get(component)
        return said.lines if said is not None and said.run == run else []

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
                with contextlib.suppress(OSError):  # rather an event without them than none
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

        def write_in_turn() -> tuple[list[Event], OSError | None]:
            self._waiting.append(write)
            return self._write_waiting()

        self._disk.submit(write_in_turn, self._written, self._failed)
        return True

    def _write_waiting(self) -> tuple[list[Event], OSError | None]:
        """Write what waits, up to the first that the disk does not take, and why.  On the disk's thread."""
        written: list[Event] = []
        while self._waiting:
            write = self._waiting.popleft()
            try:
                written.append(write())
            except OSError as error:
                self._waiting.appendleft(write)
                return written, error
        return written, None

    def _written(self, outcome: tuple[list[Event], OSError | None]) -> None:
        events, error = outcome
        self.problem = None
        if error is not None:
            self._failed(error)
        self._last_words.update(last_words(events))
        for event in events:
            for follower in list(self._followers):
                follower(event)

    def _failed(self, error: Exception) -> None:
        """A disk that takes no event: the daemon goes on, and `status` still tells the present."""
        self.problem = f"events cannot be put on record: {error}"
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(_AGAIN, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._disk.submit(self._write_waiting, self._written, self._failed)


def masked_last_lines(folder: str, name: str, run: int, masker: Masker) -> list[str]:
    """The last lines of a run, without secrets, none longer than LONGEST_LINE.  Blocking.  Raises OSError."""
    from ..records.logs import last_lines  # not before something has failed: the boot is quicker without

    return [clipped(masker.mask(line), LONGEST_LINE) for line in last_lines(folder, name, LAST_LINES, run)]
