"""`roost status`; its plain form is answered without click (cli/quick.py), by the same function."""

from __future__ import annotations

import click

from .. import context, options, status_view


@click.command("status")
@options.names_argument(required=False)
@options.json_option
@click.option("--verbose", "-v", is_flag=True, help="Show every probe: last result, time, latency, counts.")
@click.option("--watch", "-w", is_flag=True, help="Redraw at every change, until Ctrl-C.")
@click.option("--check", is_flag=True, help="Exit 0 only if the color is green.")
@click.pass_obj
def command(
    project: str | None, names: tuple[str, ...], as_json: bool, verbose: bool, watch: bool, check: bool
) -> int:
    """Show every component: state, readiness, health, pid, uptime, restarts, reason."""
    paths = context.locate(project)
    if watch:
        from .. import watching

        return watching.watch(paths, names, as_json=as_json, verbose=verbose)
    return status_view.show(paths, names, as_json=as_json, check=check, verbose=verbose)
