"""The user's register of projects, `projects.json`: what `roost projects` and the tray show.

Written by `up`, under a lock and atomically, so that two of them never lose each other's entry.  A project is
listed until its folder is gone.  Nothing here asks whether a project runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from ..platform.files import make_private, write_atomic
from ..platform.paths import CONFIG_NAME, STATE_NAME

VERSION = 1
_LOCK_PATIENCE = 5.0


class Registered(Struct, frozen=True, kw_only=True):
    """One project that was brought up at some time.  `root` is its real path; `at_login`: the tray starts it."""

    name: str
    root: str
    at_login: bool = False


def register_path() -> str:
    """Where the register lies: the user's state folder, by the rules of the system."""
    import platformdirs  # not on the fast path

    return os.path.join(platformdirs.user_state_dir("roost", appauthor=False), "projects.json")


def read(path: str | None = None) -> list[Registered]:
    """Every project whose folder is still there, by name.  A missing or damaged register is an empty one."""
    return [entry for entry in _load(path or register_path()) if _exists(entry)]


def remember(name: str, root: str, path: str | None = None) -> None:
    """Put a project into the register, in the place of an older entry for the same folder.

    Raises OSError when the register cannot be written, or its lock is not free within 5 s.
    """
    path = path or register_path()
    make_private(os.path.dirname(path))
    with _locked(path):
        entries = _load(path)
        old = next((entry for entry in entries if entry.root == root), None)
        _replace(path, entries, Registered(name=name, root=root, at_login=old is not None and old.at_login))


def start_at_login(name: str, root: str, wanted: bool, path: str | None = None) -> None:
    """Have the tray start a project at login, or not any more; a project that is not known yet is by then.

    Raises OSError as `remember` does.
    """
    path = path or register_path()
    make_private(os.path.dirname(path))
    with _locked(path):
        _replace(path, _load(path), Registered(name=name, root=root, at_login=wanted))


def _replace(path: str, entries: list[Registered], new: Registered) -> None:
    """Put this entry in the place of an older one for the same folder."""
    if new in entries:
        return
    kept = [entry for entry in entries if entry.root != new.root and _exists(entry)]
    _store(path, [*kept, new])


def _load(path: str) -> list[Registered]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        entries = [
            Registered(name=str(item["name"]), root=str(item["root"]), at_login=item.get("at_login") is True)
            for item in document["projects"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # a cache for display: what is damaged is made anew
    return sorted(entries, key=lambda entry: (entry.name.lower(), entry.root))


def _store(path: str, entries: list[Registered]) -> None:
    projects = [
        {"name": entry.name, "root": entry.root} | ({"at_login": True} if entry.at_login else {})
        for entry in entries
    ]
    text = json.dumps({"version": VERSION, "projects": projects}, indent=1)
    write_atomic(path, text.encode("utf-8") + b"\n", durable=False)


def _exists(entry: Registered) -> bool:
    config = os.path.join(entry.root, CONFIG_NAME)
    return os.path.isfile(config) or os.path.isdir(os.path.join(entry.root, STATE_NAME))


@contextmanager
def _locked(path: str) -> Iterator[None]:
    import portalocker  # 66 ms: only a writer pays

    try:
        with portalocker.Lock(path + ".lock", "a", timeout=_LOCK_PATIENCE):
            yield
    except portalocker.LockException as error:
        raise OSError(f"{path}.lock is held by another program") from error
