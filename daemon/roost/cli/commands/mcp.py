"""`roost mcp`."""

from __future__ import annotations

import click

from .. import context, exits


@click.command("mcp")
@click.option("--read-only", is_flag=True, help="Offer nothing that changes anything.")
@click.pass_obj
def command(project: str | None, read_only: bool) -> int:
    """Serve the Model Context Protocol on standard input and output, for agents that work on this project.

    Tools: status, why, logs, events, start, stop, restart, reload.  Several agents may share one project.
    In an agent's configuration:  {"command": "roost", "args": ["-C", "DIR", "mcp"]}
    """
    paths = context.locate(project)
    from .. import mcp_server  # with the protocol's own package, which takes long to import

    mcp_server.serve(paths, read_only)
    return exits.DONE
