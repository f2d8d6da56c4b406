"""runs/NAME.json: what a later keeper must know of a live run, should this one be killed (DESIGN.md §1).

Written three times in a run's life: before the spawn (the intent: no pid), after it, and at its end, when the
exit is added; removed when the daemon has acknowledged the exit.  The first makes a new file, whole or not at
all; the others change it by one write within one page, which a kill cannot divide, since new files for each
would make every spawn half as long again.  Not flushed to the disk: after a crash of the machine no run lives.
Neither environment nor command line are in it.
"""

from __future__ import annotations

import json
import os
import threading

from roost.platform import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roost.platform.paths import ProjectPaths

    from .journal import Journal
    from .table import Run

VERSION = 1
_STEP = 1024  # records are filled up to a multiple of this, so that the pid, and mostly the exit, fit in
_PAGE = 4096


class Records:
    """The run records of one project."""

    __slots__ = ("_boot_id", "_do", "_folder", "_journal", "_latest", "_paths", "_turn")

    def __init__(
        self,
        paths: ProjectPaths,
        boot_id: str,
        journal: Journal,
        do: Callable[[str, Callable[[], None]], None],
    ) -> None:
        """`do` lets the thread that has a component's log do something, in the order in which it was said."""
        self._paths = paths
        self._boot_id = boot_id
        self._folder = files.folder_mark(paths.root)
        self._journal = journal
        self._do = do
        self._latest: dict[str, int] = {}
        self._turn = threading.Lock()  # several threads write; whoever waits, waits for the same disk

    def write(self, run: Run) -> None:
        """Write, now, what is known of a run that begins: the intent, then its pid.

        A disk that refuses is noted, and does not prevent the run.
        """
        self._latest[run.name] = run.run
        self._write(run, self._content(run))

    def resume(self, run: Run) -> None:
        """The record is an earlier keeper's and the run is ours now."""
        self._latest[run.name] = max(run.run, self._latest.get(run.name, 0))
        self.update(run)

    def update(self, run: Run) -> None:
        """Write what is known of the run, soon, and before the thread does what it is asked for later.

        So an exit is on record before it is told: `exited` waits for a flush by the same thread.
        """
        content = self._content(run)
        self._do(run.name, lambda: self._write(run, content))

    def remove(self, name: str, run: int) -> None:
        """The run's end is known to the daemon; nothing of it needs to be remembered."""

        def remove() -> None:
            with self._turn:
                if self._latest.get(name) == run:
                    _unlink(self._paths.run_record(name))
                    _unlink(self._paths.component_lock(name))

        self._do(name, remove)

    def forget(self, run: Run) -> None:
        """The run did not come about."""
        _unlink(self._paths.run_record(run.name))
        _unlink(self._paths.component_lock(run.name))

    def look_after(self, runs: Iterable[Run]) -> None:
        """Write anew the records of these that somebody has removed: without one a run could be started twice."""
        try:
            there = set(os.listdir(self._paths.runs))
        except OSError:
            return  # its folder is gone; once that is made anew we come again
        for run in runs:
            if run.pid and run.name + ".json" not in there:
                self.update(run)

    def read_all(self) -> list[dict[str, object]]:
        """The records that are there and can be read; one that cannot is noted and left where it is."""
        found = []
        try:
            names = sorted(os.listdir(self._paths.runs))
        except FileNotFoundError:
            return []
        for name in names:
            if name.endswith(".json"):
                try:
                    with open(os.path.join(self._paths.runs, name), encoding="utf-8") as file:
                        record = json.load(file)
                except (OSError, ValueError) as error:
                    self._journal.say(f"run record {name} cannot be read: {error}")
                    continue
                if isinstance(record, dict) and record.get("version") == VERSION:
                    found.append(record)
                else:
                    self._journal.say(f"run record {name} is of another version and was left alone")
        return found

    def is_of_this_folder(self, record: dict[str, object]) -> bool:
        """Whether the record was written in this very folder: one in a copied `.roost` is another project's."""
        return record.get("folder", self._folder) == self._folder

    def _content(self, run: Run) -> bytes:
        content = {
            "version": VERSION,
            **run.public(),
            "boot_id": self._boot_id,
            "folder": self._folder,
            "instance": run.instance,
            "fifos": run.fifos,
            "stop": {"signal": run.stop_signal, "timeout": run.stop_timeout, "leftovers": run.leftovers},
            "log": {"max_size": run.max_size, "max_files": run.max_files},
            "exit": run.exit or None,
            "acknowledged": run.acknowledged,
        }
        data = json.dumps(content, separators=(",", ":")).encode("ascii")
        return data.ljust(-(-len(data) // _STEP) * _STEP)

    def _write(self, run: Run, content: bytes) -> None:
        """Unless a later run of the name has begun meanwhile."""
        path = self._paths.run_record(run.name)
        try:
            with self._turn:
                if self._latest.get(run.name) != run.run:
                    return
                if not (run.pid and _overwrite(path, content)):
                    files.write_atomic(path, content, durable=False)
        except OSError as error:
            self._journal.say(f"the run record of {run.name} could not be written: {error.strerror}")


def _overwrite(path: str, content: bytes) -> bool:
    """Change a file of the same size by one write; False where that cannot be."""
    if len(content) > _PAGE:
        return False
    try:
        fd = os.open(path, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return False
    try:
        return os.fstat(fd).st_size == len(content) and os.write(fd, content) == len(content)
    finally:
        os.close(fd)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # it is gone, or its folder is, or the disk refuses: the next run replaces it
