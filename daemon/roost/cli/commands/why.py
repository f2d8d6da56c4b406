"""`roost why`."""

from __future__ import annotations

import click

from .. import context, exits, explaining, options, output, sayings, session
from ..faults import Fault


@click.command("why")
@options.name_argument()
@options.json_option
@click.pass_obj
def command(project: str | None, name: str, as_json: bool) -> int:
    """Name the whole chain of reasons for which a component is not ready."""
    paths = context.locate(project)
    try:
        with session.connect(paths) as daemon:
            answer = daemon.call("component.why", {"name": name})
    except Fault as fault:
        if fault.code != exits.NOT_RUNNING:
            raise
        answer = explaining.from_files(paths, name)
        output.note("roost: the daemon is not running; this is from the files (start it with: roost up)")
    if as_json:
        output.data_json(answer)
    else:
        output.data(sayings.why_text(answer, output.out_look()))
    return exits.DONE
