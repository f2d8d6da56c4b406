"""`roost attach` and `roost exec` at a terminal: what happens around the talk, from the first word to the last."""

from __future__ import annotations

import time

from ..client.errors import RoostError
from ..platform import screen as screens
from ..platform.paths import ProjectPaths
from ..platform.screen import Screen, Signalled
from . import exits, output
from .duplex import Duplex
from .faults import Fault, explain
from .terminal_talk import LEAVE, End, Talk

RETURN = 10.0
"""Seconds that a daemon which went away may take to be back."""
_PAUSE = 0.1


def attach(paths: ProjectPaths, name: str, watch: bool) -> int:
    """Sit at a component's terminal until the person leaves or the run ends; the exit code.

    A daemon that goes away is waited for, and what was written meanwhile is shown then.  Raises Fault.
    """
    _need_screen(name)
    talk = Talk(LEAVE)
    _begin(talk, paths, name, watch)
    if talk.terminal is None and not watch:
        output.note(f"roost: somebody else types at {name}; you watch.  Ctrl-] leaves it")
    else:
        output.note(f"roost: this is the terminal of {name}.  Ctrl-] leaves it")
    watch = talk.terminal is None
    try:
        with Screen(lambda: talk.modes.undo() + b"\r\n") as screen:
            end = None
            while end is None:
                try:
                    end = talk.run(screen)
                except EOFError:
                    end = _come_back(talk, screen, paths, name, watch)
    except Signalled as signal:
        output.note(f"roost: told to end (signal {signal.number}); {name} goes on")
        return 128 + signal.number
    talk.close()  # who is told that we left may come in our place
    if end.error is not None:
        raise explain(end.error) from end.error
    output.note(f"roost: left {name}, which goes on" if end.left else f"roost: {name}: {end.reason}")
    return exits.DONE


def execute(paths: ProjectPaths, name: str, argv: list[str]) -> int:
    """Run a command with a terminal of its own, shown in ours; its exit code.  Raises Fault."""
    talk = Talk()
    columns, rows = screens.size()
    params = {"name": name, "command": argv, "tty": True, "columns": columns, "rows": rows}
    try:
        talk.begin(Duplex(paths), "component.exec", params)
        with Screen(talk.modes.undo) as screen:
            end = talk.run(screen)
    except RoostError as error:
        raise explain(error) from error
    except EOFError:
        raise Fault(
            "the daemon went away, and the command with it", f"run it again: roost exec {name} -- …"
        ) from None
    except Signalled as signal:
        return 128 + signal.number
    if end.error is not None:
        raise explain(end.error) from end.error
    result = end.result or {}
    return int(result["code"]) if result.get("code") is not None else 128 + int(result.get("signal") or 0)


def _need_screen(name: str) -> None:
    if not screens.is_there():
        raise Fault(
            "attach shows one terminal in another, and standard input or output is none",
            f"run it in a terminal; what {name} writes is shown by: roost logs -f --raw {name}",
            exits.USAGE,
        )


def _begin(talk: Talk, paths: ProjectPaths, name: str, watch: bool) -> None:
    """Raises Fault."""
    try:
        _attach(talk, paths, name, watch, screens.size())
    except RoostError as error:
        raise explain(error) from error
    except EOFError as error:
        raise Fault("the daemon went away", "try again in a moment") from error


def _attach(talk: Talk, paths: ProjectPaths, name: str, watch: bool, size: tuple[int, int]) -> None:
    params = {"name": name, "columns": size[0], "rows": size[1], "watch": watch, "cursor": talk.cursor}
    talk.begin(Duplex(paths), "component.attach", params)


def _come_back(talk: Talk, screen: Screen, paths: ProjectPaths, name: str, watch: bool) -> End | None:
    """The daemon went away: attach to the next one, where we were; the end, if there is none."""
    deadline = time.monotonic() + RETURN
    while True:
        typed, _, _ = screen.wait(-1, True, _PAUSE)
        if talk.take_keys(typed):
            return End(left=True)
        try:
            _attach(talk, paths, name, watch, screens.size())
        except (RoostError, EOFError) as error:
            trouble = error
        else:
            return None
        kind = trouble.kind if isinstance(trouble, RoostError) else "not_running"
        if kind not in ("not_running", "conflict", "timeout") or time.monotonic() > deadline:
            break
    if isinstance(trouble, RoostError):
        return End(error=trouble)
    return End(error=RoostError("the daemon keeps going away", "its log says why: roost daemon logs"))
