"""Which project a command is about: -C DIR, ROOST_PROJECT, or the nearest folder upwards with a roost.yaml.

Light: the fast path uses it.  Refuses a project of another user, and never makes anything.
"""

from __future__ import annotations

import os

from ..platform import owners
from ..platform.paths import CONFIG_NAME, STATE_NAME, ProjectPaths, find_root, project_paths
from . import exits
from .faults import Fault

_NO_PROJECT_HINT = "`roost init` writes one here; -C DIR or ROOST_PROJECT names a project elsewhere"


def locate(option: str | None) -> ProjectPaths:
    """The paths of the project that is meant.  Raises Fault: none found or no text (2), or another's (1)."""
    wanted = option if option is not None else os.environ.get("ROOST_PROJECT")
    root = _named(wanted) if wanted else _nearest()
    paths = project_paths(root, os.environ)
    _refuse_what_is_no_text(paths.root)
    _refuse_strangers(paths)
    return paths


def _named(wanted: str) -> str:
    """The folder that was named (its roost.yaml may be named too)."""
    if os.path.basename(wanted) == CONFIG_NAME and os.path.isfile(wanted):
        return os.path.dirname(wanted) or "."
    if not os.path.isdir(wanted):
        raise Fault(f"{wanted} is not a folder", "-C takes the folder that has the roost.yaml", exits.USAGE)
    if not _is_project(wanted):
        raise Fault(f"there is no {CONFIG_NAME} in {wanted}", _NO_PROJECT_HINT, exits.USAGE)
    return wanted


def _is_project(folder: str) -> bool:
    """A roost.yaml makes a project; so does state of ours, or what runs could not be stopped any more."""
    return os.path.isfile(os.path.join(folder, CONFIG_NAME)) or os.path.isdir(
        os.path.join(folder, STATE_NAME)
    )


def _nearest() -> str:
    try:
        here = os.getcwd()
    except OSError as error:
        raise Fault(
            "the current folder no longer exists", "go to another one, or use -C DIR", exits.USAGE
        ) from error
    root = find_root(here)
    if root is not None:
        return root
    if _is_project(here):
        return here
    raise Fault(
        f"there is no {CONFIG_NAME} in {here} or in any folder above it", _NO_PROJECT_HINT, exits.USAGE
    )


def _refuse_what_is_no_text(root: str) -> None:
    """Paths travel as JSON, which is UTF-8."""
    try:
        root.encode("utf-8")
    except UnicodeEncodeError:
        shown = os.fsencode(root).decode("utf-8", "backslashreplace")
        raise Fault(
            f"the path of this project is not UTF-8: {shown}", "rename the folder", exits.USAGE
        ) from None


def _refuse_strangers(paths: ProjectPaths) -> None:
    """Only the owner of a project may act on it: else files of root would appear in it, say after a sudo."""
    place = paths.state if os.path.isdir(paths.state) else paths.root
    owner = owners.foreign_owner(place)
    if owner is not None:
        raise Fault(
            f"this project belongs to {owner}, and you are {owners.our_name()} ({place})",
            f"run the command as {owner}; without sudo, if that is how you came here",
        )
