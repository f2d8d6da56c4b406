"""`roost logs`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC
from typing import Any, Literal

import click
from click.core import ParameterSource

from ...platform import locks
from ...platform.paths import ProjectPaths
from ...records.history import log_names
from ...records.patterns import BadPattern, compiled
from ...records.times import BadTime, parse_moment
from .. import context, exits, logsource, options, output, session, status_view
from ..faults import Fault
from ..logview import LogView, gap_text
from ..text import names as listed


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A duration ago (`5m`), an RFC 3339 time, or a time of day (`14:05`)."""

    name = "time"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        zone = UTC if context is not None and context.params.get("utc") else None
        try:
            return parse_moment(str(value), time.time_ns(), zone)
        except BadTime as error:
            self.fail(str(error), parameter, context)


class Pattern(click.ParamType):  # type: ignore[type-arg]
    """A regular expression of Python."""

    name = "regular expression"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str:
        try:
            compiled(str(value))
        except BadPattern as error:
            self.fail(str(error), parameter, context)
        return str(value)


class Run(click.ParamType):  # type: ignore[type-arg]
    """A run's number, or `last`."""

    name = "run"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> int | Literal["last"]:
        if value == "last":
            return "last"
        if not str(value).isascii() or not str(value).isdigit() or int(value) < 1:
            self.fail(f"{value!r} is no run; write its number (from 1), or last", parameter, context)
        return int(value)


@click.command("logs")
@options.names_argument(required=False)
@click.option(
    "-n",
    "lines",
    type=click.IntRange(min=0),
    default=100,
    metavar="N",
    help="How many lines, over all that are shown (default 100).",
)
@click.option(
    "-f", "--follow", is_flag=True, help="Go on with what comes, over restarts and rotations, until Ctrl-C."
)
@click.option("--utc", is_flag=True, is_eager=True, help="Show and read times in UTC instead of local time.")
@click.option(
    "--since", type=Moment(), metavar="T", help="From then on: 5m (ago), 14:05, or an RFC 3339 time."
)
@click.option("--until", type=Moment(), metavar="T", help="Up to then.")
@click.option(
    "--grep", type=Pattern(), metavar="RE", help="Only lines in which this regular expression is found."
)
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only one of the two streams.")
@click.option("--run", type=Run(), metavar="N|last", help="Only one run.")
@options.json_option
@click.option(
    "--raw", is_flag=True, help="The bytes as written, one component after the other, -n lines of each."
)
@click.option("--no-timestamps", is_flag=True, help="Leave the times out.")
@click.option("--clear", is_flag=True, help="Empty the logs instead of showing them.")
@click.pass_obj
def command(
    project: str | None,
    names: tuple[str, ...],
    lines: int,
    follow: bool,
    utc: bool,
    since: int | None,
    until: int | None,
    grep: str | None,
    stream: Literal["stdout", "stderr"] | None,
    run: int | Literal["last"] | None,
    as_json: bool,
    raw: bool,
    no_timestamps: bool,
    clear: bool,
) -> int:
    """Show what components have written: the last lines, merged by time.  Without names: all components.

    It works without a daemon.
    """
    filters = (since, until, grep, stream, run)
    if clear:
        _refuse_beside_clear(click.get_current_context())
    _refuse_contradictions(raw, as_json, follow, until, filters)
    paths = context.locate(project)
    chosen = resolved(paths, names)
    if clear:
        return _clear(paths, chosen)
    if follow:
        output.leave_with_reader()
    if raw:
        from .. import rawlogs

        rawlogs.show(paths.logs, chosen, lines, follow)
        return exits.DONE
    # followed without names: those too that come later
    asked = () if follow and not names else chosen
    past = frozenset(log_names(paths.logs)) - frozenset(chosen)
    question = logsource.Question(asked, lines, since, until, grep, stream, run, past)
    one_alone = len(names) == 1 and len(chosen) == 1
    view = LogView(
        output.out_look(),
        chosen,
        timestamps=not no_timestamps,
        prefix=not one_alone,
        zone=UTC if utc else None,
    )
    if follow:
        for entries in logsource.followed(paths, question):
            _print(entries, view, as_json)
            output.flush()
    elif not _print(logsource.past(paths, question), view, as_json) and lines:
        output.note(
            "roost: no log lines" + (" that fit" if any(part is not None for part in filters) else " yet")
        )
    return exits.DONE


def _print(entries: Iterable[logsource.Entry], view: LogView, as_json: bool) -> int:
    """Print entries; how many there were."""
    count = 0
    for entry in entries:
        gap = gap_text(entry)
        if gap is not None:
            output.note(gap)
        if as_json:
            output.json_line(entry)
        elif gap is None:
            output.data(view.line(entry))
        count += 1
    return count


def _refuse_beside_clear(asked: click.Context) -> None:
    """Whoever asks for a part of the logs to be emptied must not lose all of them."""
    given = [
        option.opts[-1]
        for option in asked.command.params
        if isinstance(option, click.Option) and option.name != "clear" and _was_given(asked, option)
    ]
    if given:
        raise click.UsageError(
            f"--clear empties whole logs and takes names alone (leave {listed(given)} out)"
        )


def _was_given(asked: click.Context, option: click.Option) -> bool:
    return asked.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE


def _refuse_contradictions(
    raw: bool, as_json: bool, follow: bool, until: int | None, filters: tuple[object, ...]
) -> None:
    if raw and as_json:
        raise click.UsageError("--raw and --json contradict each other")
    if raw and any(part is not None for part in filters):
        raise click.UsageError("--raw prints what was written; it cannot be filtered (leave --raw out)")
    if follow and until is not None:
        raise click.UsageError("--follow has no end, so --until has no meaning with it")


def resolved(paths: ProjectPaths, names: tuple[str, ...]) -> list[str]:
    """The components that are meant; a group's name stands for its members.  Raises Fault (4)."""
    written = log_names(paths.logs)
    if names and all(name in written for name in names):
        return list(dict.fromkeys(names))  # even of a component that roost.yaml no longer has
    snapshot, _ = status_view.snapshot_or_last_known(paths)
    components = snapshot["components"]
    if not names:
        return [one["name"] for one in components] or written
    found: dict[str, None] = {}
    for name in names:
        members = [one["name"] for one in components if name in (one["name"], one.get("group"))]
        if not members and name in written:
            members = [name]
        if not members:
            raise status_view.no_such_component(name, [*(one["name"] for one in components), *written])
        found.update(dict.fromkeys(members))
    return list(found)


def _clear(paths: ProjectPaths, names: list[str]) -> int:
    """Empty logs: by the daemon, or where neither daemon nor keeper is there, by hand."""
    try:
        with session.connect(paths) as daemon:
            cleared = daemon.call("logs.clear", {"names": names})["cleared"]
    except Fault as fault:
        if fault.code != exits.NOT_RUNNING:
            raise
        if locks.is_held(paths.keeper_lock):
            raise Fault(
                "the keeper writes these logs, and its daemon does not answer", "try again in a moment"
            ) from None
        cleared = [name for name in names if _remove(paths, name)]
    output.data(f"cleared: {listed(cleared, 20) or 'nothing'}\n")
    return exits.DONE


def _remove(paths: ProjectPaths, name: str) -> bool:
    """Remove the logs of one component and their indexes; whether there were any."""
    files = [
        os.path.join(paths.logs, file)
        for file in (os.listdir(paths.logs) if os.path.isdir(paths.logs) else [])
        if file.startswith((f"{name}.log", f"{name}.idx"))
    ]
    for file in files:
        os.unlink(file)
    return bool(files)
