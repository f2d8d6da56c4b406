"""`roost events`."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import click

from ...platform.paths import ProjectPaths
from ...records.events import read_events
from .. import context, exits, following, options, output, sayings, session
from ..faults import Fault


@click.command("events")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option(
    "-n", "limit", type=click.IntRange(min=0), default=100, metavar="N", help="How many (default 100)."
)
@options.json_option
@options.utc_option
@click.pass_obj
def command(project: str | None, follow: bool, limit: int, as_json: bool, utc: bool) -> int:
    """Show what happened: starts, exits, restarts with reason and attempt, probe changes, reloads."""
    paths = context.locate(project)
    shown = _Shown(as_json, utc)
    for event in _past(paths, limit):
        shown.show(event)
    if not follow:
        if not shown.last:
            output.note("roost: nothing has happened yet")
        return exits.DONE
    output.flush()
    output.leave_with_reader()
    for method, payload in following.follow(paths, "events.stream", lambda: {"since": shown.last}):
        if method == "events.event" and "seq" in payload:
            shown.show(payload)
            output.flush()
    return exits.DONE


class _Shown:
    """Prints events and remembers the number of the last."""

    def __init__(self, as_json: bool, utc: bool) -> None:
        self._as_json = as_json
        self._zone = UTC if utc else None
        self._look = output.out_look()
        self.last = 0

    def show(self, event: dict[str, Any]) -> None:
        event.pop("subscription", None)
        self.last = event["seq"]
        if self._as_json:
            output.json_line(event)
        else:
            output.data(sayings.event_line(event, self._look, self._zone))


def _past(paths: ProjectPaths, limit: int) -> list[dict[str, Any]]:
    """The last events: from the daemon, which may be about to write some, or from the file."""
    try:
        with session.connect(paths) as daemon:
            return _asked(daemon, limit)
    except Fault as fault:
        if fault.code != exits.NOT_RUNNING:
            raise
    return [event.as_json() for event in read_events(paths.events, limit=limit).events]


def _asked(daemon: session.Session, limit: int) -> list[dict[str, Any]]:
    page = daemon.call("events.query", {"limit": limit})
    events: list[dict[str, Any]] = page["events"]
    while page["more"] and page["events"] and len(events) < limit:
        rest = {"since": events[-1]["seq"], "limit": limit - len(events)}
        page = daemon.call("events.query", rest)
        events += page["events"]
    return events
