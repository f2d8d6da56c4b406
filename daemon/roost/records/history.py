"""The log files of one component, the oldest first, as one sequence of pieces; holds over rotations.

Looks at names and sizes only; what is in the logs is read by others.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from ..platform.logindex import rotated
from .index import Index, Piece
from .stored import StoredFile, stat_of

_PAUSE = 0.001  # seconds between two looks into what seems to be the middle of a rotation
_STILL = 10  # looks at the same doubtful state, after which it seems to be no rotation but damage
_LOOKS = 200
_DOUBTS = 20  # refreshes for which one would rather see nothing new than believe that
_LOG_NAME = re.compile(r"(.+)\.log(?:\.[0-9]+)?")


class Place(NamedTuple):
    """A place in a component's logs as a cursor names it: which file, and where in it.

    `origin`: how many bytes there had been before that file; None where nobody knows.
    """

    inode: int
    born: int
    offset: int
    origin: int | None = None


class Generation:
    """One log with its index.  What lies beyond `size` came after we looked."""

    __slots__ = ("_origin", "index", "known_born", "log")

    def __init__(self, log: StoredFile, index: Index) -> None:
        self.log = log
        self.index = index
        self.known_born = 0
        self._origin: int | None = None

    @property
    def size(self) -> int:
        return self.log.size

    @property
    def born(self) -> int:
        """With the inode, which may be used again, what tells this file from every other; 0 while empty.

        (A record without bytes yet is not final.)
        """
        if not self.known_born and self.size:
            head = self.index.head()
            if self.is_still(head):
                self.known_born, self._origin = head
        return self.known_born

    @property
    def origin(self) -> int | None:
        """How many bytes there were before this file; None where nobody knows."""
        if self._origin is None and not self.born:
            self._origin = self.index.head()[1]
        return self._origin

    def is_at(self, place: Place) -> bool:
        """Whether `place` is in this file."""
        if place.inode != self.log.inode or place.offset > self.size:
            return False
        return _agree(place.born or None, self.born or None) and _agree(place.origin, self.origin)

    def read(self, start: int, end: int) -> bytes | None:
        """These bytes, fewer where the disk cannot read them; None if the file has gone.

        One that has its inode since is another: what the index begins with tells, before and after.
        """
        _ = self.born
        data = self.log.read(start, end)
        head = self.index.head()
        if not self.is_still(head):
            return None
        whole = len(data) == end - start and (head[0] or self.index.count < 3)
        return data if whole or self.exists() else None

    def exists(self) -> bool:
        """Whether both are there still, under whatever number."""
        return self.log.exists() and (self.index.file is None or self.index.file.exists())

    def is_of(self, seen: Generation) -> bool:
        """Whether both may have the same files, an index that is not there being no other."""
        ours, theirs = self.index.file, seen.index.file
        return self.log.may_be(seen.log) and (ours is None or theirs is None or ours.may_be(theirs))

    def is_still(self, head: tuple[int, int | None]) -> bool:
        """Whether its index begins as it did when we saw it, as far as anything was there."""
        return _agree(self.known_born or None, head[0] or None) and _agree(self._origin, head[1])

    def files(self) -> tuple[int, int, int | None]:
        """Which files these are, and under which number."""
        return self.log.number, self.log.inode, self.index.file.inode if self.index.file else None


class Position(NamedTuple):
    """A place in a component's logs while we read them."""

    generation: Generation
    offset: int

    def place(self) -> Place:
        generation = self.generation
        return Place(generation.log.inode, generation.born, self.offset, generation.origin)


class History:
    """The logs of component `name` in `folder`."""

    __slots__ = ("_doubts", "_log", "_path", "generations", "name")

    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self._log = os.path.join(folder, name + ".log")
        self._path = os.path.join(folder, name + ".idx")
        self.generations: list[Generation] = []
        self._doubts = 0
        self.refresh()

    # -- looking at the disk -------------------------------------------------------------------------

    @property
    def in_doubt(self) -> bool:
        """Whether the last look fell into rotations, so that what is known may be older than what is there."""
        return 0 < self._doubts <= _DOUBTS

    def refresh(self, anew: bool = False) -> None:
        """See what has been written since, and whether a rotation has happened.

        `anew`: do not trust that the newest file seems to be the same, since another was found to have gone.
        """
        if anew or self.in_doubt or not (self.generations and self._grow(self.generations[-1])):
            self._look()

    def _grow(self, newest: Generation) -> bool:
        """The cheap look: the newest file is still the live one."""
        log = stat_of(self._log)
        if log is None or log.st_ino != newest.log.inode or log.st_size < newest.size:
            return False
        same = (log.st_size, log.st_mtime_ns) == (newest.size, newest.index.fallback_ns)
        if same and newest.index.file is not None:
            return True
        index = stat_of(self._path)  # after the log: a record is written before its bytes
        file = newest.index.file
        if _inode(index) != (file.inode if file else None):
            return False
        if not newest.is_still(newest.index.head()):
            return False  # cleared and written anew, and the inodes were used again
        _grown(newest, log, index)
        return True

    def _look(self) -> None:
        found, settled = self._look_until_settled()
        self._doubts = 0 if settled else self._doubts + 1
        if self.generations and 0 < self._doubts <= _DOUBTS:
            return
        found.reverse()
        self.generations = [self._known(new) for new in found]

    def _known(self, new: Generation) -> Generation:
        """The object in which others hold a position, brought up to date, if it is the same file."""
        for old in self.generations:
            if old.is_of(new) and old.is_still(new.index.head()) and old.size <= new.size:
                old.log = new.log
                old.index.follow(new.index)
                return old
        return new

    def _look_until_settled(self) -> tuple[list[Generation], bool]:
        found, settled = self._look_once()
        still = looks = 0
        while not settled and still < _STILL and looks < _LOOKS:
            time.sleep(_PAUSE)
            before = [generation.files() for generation in found]
            found, settled = self._look_once()
            still = still + 1 if before == [generation.files() for generation in found] else 0
            looks += 1
        return found, settled

    def _look_once(self) -> tuple[list[Generation], bool]:
        """What is there, the newest first, and whether it can be believed.

        Of each pair the index is renamed first and the newest pair last (platform.logindex).  So when every
        log has its index, and the live pair is the same before and after, each index is that of its log; what
        the live one begins with is looked at, too, since inodes are used again.
        """
        found: list[Generation] = []
        settled, number, missing = True, 0, 0
        origin: int | None = None
        while missing < 2:
            log, index = stat_of(rotated(self._log, number)), stat_of(rotated(self._path, number))
            settled = settled and (log is None) == (index is None)
            missing = missing + 1 if log is None else 0
            if log is not None and all(log.st_ino != other.log.inode for other in found):
                found.append(self._generation(number, log, index))
                origin = found[0].origin  # seen at once: the inode alone does not tell which file it is
            number += 1
        if origin is not None and origin != found[0].index.head()[1]:
            settled = False  # so many rotations that the inodes are the same again
        live = stat_of(self._log), stat_of(self._path)
        newest = found[0].files() if found else (0, None, None)
        return found, settled and newest == (0, _inode(live[0]), _inode(live[1]))

    def _generation(self, number: int, log: os.stat_result, index: os.stat_result | None) -> Generation:
        file = StoredFile(self._path, number, index) if index else None
        stored = StoredFile(self._log, number, log)
        return Generation(stored, Index(file, log.st_size, log.st_mtime_ns))

    # -- places --------------------------------------------------------------------------------------

    def begin(self) -> Position | None:
        """The oldest byte that there is; None without any log."""
        return Position(self.generations[0], 0) if self.generations else None

    def end(self) -> Position | None:
        """Behind the newest byte; None without any log."""
        return Position(self.generations[-1], self.generations[-1].size) if self.generations else None

    def find(self, place: Place) -> Position | None:
        """Where `place` is now; if its file has gone, the beginning of what came after it; None: all did."""
        for generation in self.generations:
            if generation.is_at(place):
                return Position(generation, place.offset)
        later = (each for each in self.generations if _is_after(each, place))
        return next((Position(each, 0) for each in later), None)

    def between(self, place: Place, reached: Generation) -> int | None:
        """How many bytes lay between `place`, whose file has gone, and that file; None if nobody knows."""
        if place.origin is None or reached.origin is None:
            return None
        between = reached.origin - place.origin - place.offset
        return between if between >= 0 else None

    def after(self, generation: Generation) -> Generation | None:
        """The next newer file; None if there is none, or if `generation` has gone."""
        number = self.number(generation) + 1
        return self.generations[number] if 0 < number < len(self.generations) else None

    def before(self, generation: Generation) -> Generation | None:
        """The next older file."""
        number = self.number(generation) - 1
        return self.generations[number] if number >= 0 else None

    def number(self, generation: Generation) -> int:
        """Its place in the sequence; -1 if it has gone."""
        return next((n for n, other in enumerate(self.generations) if other is generation), -1)

    def at_time(self, time_ns: int) -> Position | None:
        """Where the bytes begin that arrived at `time_ns` or later: the end if there are none."""
        for generation in self.generations:
            offset = generation.index.offset_at(time_ns)
            if offset < generation.size:
                return Position(generation, offset)
        return self.end()

    def at_run(self, run: int) -> Position | None:
        """Where `run` begins: the end if it is not there."""
        for generation in self.generations:
            offset = generation.index.offset_of_run(run)
            if offset < generation.size:
                return Position(generation, offset)
        return self.end()

    def mended(self) -> int:
        """In how many of the indices damage was met so far."""
        return sum(generation.index.is_mended for generation in self.generations)

    def highest_run(self) -> int:
        """The newest run that wrote something; 0 if none did."""
        runs = (generation.index.highest_run() for generation in reversed(self.generations))
        return next((run for run in runs if run), 0)

    # -- pieces --------------------------------------------------------------------------------------

    def pieces_back(self, position: Position) -> Iterator[tuple[Generation, Piece]]:
        """Every piece before `position`, the nearest first, through all older files."""
        generation: Generation | None = position.generation
        offset = position.offset
        while generation is not None:
            for piece in generation.index.pieces_back(offset):
                yield generation, piece
            generation = self.before(generation)
            offset = generation.size if generation else 0

    def ordinal(self, generation: Generation, number: int) -> int:
        """Counts index records through all files: only differences mean something."""
        older = self.generations[: max(0, self.number(generation))]
        return sum(other.index.count for other in older) + number


def log_names(folder: str) -> list[str]:
    """Every component that has a log in `folder` (`.roost/logs`), sorted."""
    try:
        files = os.listdir(folder)
    except OSError:
        return []
    return sorted({match[1] for match in map(_LOG_NAME.fullmatch, files) if match})


def _agree(one: int | None, other: int | None) -> bool:
    """Whether both may be the same, None being unknown."""
    return one is None or other is None or one == other


def _is_after(generation: Generation, place: Place) -> bool:
    if generation.born > place.born or not generation.born:
        return True
    if place.origin is None or generation.origin is None:
        return False
    return generation.origin >= place.origin + place.offset  # whatever the clock said meanwhile


def _inode(found: os.stat_result | None) -> int | None:
    return found.st_ino if found else None


def _grown(generation: Generation, log: os.stat_result, index: os.stat_result | None) -> None:
    generation.log.size = log.st_size
    generation.index.grown(index.st_size if index else 0, log.st_size, log.st_mtime_ns)
