"""What `down` and the end of `up --foreground` have in common: everything ends, and one looks whether it has.

Never kills: keeper and daemon do that.  What is left of a project whose daemon has died is first taken over
by a new one, so that there is one way in which things are stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..platform.paths import ProjectPaths
from . import exits, following, output, session
from .display import display, is_down
from .faults import Fault
from .remains import remains
from .text import count, names

PATIENCE = 20.0
"""Seconds that daemon and keeper have after the last component: five (S48), and more on a busy machine."""
_LOOK = 0.02
_MOMENT = 2.0  # seconds for what is about to end, or to come back, by itself
_RETURN = 30.0  # seconds for a daemon that died on the way out


def bring_down(paths: ProjectPaths, timeout: float | None = None) -> int:
    """Stop everything.  Returns the exit code; raises Fault, naming what had to be killed or did not end."""
    if not session.answers(paths):
        left = _settled(paths)
        if not left and not session.answers(paths):
            output.data("nothing is running\n")
            return exits.DONE
        if left and not _brought_back(paths, left):
            return _end_without_daemon(paths, timeout)
    answer = _shut_down(paths, timeout)
    if answer is None:
        return _end_without_daemon(paths, timeout)
    await_end(paths, swept=bool(answer))
    if answer.get("left"):
        raise Fault(
            "\n".join(answer["left"]),
            "keeper and daemon have ended; once the container engine answers, roost up and roost down end the rest",
        )
    if answer.get("killed"):
        raise Fault(
            f"killed, because it had not ended in time: {names(answer['killed'], 20)}",
            "everything is down; a longer --timeout, or stop.timeout in roost.yaml, gives it more time",
        )
    stopped = answer.get("stopped") or []
    output.data(f"down: {count(len(stopped), 'component')} stopped\n")
    return exits.DONE


def _settled(paths: ProjectPaths) -> list[str]:
    """What is left without a daemon: nothing if one answers after all, or if the rest ends within a moment."""
    deadline = time.monotonic() + _MOMENT
    while (left := remains(paths)) and time.monotonic() < deadline:
        if session.answers(paths):
            return []
        time.sleep(_LOOK)
    return left


def _brought_back(paths: ProjectPaths, left: list[str]) -> bool:
    """Whether there is a daemon again, for whom that is still to be ended."""
    output.note(f"the daemon does not answer, but there is {names(left)}; bringing it back to end that")
    try:
        session.ensure(paths)
    except Fault as fault:
        output.note(f"it does not come back: {fault.message}")
        return False
    return True


def _end_without_daemon(paths: ProjectPaths, timeout: float | None) -> int:
    from . import lastresort

    output.note("asking the keeper to end everything")
    try:
        stopped = lastresort.end_by_keeper(paths, timeout)
    except OSError as error:
        hint = f"what daemon and keeper say is in {paths.daemon_log} and {paths.keeper_log}"
        raise Fault(f"there is still {names(remains(paths))}: {error}", hint) from error
    await_end(paths)
    output.data(f"down: {count(len(stopped), 'component')} stopped\n")
    return exits.DONE


def _shut_down(paths: ProjectPaths, timeout: float | None) -> Mapping[str, Any] | None:
    """The answer to `daemon.shutdown`; empty where the daemon was on its way out already.

    A daemon that dies on the way is started again by the keeper, or by us where that has died, too, and asked
    again.  None: something is left, and no daemon comes to end it.
    """
    parameters = {} if timeout is None else {"timeout": timeout}
    while True:
        try:
            with display(is_down) as show, session.connect(paths) as daemon:
                answer: Mapping[str, Any] = daemon.call("daemon.shutdown", parameters, show.progress)
                output.warnings(answer)
                return answer
        except Fault as fault:
            if fault.code != exits.NOT_RUNNING:
                raise
        try:
            following.await_return(paths, time.monotonic() + _RETURN)
        except (Fault, TimeoutError):
            left = _settled(paths)
            if not left and not session.answers(paths):
                return {}
            if left and not _brought_back(paths, left):
                return None


def await_end(paths: ProjectPaths, swept: bool = False) -> None:
    """Return when neither daemon nor keeper is there any more.  Raises Fault past PATIENCE, naming who is.

    `swept`: as in `remains`.
    """
    deadline = time.monotonic() + PATIENCE
    while session.answers(paths) or remains(paths, swept):
        if time.monotonic() > deadline:
            left = remains(paths, swept) or ["a daemon that still answers"]
            raise Fault(
                f"not everything ended within {PATIENCE:g} s: there is still {names(left)}",
                f"what they say is in {paths.daemon_log} and {paths.keeper_log}; roost doctor looks closer",
            )
        time.sleep(_LOOK)
