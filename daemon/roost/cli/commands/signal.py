"""`roost signal`."""

from __future__ import annotations

import click

from .. import exits, options, output, session


@click.command("signal")
@options.name_argument()
@click.argument("signal", default="TERM", metavar="[SIG]")
@click.pass_obj
def command(project: str | None, name: str, signal: str) -> int:
    """Send a signal (default TERM) to a component's whole group; its restart policy still holds."""
    with session.open_session(project) as daemon:
        daemon.call("component.signal", {"name": name, "signal": signal})
    output.data(f"sent {signal.upper().removeprefix('SIG')} to {name}\n")
    return exits.DONE
