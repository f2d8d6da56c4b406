"""From the command line to a running keeper: `ROOT STATE RUN -- DAEMON_ARGV…`.

Everything that the keeper will ever need is imported here and now: after an upgrade its files may be gone.
"""

from __future__ import annotations

import os
import time

from roost import __version__
from roost.platform import detach, endpoint, limits
from roost.platform.paths import ProjectPaths
from roost.platform.spawn import Spawner

from . import wire
from .house import House, Unusable
from .journal import Journal
from .keeper import Keeper
from .mistakes import told

LOCK_PATIENCE = 5.0  # seconds that the holder of a lock has to answer, from the first time that it did not
HOUSE_PATIENCE = (
    8.0  # seconds that a keeper has to make anew what was removed of its folders: it looks every five
)
_PAUSE = 0.02
ENVIRONMENT_VARIABLE = "ROOST_ENVIRONMENT"


def main(arguments: list[str], status: detach.Status) -> int:
    """Run the keeper of one project until it ends; the exit code.  `status` is told how the start went."""
    if not status.may_begin():
        return 0
    if len(arguments) < 5 or arguments[3] != "--":
        status.fail("usage: keeper ROOT STATE RUN -- DAEMON…")
        return 2
    paths = ProjectPaths(*arguments[:3])
    spawner = Spawner()  # before anything else takes the descriptor numbers that it reserves
    limits.raise_limit()
    house = House(paths)
    try:
        other = _move_in(house, paths)
        if other is not None:
            status.ready(other)
            return 0
        journal = Journal(paths.keeper_log)
        keeper = _make(paths, arguments[4:], house, journal, spawner)
    except Unusable as error:
        status.fail(str(error))
        return 1
    except OSError as error:
        status.fail(f"cannot listen on {paths.keeper_endpoint}: {error.strerror or error}")
        return 1
    status.ready(os.getpid())
    try:
        keeper.run()
    except BaseException as error:
        journal.write_by(lambda function: function())
        journal.say(f"ended by a mistake of ours: {told(error)}")
        raise
    return 0


def _make(
    paths: ProjectPaths, daemon_argv: list[str], house: House, journal: Journal, spawner: Spawner
) -> Keeper:
    env = dict(os.environ)
    environment = env.pop(ENVIRONMENT_VARIABLE, "shell")
    handover = bool(env.pop(wire.HANDOVER_VARIABLE, ""))
    keeper = Keeper(paths, daemon_argv, env, environment, __version__, house, journal, spawner, handover)
    keeper.open()
    return keeper


def _move_in(house: House, paths: ProjectPaths) -> int | None:
    """Have both locks; or the pid of the keeper that has them and answers.  Raises Unusable."""
    begun = time.monotonic()
    while homeless := house.homeless():
        if time.monotonic() > begun + HOUSE_PATIENCE:
            raise Unusable(
                f"the keeper of {paths.root} (pid {homeless[0]}) has lost its folders and hangs; end it"
            )
        time.sleep(_PAUSE)
    house.prepare()
    silent = None  # since when there has been somebody to ask
    while not house.take():
        there = endpoint.is_there(paths.keeper_endpoint)  # first: who came later has not been asked yet
        other = _ask(paths.keeper_endpoint)
        if other is not None:
            return other
        now = time.monotonic()
        silent = (silent or now) if there else None
        if now > (begun + HOUSE_PATIENCE if silent is None else silent + LOCK_PATIENCE):
            raise Unusable(
                f"another process holds {paths.keeper_lock} or its copy in {paths.run} and does not answer; "
                "if it is a keeper that hangs, end it"
            )
        time.sleep(_PAUSE)
    return None


def _ask(where: str) -> int | None:
    """The pid of the keeper that answers there, if one does."""
    try:
        connection = endpoint.connect(where, 0.5)
    except OSError:
        return None
    try:
        connection.sendall(wire.encode({"id": 1, "verb": "hello", "role": "starter"}))
        decoder = wire.Decoder()
        while True:
            data = connection.recv(65536)
            if not data:
                return None
            for frame in decoder.feed(data):
                result = frame.get("result")
                pid = result.get("pid") if isinstance(result, dict) else None
                return pid if isinstance(pid, int) else None
    except (OSError, wire.WireError):
        return None
    finally:
        connection.close()
