"""`roost demo`: a small project of Python alone, written into a folder and brought up."""

from __future__ import annotations

import json
import os
import shlex
import sys

import click

from .. import bringup, context, exits, options, output, status_view
from ..faults import Fault

FILES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "demo_files")
NAMES = ("roost.yaml", "prepare.py", "api.py", "worker.py", "web.py", "report.py", "fragile.py")
_PYTHON = "{{python}}"


@click.command("demo")
@click.argument("directory", default="roost-demo", metavar="[DIR]")
@options.timeout_option("60s", "Stop waiting after this time (exit code 5); everything goes on")
def command(directory: str, timeout: float) -> int:
    """Write a small project into DIR (default ./roost-demo) and bring it up.

    It needs Python alone.  Everything stays in that folder: `roost down` there, delete it, and it is gone.
    """
    folder = os.path.abspath(directory)
    write(folder)
    output.note(f"the demo is in {folder}")
    paths = context.locate(folder)
    code = bringup.bring_up(paths, bringup.Wish(timeout=timeout))
    if code != exits.DONE:
        return code
    status_view.show(paths)
    output.note(_next_steps(directory))
    return exits.DONE


def write(folder: str) -> None:
    """Write the files of the demo.  An earlier demo is refreshed; a folder with anything else is refused."""
    config = os.path.join(folder, "roost.yaml")
    if os.path.exists(config):
        if not _is_demo(config):
            raise Fault(
                f"{folder} holds another project", "name a folder that does not exist: roost demo DIR"
            )
    elif os.path.isdir(folder) and os.listdir(folder):
        raise Fault(f"{folder} is not empty", "name a folder that does not exist: roost demo DIR")
    os.makedirs(folder, exist_ok=True)
    for name in NAMES:
        with open(os.path.join(FILES, name), encoding="utf-8") as source:
            text = source.read()
        with open(os.path.join(folder, name), "w", encoding="utf-8") as target:
            target.write(text.replace(_PYTHON, json.dumps(sys.executable, ensure_ascii=False)))


def _is_demo(config: str) -> bool:
    with open(os.path.join(FILES, "roost.yaml"), encoding="utf-8") as source:
        mark = source.readline()
    with open(config, encoding="utf-8", errors="replace") as file:
        return file.readline() == mark


def _next_steps(directory: str) -> str:
    touch = "type nul > break" if os.sep == "\\" else "touch break"
    return f"""
All of it goes on when this terminal closes.  What to try in it:

  cd {shlex.quote(directory)}
  roost status --watch         what every component is doing
  roost logs -f                what they write, merged by time
  {touch:<28} make `fragile` fail, and then:  roost why fragile;  roost events
  roost daemon restart         replace the daemon; every component keeps its pid
  roost down                   stop everything"""
