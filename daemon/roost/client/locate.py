"""Finding a project's daemon: by what it announced, else by the path that is made from the project's own.

Asking whether it runs means connecting, and nothing else; no lock is touched.  Standard library alone, and
little of it, because `roost status` comes through here.
"""

from __future__ import annotations

import os

from ..platform import endpoint as platform_endpoint
from ..platform.announcement import announced
from ..platform.paths import ProjectPaths, find_root, project_paths
from .errors import RoostError, Timeout, not_running

CONNECT_TIMEOUT = 5.0
"""Seconds (S41)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def project_of(project: str | os.PathLike[str] | ProjectPaths, environ: Mapping[str, str]) -> ProjectPaths:
    """The paths of the project that a folder, or one above it, is.  Raises RoostError if there is none."""
    if isinstance(project, ProjectPaths):
        return project
    folder = os.fspath(project)
    root = find_root(folder)
    if root is None:
        raise RoostError(
            f"there is no roost.yaml in {os.path.abspath(folder)} or above it",
            "roost init writes one",
            "no_project",
        )
    return project_paths(root, environ)


def endpoints(paths: ProjectPaths) -> list[str]:
    """Where the daemon may be, the likelier place first."""
    first = announced(paths)
    return [paths.endpoint] if first in (None, paths.endpoint) else [first, paths.endpoint]


def connect(paths: ProjectPaths, timeout: float = CONNECT_TIMEOUT) -> platform_endpoint.Connection:
    """A connection to the project's daemon, with `timeout` (seconds) set for whatever is done with it.

    Raises DaemonNotRunning; Timeout if it is there but accepts nobody; RoostError if we may not connect.
    """
    cause: OSError | None = None
    for endpoint in endpoints(paths):
        try:
            connection = platform_endpoint.connect(endpoint, timeout)
        except TimeoutError as error:
            raise Timeout(f"the daemon of {paths.root} accepts no connection") from error
        except PermissionError as error:
            raise RoostError(
                f"the daemon of {paths.root} belongs to another user", "run roost as that user", "not_owner"
            ) from error
        except (OSError, ValueError) as error:  # nobody is there, or the announcement makes no sense
            cause = error if isinstance(error, OSError) else None
            continue
        if platform_endpoint.peer_is_owner(connection):
            return connection
        connection.close()
        raise RoostError(
            f"what answers on {endpoint} runs as another user", "run roost as that user", "not_owner"
        )
    raise not_running(paths.root, paths.daemon_log) from cause
