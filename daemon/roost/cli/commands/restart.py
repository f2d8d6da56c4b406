"""`roost restart`."""

from __future__ import annotations

import click

from .. import acting, options


@click.command("restart")
@options.names_argument(required=True)
@options.no_wait_option
@options.timeout_option(None, "Stop waiting after this time; everything goes on.")
@click.pass_obj
def command(project: str | None, names: tuple[str, ...], no_wait: bool, timeout: float | None) -> int:
    """Stop and start components, whatever their state."""
    return acting.act(project, "component.restart", names, wait=not no_wait, timeout=timeout)
