"""`roost tray`."""

from __future__ import annotations

import click

from ...platform import programs


@click.command("tray")
@click.option("--at-login", is_flag=True, help="Also bring up the projects that start at login.")
def command(at_login: bool) -> int:
    """Show an icon in the panel for all projects of this user, and stay until it is quit.

    One for each session: a second one says so and ends.  Quitting it stops nothing.
    """
    return programs.become([*programs.tray_argv(), *(["--at-login"] if at_login else [])])
