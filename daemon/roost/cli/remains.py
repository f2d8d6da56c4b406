"""What is alive of a project, from locks, records and the process table; changes nothing, asks no daemon."""

from __future__ import annotations

from ..core.words import SHORT_ID
from ..platform import identity, locks
from ..platform.files import folder_mark
from ..platform.paths import ProjectPaths
from ..records import laststate
from ..records.runs import read_runs


def remains(paths: ProjectPaths, swept: bool = False) -> list[str]:
    """What of a project without an answering daemon is still there, in words for a sentence.

    `swept`: its last daemon has said what became of the containers; what it could not save says nothing.
    """
    left = []
    if any(locks.is_held(path) for path in (paths.keeper_lock, paths.keeper_lock_copy)):
        left.append("a keeper")
    if any(locks.is_held(path) for path in (paths.daemon_lock, paths.daemon_lock_copy)):
        left.append("a daemon")
    left += [f"{name} (pid {pid})" for name, pid in live_runs(paths).items()]
    if not swept:
        left += [f"{name} (container {one})" for name, one in containers(paths).items()]
    return left


def containers(paths: ProjectPaths) -> dict[str, str]:
    """The components that ran in a container when they were last seen, by name: its id, in short."""
    known = laststate.last_known(paths.state_json).items()
    return {name: one.container[:SHORT_ID] for name, one in known if one.container is not None}


def live_runs(paths: ProjectPaths) -> dict[str, int]:
    """The components whose recorded process is alive, by name."""
    found = {}
    mark = folder_mark(paths.root)
    for name, record in read_runs(paths.runs).records.items():
        if record.fields.get("folder", mark) != mark:
            continue  # it came with a copy of another project
        if record.pid is None or record.start_time is None or record.boot_id is None:
            continue
        if identity.is_alive(record.pid, record.start_time, record.boot_id):
            found[name] = record.pid
    return found
