"""`roost exec`."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from typing import Any

import click

from ...platform import screen
from .. import context, options, session
from ..faults import Fault


@click.command("exec", context_settings={"allow_interspersed_args": False})
@options.name_argument()
@click.argument("words", nargs=-1, required=True, metavar="-- CMD...", type=click.UNPROCESSED)
@click.pass_obj
def command(project: str | None, name: str, words: tuple[str, ...]) -> int:
    """Run a command as a component would run: in its folder, with its environment (or in its container).

    From a terminal it has a terminal, too; else it has no standard input.  The exit code is the command's, or
    128 and the number of the signal that ended it.
    """
    argv = list(words[1:] if words[0] == "--" else words)
    if not argv:
        raise Fault("no command was given", f"write it after the name: roost exec {name} -- CMD", 2)
    if screen.is_there():
        from .. import attaching

        return attaching.execute(context.locate(project), name, argv)
    with session.open_session(project) as daemon:
        answer = daemon.call("component.exec", {"name": name, "command": argv}, progress=_pass_on)
    return int(answer["code"]) if answer["code"] is not None else 128 + int(answer["signal"])


def _pass_on(piece: Mapping[str, Any]) -> None:
    """What the command writes, as the bytes that it wrote."""
    if "data" in piece:
        stream = sys.stderr if piece["stream"] == "stderr" else sys.stdout
        stream.buffer.write(base64.b64decode(piece["data"]))
        stream.buffer.flush()
