"""The surroundings of a project: Python, folders, owners, configuration, disk, what the system offers."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

from ...platform import owners
from ...platform.paths import ProjectPaths
from ...records.runs import read_runs
from .. import checking
from ..text import count, size
from .finding import Finding, note, ok, problem

_LEAST_DISK = 100 * 1024 * 1024
_LONGEST_SOCKET = 103  # bytes of a socket address, on the system that has the fewest


def findings(paths: ProjectPaths) -> Iterator[Finding]:
    """Everything around the daemon, whether one runs or not."""
    yield _python()
    yield _configuration(paths)
    yield _project_folder(paths)
    yield from _private_folder("state folder", paths.state)
    yield from _private_folder("run folder", paths.run)
    yield _socket_path(paths)
    yield _fifo(paths)
    yield from _system()
    yield _disk(paths)
    yield from _set_aside(paths)
    yield from _bad_records(paths)


def _python() -> Finding:
    """A version that is too old could not have come as far as this."""
    return ok("python", f"Python {'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})")


def _configuration(paths: ProjectPaths) -> Finding:
    found = checking.read(paths.config)
    if found.project is None:
        errors = count(len(found.errors), "error")
        what = f"roost.yaml is invalid: {errors}; the first: {found.errors[0].render()}"
        return problem("configuration", what, "roost check shows all of them")
    return ok("configuration", f"roost.yaml is valid, {count(len(found.project.components), 'component')}")


def _project_folder(paths: ProjectPaths) -> Finding:
    place = paths.state if os.path.isdir(paths.state) else _existing(paths.state)
    if os.access(place, os.W_OK | os.X_OK):
        return ok("project folder", f"{place} can be written to")
    return problem(
        "project folder",
        f"{place} cannot be written to",
        "make it writable, or put the state elsewhere: ROOST_STATE_DIR",
    )


def _private_folder(layer: str, folder: str) -> Iterator[Finding]:
    if not os.path.isdir(folder):
        return
    owner = owners.foreign_owner(folder)
    if owner is not None:
        yield problem(layer, f"{folder} belongs to {owner}", f"remove it as {owner}, or run roost as {owner}")
    elif not owners.is_private(folder):
        yield problem(layer, f"{folder} is open to other users", f"chmod 700 {folder}")
    else:
        yield ok(layer, f"{folder} is ours alone")


def _socket_path(paths: ProjectPaths) -> Finding:
    kind, _, address = paths.endpoint.partition(":")
    if kind == "unix" and len(os.fsencode(address)) > _LONGEST_SOCKET:
        return problem(
            "socket path",
            f"{address} is too long for a socket",
            "use a shorter XDG_STATE_HOME or home folder",
        )
    return ok("socket path", address)


def _fifo(paths: ProjectPaths) -> Finding:
    """FIFOs carry the output of components; some file systems of shared folders have none."""
    if not hasattr(os, "mkfifo"):
        return ok("fifo", "named pipes of the system")
    place = _existing(paths.run)
    try:
        with tempfile.TemporaryDirectory(prefix=".roost-doctor-", dir=place) as folder:
            os.mkfifo(os.path.join(folder, "fifo"), 0o600)
    except OSError as error:
        return problem(
            "fifo",
            f"no FIFO can be made in {place}: {error.strerror}",
            "set XDG_STATE_HOME to a folder on a local disk",
        )
    return ok("fifo", f"FIFOs can be made in {place}")


def _system() -> Iterator[Finding]:
    if hasattr(os, "splice"):
        yield ok("splice", "output is moved without passing through the keeper")
    else:
        yield note(
            "splice", "this system has no splice: when the keeper is killed, one read of output may be lost"
        )
    if hasattr(os, "pidfd_open"):
        yield ok("pidfd", "ends of components that were taken over are noticed at once")
    else:
        yield note(
            "pidfd", "this system has no pidfd: exit codes of components that were taken over may be unknown"
        )


def _disk(paths: ProjectPaths) -> Finding:
    free = shutil.disk_usage(_existing(paths.state)).free
    if free < _LEAST_DISK:
        return problem("disk", f"only {size(free)} are free", "make room; logs: roost logs --clear")
    return ok("disk", f"{size(free)} free")


def _set_aside(paths: ProjectPaths) -> Iterator[Finding]:
    aside = f"{paths.state_json}.unreadable"
    if os.path.exists(aside):
        yield problem(
            "state",
            f"state.json was damaged once and is kept as {aside}",
            "look at it if you need it, then delete it",
        )


def _bad_records(paths: ProjectPaths) -> Iterator[Finding]:
    for bad in read_runs(paths.runs).errors:
        yield problem(
            "run record",
            f"{bad.path}: {bad.message}",
            "the keeper passes over it; it can be deleted when nothing runs",
        )


def _existing(folder: str) -> str:
    """The folder, or the nearest one above it that is there."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder
