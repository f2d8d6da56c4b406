"""`roost daemon status|health|restart|logs`."""

from __future__ import annotations

import time

import click

from ...platform.paths import ProjectPaths
from .. import context, exits, following, options, output, owntail, sayings, session
from ..faults import Fault

_PATIENCE = 30.0  # seconds for the successor to answer


@click.group("daemon")
def command() -> None:
    """Look after the daemon itself."""


@command.command("status")
@options.json_option
@click.pass_obj
def status(project: str | None, as_json: bool) -> int:
    """Show the daemon: pid, keeper, version, uptime, endpoint."""
    with session.open_session(project) as daemon:
        answer = daemon.call("daemon.status")
    if as_json:
        output.data_json(answer)
    else:
        output.data(sayings.daemon_text(answer))
    return exits.DONE


@command.command("health")
@options.json_option
@click.pass_obj
def health(project: str | None, as_json: bool) -> int:
    """Show how the daemon is: memory, CPU, connections, errors of the last hour."""
    with session.open_session(project) as daemon:
        answer = daemon.call("daemon.health")
    if as_json:
        output.data_json(answer)
    else:
        output.data(sayings.health_text(answer))
    return exits.DONE


@command.command("restart")
@click.pass_obj
def restart(project: str | None) -> int:
    """Replace the daemon by a new one; every component keeps running."""
    paths = context.locate(project)
    with session.connect(paths) as daemon:
        before = daemon.call("daemon.restart")["pid"]
    deadline = time.monotonic() + _PATIENCE
    try:
        while (after := _pid(paths, deadline)) == before:
            time.sleep(0.02)
    except TimeoutError:
        raise Fault(
            f"the new daemon does not answer after {_PATIENCE:g} s; every component goes on",
            f"what it said last: roost daemon logs ({paths.daemon_log})",
        ) from None
    output.data(f"the daemon was replaced: pid {before}, now {after}\n")
    return exits.DONE


def _pid(paths: ProjectPaths, deadline: float) -> int:
    """The pid of whoever answers now or as soon as somebody does.  Raises TimeoutError."""
    while time.monotonic() < deadline:
        following.await_return(paths, deadline)
        try:
            with session.connect(paths) as daemon:
                return int(daemon.call("daemon.status")["pid"])
        except Fault as fault:  # it was the old one, on its way out
            if fault.code != exits.NOT_RUNNING:
                raise
    raise TimeoutError


@command.command("logs")
@click.option(
    "-n", "lines", type=click.IntRange(min=0), default=100, metavar="N", help="How many lines (default 100)."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.pass_obj
def logs(project: str | None, lines: int, follow: bool) -> int:
    """Show the daemon's own log; it works without a daemon."""
    owntail.show(context.locate(project).daemon_log, lines, follow)
    return exits.DONE
