"""`roost check`."""

from __future__ import annotations

import click

from .. import checking, context, exits, output
from ..text import count


@click.command("check")
@click.argument("file", required=False, metavar="[FILE]")
@click.pass_obj
def command(project: str | None, file: str | None) -> int:
    """Validate roost.yaml (or FILE): every problem, one a line.

    Exit code 0 if there is no error (warnings do not count), else 2.
    """
    path = file if file is not None else context.locate(project).config
    found = checking.read(path)
    output.data("".join(problem.render() + "\n" for problem in found.problems))
    if found.project is None:
        output.note(f"roost: {count(len(found.errors), 'error')} in {checking.shown(path)}")
        return exits.USAGE
    output.data(f"{checking.shown(path)}: valid, {count(len(found.project.components), 'component')}\n")
    return exits.DONE
