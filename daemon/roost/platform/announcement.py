"""daemon.json: where a project's daemon can be reached, and what proves that it is this project's.

The daemon writes it, clients read it.  A copied project has a copy of it, too: the folder's device and inode
and the host's name tell the two apart, and stay the same when the project is moved.
"""

from __future__ import annotations

import json
import os
import socket

from .files import write_atomic
from .paths import ProjectPaths

VERSION = 1


def announce(
    paths: ProjectPaths, *, pid: int, start_time: int, boot_id: str, instance: str, roost_version: str
) -> None:
    """Write daemon.json (atomic, 0600) for a daemon that listens on `paths.endpoint`.  Raises OSError."""
    folder = os.stat(paths.root)
    entry = {
        "version": VERSION,
        "endpoint": paths.endpoint,
        "pid": pid,
        "start_time": start_time,
        "boot_id": boot_id,
        "host": socket.gethostname(),
        "instance": instance,
        "root": paths.root,
        "device": folder.st_dev,
        "inode": folder.st_ino,
        "roost_version": roost_version,
    }
    text = json.dumps(entry, indent=1).encode("ascii") + b"\n"
    write_atomic(paths.daemon_json, text, durable=False)


def announced(paths: ProjectPaths) -> str | None:
    """The endpoint in daemon.json, if a daemon of this very folder on this machine wrote it.

    None for the announcement of another folder's daemon, as for a file that is missing or unreadable.
    """
    try:
        with open(paths.daemon_json, "rb") as file:
            entry = json.loads(file.read())
        folder = os.stat(paths.root)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or entry.get("version") != VERSION:
        return None
    if (entry.get("device"), entry.get("inode")) != (folder.st_dev, folder.st_ino):
        return None
    endpoint = entry.get("endpoint")
    return endpoint if isinstance(endpoint, str) and entry.get("host") == socket.gethostname() else None
