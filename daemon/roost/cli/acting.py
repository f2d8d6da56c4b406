"""What `start`, `stop` and `restart` have in common: one call that waits, shown while it does."""

from __future__ import annotations

from collections.abc import Sequence

from . import exits, output, session
from .display import display, is_down, is_up
from .text import names as listed


def act(project: str | None, method: str, names: Sequence[str], *, wait: bool, timeout: float | None) -> int:
    """Call `method` for these components.  Returns the exit code; raises Fault."""
    stopping = method == "component.stop"
    parameters = {"names": list(names), "wait": wait, "timeout": timeout}
    with session.open_session(project) as daemon, display(is_down if stopping else is_up) as show:
        answer = daemon.call(method, parameters, progress=show.progress)
        if wait:
            show.update(answer["components"])
    output.warnings(answer)
    if not wait:
        output.data(f"asked for: {listed([one['name'] for one in answer['components']])}\n")
    dependents = answer.get("dependents") or []
    if dependents:
        output.note(f"still running, and in need of what was stopped: {listed(dependents)}")
    return exits.DONE
