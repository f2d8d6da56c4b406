"""`roost attach`."""

from __future__ import annotations

import click

from .. import attaching, context, options


@click.command("attach")
@options.name_argument()
@click.option("--watch", is_flag=True, help="Only look; what you type goes nowhere.")
@click.pass_obj
def command(project: str | None, name: str, watch: bool) -> int:
    """Sit at the terminal of a component that has one (tty: true in roost.yaml).  Ctrl-] leaves it.

    Everything else that you type, Ctrl-C included, goes to the component.  If somebody else is there already,
    you watch.
    """
    return attaching.attach(context.locate(project), name, watch)
