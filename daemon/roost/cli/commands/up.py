"""`roost up`."""

from __future__ import annotations

import click

from .. import bringup, context, options


@click.command("up")
@options.names_argument(required=False)
@click.option("--no-wait", is_flag=True, help="Return as soon as the daemon knows what to do.")
@options.timeout_option(
    f"{bringup.PATIENCE:g}s", "Stop waiting after this time (exit code 5); everything goes on"
)
@click.option("--foreground", is_flag=True, help="Show the logs here; Ctrl-C stops everything in order.")
@click.option(
    "--env", "replace_environment", is_flag=True, help="Give components the environment of this shell."
)
@click.option(
    "--profile", "profiles", multiple=True, metavar="P", help="Have the components of this profile take part."
)
@click.option("--build", is_flag=True, help="Build images anew first, and replace containers of older ones.")
@click.pass_obj
def command(
    project: str | None,
    names: tuple[str, ...],
    no_wait: bool,
    timeout: float,
    foreground: bool,
    replace_environment: bool,
    profiles: tuple[str, ...],
    build: bool,
) -> int:
    """Start keeper, daemon and components where they are not running, and wait until they are ready.

    Without names: all that have `autostart`.  With names: these, and what they need.
    """
    paths = context.locate(project)
    wish = bringup.Wish(names, not no_wait, timeout, replace_environment, profiles, build)
    if foreground:
        from .. import foreground as front

        return front.run(paths, wish)
    return bringup.up(paths, wish)
