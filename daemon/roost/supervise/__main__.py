"""`python -m roost.supervise ROOT STATE RUN`: the daemon's process, a child of the keeper."""

from __future__ import annotations

import sys

# asyncio wants `ssl` for servers that we do not have, hashlib OpenSSL for hashes that it has itself: 8 MB,
# msgspec `typing_extensions` (0.4 MB) for types that typing has; all do without where there is none.  An https
# probe loads `ssl` when it is needed.
_UNNEEDED = ("ssl", "_hashlib", "typing_extensions")
sys.modules.update(dict.fromkeys(_UNNEEDED))  # type: ignore[arg-type]
import asyncio  # noqa: E402
import hashlib  # noqa: E402, F401

import msgspec  # noqa: E402, F401

for _name in _UNNEEDED:
    del sys.modules[_name]

import os  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402

from ..edges.clock import RealClock  # noqa: E402
from ..edges.keeper_link import KeeperError, KeeperGone  # noqa: E402
from ..edges.store import NewerVersion  # noqa: E402
from ..platform import detach, limits, programs  # noqa: E402
from ..platform.interrupts import on_interrupt  # noqa: E402
from ..platform.locks import Lock  # noqa: E402
from ..platform.paths import ProjectPaths  # noqa: E402
from . import watchdog  # noqa: E402
from .daemon import Daemon  # noqa: E402
from .handlers import table  # noqa: E402

_KEEPER_START = 5.0
_LOCK_WAIT = 2.0
_LOCK_PAUSE = 0.02


def main(arguments: list[str]) -> int:
    """Run until told to end; the exit code is 0 after an end in good order."""
    limits.raise_limit()  # three descriptors are held for each component (D3)
    paths = ProjectPaths(*arguments[:3])
    locks = [Lock(paths.daemon_lock), Lock(paths.daemon_lock_copy)]
    if not all(_take(lock) for lock in locks):
        print(f"another daemon of {paths.root} holds {paths.daemon_lock}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(paths, locks))
    except KeeperGone as error:
        print(f"the daemon of {paths.root} finds no keeper ({error.__cause__ or error})", file=sys.stderr)
        _call_a_keeper(paths)
        return 1
    except (OSError, KeeperError, NewerVersion) as error:
        print(f"the daemon of {paths.root} cannot run: {error}", file=sys.stderr)
        return 1
    return 0


def _call_a_keeper(paths: ProjectPaths) -> None:
    """Ours was killed while we were being started: another takes over what runs, with a daemon of its own (P2).

    One that is there after all makes it superfluous.
    """
    try:
        pid = detach.start_detached(programs.keeper_argv(paths), os.environ, _KEEPER_START)
    except (OSError, detach.StartFailed) as error:
        print(f"no keeper of {paths.root} could be started: {error}", file=sys.stderr)
    else:
        print(f"the keeper of {paths.root} has pid {pid}; its own daemon goes on", file=sys.stderr)


def _take(lock: Lock) -> bool:
    """Take a lock that its last holder may be about to let go."""
    deadline = time.monotonic() + _LOCK_WAIT
    while not lock.take():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOCK_PAUSE)
    return True


async def _serve(paths: ProjectPaths, locks: list[Lock]) -> None:
    daemon = Daemon(paths, RealClock(), os.environ)
    on_interrupt(asyncio.get_running_loop(), lambda number: _asked_to_end(daemon, number))
    await daemon.boot(table)
    guard = watchdog.start(daemon, locks)
    await daemon.ended
    guard.cancel()
    os._exit(0)  # all that matters is on the disk; tidying up would only answer clients half dead


def _asked_to_end(daemon: Daemon, number: signal.Signals) -> None:
    """As `down`, but what was wanted stays wanted (INTERFACES.md §5)."""
    daemon.ending.terminate(f"the daemon got {number.name}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
