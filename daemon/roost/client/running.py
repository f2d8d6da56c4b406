"""`ensure_running`: a project made ready for the time of a block, and left afterwards as it was found (S82–S88).

What runs is used, what does not is started; at the end only what was started for this and for nobody else is
stopped.  The daemon keeps account of that in a lease, which it ends by itself when this process is gone,
however that came.  A thread claims the lease again whenever the daemon has been replaced.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from ..api import types as t
from ..platform import locks
from ..platform.paths import ProjectPaths
from ..platform.programs import FOR_LEASE
from .blocking import Client
from .errors import DaemonNotRunning, RoostError, Timeout
from .launch import ensure_daemon
from .locate import project_of
from .methods import OnProgress

READY = 60.0
"""Seconds that what has to be started may take until it is ready."""
_CLAIM = 8.0
"""Seconds between two claims; a daemon that was replaced waits 30 for one."""
_PERSISTENCE = 5
"""So many deaths of the daemon while we ask are taken for bad luck."""
_LAST = 5.0
"""Seconds that daemon and keeper have to end (S48)."""
_LOOK = 0.02


class Running:
    """A project that is ready.  `client` talks to its daemon; `started` names what was started for this."""

    def __init__(self, client: Client, lease: t.Lease) -> None:
        self.client = client
        self.started = lease.started

    @property
    def root(self) -> str:
        """The project's folder."""
        return self.client.paths.root

    @property
    def components(self) -> dict[str, t.ComponentStatus]:
        """Every component as it is now, by name."""
        return {component.name: component for component in self.client.component_list()}

    def port(self, component: str, name: str | None = None) -> int:
        """A port of a component: the one of that name, or the only one.  Raises NoSuchComponent, KeyError."""
        ports = self.client.component_get(component).ports
        found = [one.port for one in ports if name is None or one.name == name]
        if len(found) == 1 and found[0] is not None:
            return found[0]
        known = ", ".join(one.name or str(one.port) for one in ports) or "none"
        raise KeyError(f"which port of {component}? it has: {known}")

    def url(self, component: str) -> str:
        """The address that a component offers (`url` in roost.yaml).  Raises NoSuchComponent, KeyError."""
        url = self.client.component_get(component).url
        if url is None:
            raise KeyError(f"{component} has no url in roost.yaml")
        return url


@contextmanager
def ensure_running(
    project: str | os.PathLike[str] | ProjectPaths = ".",
    *names: str,
    start: bool = False,
    environ: Mapping[str, str] | None = None,
    timeout: float = READY,
    on_progress: OnProgress = None,
) -> Iterator[Running]:
    """Have a project ready (`names` and what they need; none: all that autostart) while the block lasts.

    Raises NotReady with the reason, and nothing was changed, when something that is needed is failed or was
    stopped by a person, unless `start`; or, with everything stopped again, when it does not come up within
    `timeout` seconds.  Raises InvalidConfig, NoSuchComponent, and whatever keeps the daemon from starting.
    """
    environ = os.environ if environ is None else environ
    paths = project_of(project, environ)
    ask = t.AcquireParams(names=list(names), start=start, lease=uuid.uuid4().hex, timeout=timeout)
    with Client(paths, environ=environ) as line, Client(paths, environ=environ) as client:
        lease = _acquire(line, ask, environ, on_progress)
        claims = _Claims(line, lease.lease)
        try:
            yield Running(client, lease)
        finally:
            claims.end()
            _release(line, lease.lease)


def _acquire(
    line: Client, ask: t.AcquireParams, environ: Mapping[str, str], on_progress: OnProgress
) -> t.Lease:
    """The lease; asked for again by its name when the daemon ended meanwhile."""
    launched = False
    for attempt in range(_PERSISTENCE):
        launched = ensure_daemon(line.paths, {**environ, FOR_LEASE: "1"}) or launched
        try:
            return line.project_acquire(
                *ask.names,
                start=ask.start,
                lease=ask.lease,
                launched=launched,
                timeout=ask.timeout,
                on_progress=on_progress,
            )
        except RoostError as error:
            if not _may_come_back(error) or attempt == _PERSISTENCE - 1:
                if launched:
                    _await_end(line.paths)
                raise
            if error.kind == "shutting_down":
                _await_end(line.paths)
    raise AssertionError("unreachable")


def _may_come_back(error: RoostError) -> bool:
    return isinstance(error, DaemonNotRunning) or error.kind == "shutting_down"


def _release(line: Client, lease: str) -> None:
    """Give it back, and see a daemon off that ends with it.  A lease that has ended already is no error."""
    for _ in range(_PERSISTENCE):
        try:
            if line.project_release(lease).ends:
                _await_end(line.paths)
            return
        except Timeout:
            raise
        except RoostError as error:
            if not isinstance(error, DaemonNotRunning) or not _comes_back(line):
                return


def _comes_back(line: Client) -> bool:
    """Whether the daemon is there again, after a moment; its keeper starts it anew if it was killed."""
    deadline = time.monotonic() + _LAST
    while locks.is_held(line.paths.keeper_lock) and time.monotonic() < deadline:
        with suppress(RoostError):
            line.ping()
            return True
        time.sleep(_LOOK)
    return False


def _await_end(paths: ProjectPaths) -> None:
    """Return when the project's keeper, which goes last, is gone; or after 5 s, because somebody needs it."""
    deadline = time.monotonic() + _LAST
    while locks.is_held(paths.keeper_lock) and time.monotonic() < deadline:
        time.sleep(_LOOK)


class _Claims:
    """A thread that says from time to time that the lease is still wanted."""

    def __init__(self, line: Client, lease: str) -> None:
        self._line = line
        self._lease = lease
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="roost-lease", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Claim no more; nothing is under way when this returns."""
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._enough.wait(_CLAIM):
            with suppress(RoostError):  # no daemon at this moment, or the lease has ended: the block goes on
                self._line.project_acquire(lease=self._lease, claim=True)
