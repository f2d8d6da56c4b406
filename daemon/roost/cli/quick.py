"""The questions that are asked most, answered without click, msgspec or rich (D14, P23).

Recognises `status` (with --json, --check and names), `up` (with names), `version` and `call ping`, each with
-C; whatever has anything else in it is left to click, which does the same by the same functions.
"""

from __future__ import annotations

import os

from .. import __version__
from . import context, exits, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS_FLAGS = ("--json", "--check")


def answer(arguments: Sequence[str]) -> int | None:
    """Answer a simple question and return the exit code; None (and nothing done) for anything else."""
    if "_ROOST_COMPLETE" in os.environ:
        return None
    project, rest = _project(arguments)
    match rest:
        case ["version"]:
            output.data(f"roost {__version__}\n")
            return exits.DONE
        case ["call", "ping"]:
            return _ping(project)
        case ["status", *words] if _simple(words):
            return _status(project, words)
        case ["up", *names] if not any(name.startswith("-") for name in names):
            return _up(project, names)
    return None


def _project(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The value of leading -C DIR, --project DIR or --project=DIR, and what follows it."""
    rest, project = list(arguments), None
    while rest:
        if rest[0] in ("-C", "--project") and len(rest) > 1:
            project, rest = rest[1], rest[2:]
        elif rest[0].startswith("--project="):
            project, rest = rest[0].partition("=")[2], rest[1:]
        else:
            break
    return project, rest


def _simple(words: list[str]) -> bool:
    return all(word in _STATUS_FLAGS or not word.startswith("-") for word in words)


def _status(project: str | None, words: list[str]) -> int:
    from . import status_view

    names = [word for word in words if word not in _STATUS_FLAGS]
    paths = context.locate(project)
    return status_view.show(paths, names, as_json="--json" in words, check="--check" in words)


def _up(project: str | None, names: Sequence[str]) -> int:
    from . import bringup

    return bringup.up(context.locate(project), bringup.Wish(names, timeout=bringup.PATIENCE))


def _ping(project: str | None) -> int:
    from ..client import fast

    output.data_json(fast.call(context.locate(project), "ping"))
    return exits.DONE
