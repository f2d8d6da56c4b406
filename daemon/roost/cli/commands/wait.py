"""`roost wait`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from ...core.durations import duration
from ...platform.paths import ProjectPaths
from .. import context, exits, following, options, output, sayings, status_view
from ..display import is_down
from ..faults import Fault

Status = Mapping[str, Any]


def _is_ready(component: Status) -> bool:
    return bool(component["state"] == "completed" or (component["state"] == "running" and component["ready"]))


def _is_completed(component: Status) -> bool:
    return bool(component["state"] == "completed")


_GOALS: dict[str, Callable[[Status], bool]] = {
    "ready": _is_ready,
    "completed": _is_completed,
    "stopped": is_down,
}


@click.command("wait")
@options.names_argument(required=True)
@click.option(
    "--for",
    "goal",
    type=click.Choice(list(_GOALS)),
    default="ready",
    help="What to wait for (default ready).",
)
@options.timeout_option(None, "Give up after this time, with exit code 5")
@click.pass_obj
def command(project: str | None, names: tuple[str, ...], goal: str, timeout: float | None) -> int:
    """Wait until components are ready (or completed), completed, or stopped.

    Ends at once with exit code 1 when one of them has failed.
    """
    paths = context.locate(project)
    deadline = None if timeout is None else time.monotonic() + timeout
    pending: list[Status] = []
    try:
        for pending in _missing(paths, names, _GOALS[goal], deadline):
            failed = [one for one in pending if one["state"] == "failed"]
            if failed:
                text = "\n".join(f"{one['name']} failed: {one['reason']}" for one in failed)
                raise Fault(text, f"the chain of reasons: roost why {failed[0]['name']}")
            if not pending:
                return exits.DONE
    except TimeoutError:
        look = output.note_look()
        text = "\n".join(sayings.component_line(one, look) for one in pending)
        raise Fault(f"not {goal} after {duration(timeout or 0.0)}:\n{text}", "", exits.TIMED_OUT) from None
    raise Fault("the daemon has ended", status_view.START_HINT, exits.NOT_RUNNING)


def _missing(
    paths: ProjectPaths, names: Sequence[str], reached: Callable[[Status], bool], deadline: float | None
) -> Iterator[list[Status]]:
    """After each change, which of the named components have not got there."""
    components: dict[str, Status] = {}
    for method, payload in following.follow(paths, "status.stream", dict, deadline):
        if method == "status.snapshot":
            chosen = status_view.only(payload, names)["components"]
            components = {one["name"]: one for one in chosen}
        else:
            components.update(
                (one["name"], one) for one in payload["components"] if one["name"] in components
            )
            for name in payload.get("removed") or []:
                components.pop(name, None)
        yield [one for one in components.values() if not reached(one)]
