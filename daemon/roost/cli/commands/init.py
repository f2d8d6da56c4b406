"""`roost init`: a commented roost.yaml, and `.roost/` kept out of git (S81)."""

from __future__ import annotations

import os

import click

from ...config.project import default_name
from ...config.template import template
from ...platform.paths import CONFIG_NAME, STATE_NAME
from .. import exits, output
from ..faults import Fault


@click.command("init")
@click.pass_obj
def command(project: str | None) -> None:
    """Write a commented roost.yaml here (or in the folder of -C).

    In a git work tree it also adds `.roost/` to .gitignore, once.
    """
    folder = os.path.abspath(project or os.environ.get("ROOST_PROJECT") or ".")
    if not os.path.isdir(folder):
        raise Fault(f"{folder} is not a folder", "make it first, or name another with -C", exits.USAGE)
    path = os.path.join(folder, CONFIG_NAME)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(template(default_name(folder)))
    except FileExistsError:
        raise Fault(
            f"{path} is there already", "edit it, or move it away first; nothing was changed"
        ) from None
    output.data(f"wrote {path}\n")
    if ignore_state(folder):
        output.data(f"added {STATE_NAME}/ to {os.path.join(folder, '.gitignore')}\n")
    output.note("edit it, then: roost up")


def ignore_state(folder: str) -> bool:
    """Add `.roost/` to the folder's .gitignore if it lies in a git work tree; True if that was needed."""
    folders = _up_to_work_tree(folder)
    if not folders or any(_ignores(place) for place in folders):
        return False
    path = os.path.join(folder, ".gitignore")
    text = _read(path)
    with open(path, "a", encoding="utf-8", newline="") as file:
        newline = "\r\n" if "\r\n" in text else "\n"
        file.write((newline if text and not text.endswith("\n") else "") + STATE_NAME + "/" + newline)
    return True


def _up_to_work_tree(folder: str) -> list[str]:
    """The folders from `folder` up to the root of its git work tree; empty outside of one."""
    passed = []
    while True:
        passed.append(folder)
        if os.path.exists(os.path.join(folder, ".git")):  # a folder, or a file in linked work trees
            return passed
        parent = os.path.dirname(folder)
        if parent == folder:
            return []
        folder = parent


def _ignores(folder: str) -> bool:
    rules = {line.strip().strip("/") for line in _read(os.path.join(folder, ".gitignore")).splitlines()}
    return STATE_NAME in rules


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
