"""What `roost status` does, for the fast path and for click alike.

Light: without a daemon, or for what is rarely asked, the rest is imported when it is needed.
"""

from __future__ import annotations

import time

from ..client import fast
from ..client.errors import DaemonNotRunning
from . import exits, output
from .faults import Fault
from .render import status_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..platform.paths import ProjectPaths

START_HINT = "start it with: roost up"


def show(
    paths: ProjectPaths,
    names: Sequence[str] = (),
    *,
    as_json: bool = False,
    check: bool = False,
    verbose: bool = False,
) -> int:
    """Print the status (of some components only, if named).  Returns the exit code; raises Fault."""
    snapshot, running = snapshot_or_last_known(paths)
    if names:
        snapshot = only(snapshot, names)
    if as_json:
        output.data_json(snapshot)
    else:
        output.data(status_text(snapshot, output.out_look(), time.time(), verbose))
    if not running:
        output.note(f"roost: {_absence(paths)}")
        return exits.NOT_RUNNING
    return check_code(snapshot, names) if check else exits.DONE


def _absence(paths: ProjectPaths) -> str:
    """Why there is no daemon to ask, and what to do."""
    from ..platform import locks

    if locks.is_held(paths.keeper_lock):
        return f"the daemon does not answer; its keeper brings it back (why it ended: {paths.daemon_log})"
    return f"the daemon of this project is not running; this is what was last known ({START_HINT})"


def snapshot_or_last_known(
    paths: ProjectPaths, patience: float = fast.SILENCE
) -> tuple[dict[str, Any], bool]:
    """The project's status and whether a daemon gave it; without one, what the files say.

    `patience` is in seconds.  Raises RoostError, but not for a daemon that does not run.
    """
    try:
        return fast.call(paths, "project.status", timeout=patience, connect_timeout=min(patience, 5.0)), True
    except DaemonNotRunning:
        from . import last_known

        return last_known.snapshot(paths), False


def only(snapshot: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The snapshot with the named components (or groups) alone.  Raises Fault for an unknown name."""
    components = snapshot["components"]
    known = {key for one in components for key in (one["name"], one.get("group"))}
    for name in names:
        if name not in known:
            raise no_such_component(name, [one["name"] for one in components])
    chosen = [one for one in components if one["name"] in names or one.get("group") in names]
    return {**snapshot, "components": chosen}


def no_such_component(name: str, known: Sequence[str]) -> Fault:
    """The answer to a name that nothing has, with the nearest one that something has."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "roost status lists the components"
    return Fault(f"there is no component {name!r}", hint, exits.NO_SUCH_COMPONENT)


def check_code(snapshot: Mapping[str, Any], names: Sequence[str]) -> int:
    """0 if the color is green; of the named components alone, where some were named."""
    return exits.DONE if color_of(snapshot, names) == "green" else exits.FAILED


def color_of(snapshot: Mapping[str, Any], names: Sequence[str]) -> str:
    """The color of what was asked for, by the one rule that there is (core/snapshot.py)."""
    if not names:
        return str(snapshot["color"])
    import msgspec  # only here: it would cost every other status 13 ms

    from ..core import snapshot as rule

    return rule.color_of(msgspec.convert(snapshot["components"], list[rule.ComponentStatus]))
