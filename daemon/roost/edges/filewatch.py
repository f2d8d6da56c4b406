"""Watches files and folders by what the system tells (watchfiles, loaded by the first who asks), in threads.

Folders are watched with all that is below them; a file, and what is not there yet, by the folder around it,
since editors replace files instead of writing into them.  When what is watched is itself made anew (a branch
is switched, a build empties its folder), the watching begins again on what is there then.  It filters nothing.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable

from msgspec import Struct

STEP = 0.1
"""Seconds for which changes are gathered before they are reported."""

_AGAIN = 5.0
"""Seconds until another attempt, where the system would not watch (too many watches, say)."""

Report = Callable[[frozenset[str]], None]
"""Called on the loop with the changed paths (absolute, with `/`)."""

Trouble = Callable[[str], None]
"""Called on the loop with a sentence when the system would not watch."""


class _Ground(Struct, frozen=True):
    """What is watched with all below it, what without, and by which inodes it was known."""

    deep: tuple[str, ...]
    flat: tuple[str, ...]
    inodes: dict[str, int | None]


class FileWatch:
    """One watching; ends with `stop`."""

    def __init__(self, paths: Iterable[str], report: Report, trouble: Trouble) -> None:
        self._paths = tuple(paths)
        self._report = report
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._told: str | None = None
        self._stopped = threading.Event()
        self._begin()

    def stop(self) -> None:
        """Report nothing more; the threads end by themselves within moments."""
        self._stopped.set()

    def _begin(self) -> None:
        self._ground = _ground(self._paths)
        self._stopped = threading.Event()
        for folders, deep in ((self._ground.deep, True), (self._ground.flat, False)):
            if folders:
                work = (folders, deep, self._stopped)
                threading.Thread(target=self._watch, args=work, name="roost-files", daemon=True).start()

    def _watch(self, folders: tuple[str, ...], deep: bool, stopped: threading.Event) -> None:
        from watchfiles import watch  # half a megabyte, and only for those who watch

        milliseconds, fresh = int(STEP * 1000), True
        try:
            for changes in watch(
                *folders,
                watch_filter=None,
                debounce=milliseconds,
                step=milliseconds,
                stop_event=stopped,
                rust_timeout=1000,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=deep,
                ignore_permission_denied=True,
            ):
                if changes or fresh:
                    self._hand_over(stopped, self._changed, frozenset(_slashed(path) for _, path in changes))
                fresh = False
        except (OSError, RuntimeError) as error:  # RuntimeError is what watchfiles makes of the system's no
            self._hand_over(stopped, self._fail, str(error))

    def _hand_over(self, stopped: threading.Event, call: Callable[..., None], what: object) -> None:
        if stopped.is_set():
            return
        try:
            self._loop.call_soon_threadsafe(call, stopped, what)
        except RuntimeError:
            stopped.set()  # the loop is closed: nobody listens any more

    def _changed(self, stopped: threading.Event, paths: frozenset[str]) -> None:
        """Report; no paths: nothing has changed since the watching began, but before it something may have."""
        if stopped.is_set():
            return
        self._told = None
        if paths:
            self._report(paths)
        before, now = self._ground, _ground(self._paths)
        if not stopped.is_set() and now != before:
            stopped.set()
            self._begin()
            if come := frozenset(_slashed(path) for path in self._paths if _has_come(path, before, now)):
                self._report(come)

    def _fail(self, stopped: threading.Event, message: str) -> None:
        if stopped.is_set():
            return
        stopped.set()
        if message != self._told:
            self._told = message
            self._trouble(message)
        self._loop.call_later(_AGAIN, self._begin_unless_stopped, stopped)

    def _begin_unless_stopped(self, failed: threading.Event) -> None:
        if self._stopped is failed:
            self._begin()


def _ground(paths: tuple[str, ...]) -> _Ground:
    deep = [path for path in paths if os.path.isdir(path)]
    flat = dict.fromkeys(_nearest_folder(os.path.dirname(path)) for path in paths)
    inside = [folder for folder in flat if not any(_below(folder, root) for root in deep)]
    return _Ground(tuple(deep), tuple(inside), {path: _inode(path) for path in (*paths, *flat)})


def _has_come(path: str, before: _Ground, now: _Ground) -> bool:
    """Whether what is watched is there anew, with its folder, so that nobody has reported its coming."""
    folder = _nearest_folder(os.path.dirname(path))
    known = before.inodes.get(path) == now.inodes[path] and before.inodes.get(folder) == now.inodes[folder]
    return not known and os.path.exists(path)


def _below(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip(os.sep) + os.sep)


def _nearest_folder(path: str) -> str:
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _inode(path: str) -> int | None:
    """Of a folder; a file is watched by its folder, and gets a new one with every save."""
    try:
        return os.stat(path).st_ino if os.path.isdir(path) else None
    except OSError:
        return None


def _slashed(path: str) -> str:
    return path.replace(os.sep, "/")
