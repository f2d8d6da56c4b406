"""Making sure that a project's daemon runs: connect, and where nobody answers start the keeper and wait.

Safe when many do it at once: of many keepers one gets the lock, the others say so and end, and all wait for
the same daemon (S2, S72).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ..platform import detach, programs
from ..platform.paths import ProjectPaths
from . import fast
from .errors import DaemonNotRunning, RoostError, Timeout

PATIENCE = 30.0
"""Seconds that a daemon may take until it answers; it takes about a quarter of one, but the machine may be busy."""
_PAUSE = 0.01
"""Seconds between two looks, in the first second: every one of them would be waited for by a person."""
_LONGER_PAUSE = 0.1
_FIRST = 1.0
_AGAIN = 1.0
"""Seconds after which a keeper is started again: the one that was there may have been on its way out."""


def ensure_daemon(
    paths: ProjectPaths,
    environ: Mapping[str, str],
    timeout: float = PATIENCE,
    hopeless: Callable[[], str | None] = lambda: None,
    meanwhile: Callable[[], object] | None = None,
) -> bool:
    """Have the daemon of a project answering within `timeout` seconds; True if it had to be started here.

    `environ` becomes the base environment of a keeper that is started.  `hopeless` is asked while we wait: the
    reason, once it is clear that no daemon will come.  `meanwhile` is called once while the keeper is being
    loaded; what it raises is raised, and nothing was started.  Raises Timeout if the daemon does not answer in time,
    RoostError of kind `not_started` with the keeper's reason or that one, or of kind `not_owner`.
    """
    deadline = time.monotonic() + timeout
    if answers(paths, timeout):
        return False
    began = start_at = time.monotonic()
    while time.monotonic() < deadline:
        if time.monotonic() >= start_at:
            _start_keeper(paths, environ, timeout, meanwhile)
            meanwhile = None
            start_at = time.monotonic() + _AGAIN
        if answers(
            paths, max(deadline - time.monotonic(), _PAUSE)
        ):  # one that is there may be busy with its start
            return True
        young = time.monotonic() - began < _FIRST
        reason = None if young else hopeless()
        if reason is not None:
            raise RoostError(reason, f"all that it said is in {paths.daemon_log}", "not_started")
        time.sleep(_PAUSE if young else _LONGER_PAUSE)
    raise Timeout(
        f"the daemon of {paths.root} does not answer after {timeout:g} s",
        f"what it said last is in {paths.daemon_log}; what its keeper said in {paths.keeper_log}",
    )


def answers(paths: ProjectPaths, timeout: float) -> bool:
    """Whether the project's daemon answers a ping within `timeout` seconds.

    False if nobody is there; raises Timeout if somebody is and says nothing, RoostError if it is not ours.
    """
    try:
        fast.call(paths, "ping", timeout=timeout, connect_timeout=timeout)
    except DaemonNotRunning:
        return False
    except RoostError as error:
        if error.kind == "shutting_down":
            return False
        raise
    return True


def _start_keeper(
    paths: ProjectPaths,
    environ: Mapping[str, str],
    timeout: float,
    meanwhile: Callable[[], object] | None,
) -> None:
    try:
        detach.start_detached(programs.keeper_argv(paths), environ, timeout, meanwhile)
    except TimeoutError:
        pass  # it may still come: the daemon's answer decides
    except detach.StartFailed as error:
        raise RoostError(
            f"the keeper of {paths.root} could not start: {error}",
            "roost doctor looks for the cause",
            "not_started",
        ) from error
    except OSError as error:
        raise RoostError(f"the keeper could not be started: {error}", None, "not_started") from error
