"""`roost down`."""

from __future__ import annotations

import click

from .. import context, options, takedown


@click.command("down")
@options.timeout_option(None, "After this time kill and name what still runs (exit code 1)")
@click.pass_obj
def command(project: str | None, timeout: float | None) -> int:
    """Stop everything in reverse order of dependence, then the daemon and the keeper.

    Each component has its own `stop.timeout`.  When this returns, nothing of the project is left.
    """
    return takedown.bring_down(context.locate(project), timeout)
