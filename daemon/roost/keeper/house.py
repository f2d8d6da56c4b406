"""The keeper's place on the disk: its two folders, its two locks, and that they stay what they are (P3b).

The state folder lies in the project, the run folder with the user's own files; the lock is held in both, so
that neither a copied nor a removed `.roost` makes a second keeper possible.
"""

from __future__ import annotations

import os
import stat

from roost.platform import files, identity, owners
from roost.platform.locks import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.platform.paths import ProjectPaths

    from .journal import Journal


class Unusable(Exception):
    """The keeper cannot live here; the text says why and what to do."""


class House:
    """Folders and locks of one project."""

    def __init__(self, paths: ProjectPaths) -> None:
        self._paths = paths
        self._locks = (Lock(paths.keeper_lock), Lock(paths.keeper_lock_copy))
        self._run_inode: tuple[int, int] | None = None

    def homeless(self) -> list[int]:
        """The keepers of this project whose folders were removed, and which are about to make them anew (P3b).

        Asked only where no lock file is left, which is where nothing else tells of them.
        """
        paths = self._paths
        if any(os.path.exists(lock.path) for lock in self._locks):
            return []
        return identity.holders_of_removed(paths.keeper_lock, paths.state)

    def prepare(self) -> None:
        """Make what is missing; raises Unusable."""
        self._prepare_state()
        self._prepare_run()

    def take(self) -> bool:
        """Take both locks now, or neither; raises Unusable if a lock file cannot be made."""
        try:
            if all(lock.take() for lock in self._locks):
                return True
        except OSError as error:
            raise Unusable(_cannot("take the lock in", self._paths.state, error)) from error
        self.release()
        return False

    def release(self) -> None:
        """Give both up."""
        for lock in self._locks:
            lock.release()

    def look_after(self, journal: Journal) -> bool:
        """Make anew what was removed or replaced; True if the run folder is another one now.

        A project that is gone or was moved is not made anew: there only the run folder is looked after.
        """
        before = self._run_inode
        try:
            self._prepare_run()
            if os.path.isdir(self._paths.root):
                self._prepare_state()
            for lock in self._locks:
                if not lock.is_current() and os.path.isdir(os.path.dirname(lock.path)):
                    retaken = lock.retake()
                    outcome = "taken anew" if retaken else "held by another now"
                    journal.say(f"{lock.path} was removed or replaced: {outcome}")
        except (Unusable, OSError) as error:
            journal.say(f"cannot look after the folders: {error}")
        return before != self._run_inode

    def _prepare_state(self) -> None:
        state = self._paths.state
        try:
            for folder in (state, self._paths.runs, self._paths.locks):
                files.make_private(folder)
            ignore = os.path.join(state, ".gitignore")
            if not os.path.exists(ignore):
                files.write_atomic(ignore, b"*\n", mode=0o644, durable=False)
        except OSError as error:
            raise Unusable(_cannot("write in", state, error)) from error

    def _prepare_run(self) -> None:
        run = self._paths.run
        try:
            for folder in (os.path.dirname(run), run):
                files.make_private(folder)
                owner = owners.foreign_owner(folder)
                if owner is not None:
                    raise Unusable(
                        f"{folder} belongs to {owner}: it must be yours alone (remove or rename it)"
                    )
            there = os.stat(run)
            if stat.S_IMODE(there.st_mode) & 0o077:
                os.chmod(run, 0o700)
        except OSError as error:
            raise Unusable(_cannot("use", run, error)) from error
        self._run_inode = (there.st_dev, there.st_ino)


def _cannot(what: str, folder: str, error: OSError) -> str:
    advice = "give yourself the right to write there, or set ROOST_STATE_DIR to another folder"
    return f"cannot {what} {folder}: {error.strerror} ({advice})"
