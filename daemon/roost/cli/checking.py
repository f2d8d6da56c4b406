"""Reading roost.yaml for the commands: the file as people call it, every problem on a line of its own."""

from __future__ import annotations

import os

from ..config.loading import Loaded, load
from ..core.model import Project
from ..platform.abilities import lacking
from ..platform.paths import ProjectPaths
from . import exits
from .faults import Fault


def read(path: str) -> Loaded:
    """What is in a configuration and what is wrong with it; problems name it as `shown` does."""
    return load(shown(path), os.environ, lacks=lacking())


def shown(path: str) -> str:
    """The shorter way to say where a file is: relative to the current folder where it is below that."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive, or no current folder any more
        return path
    return path if relative.startswith(os.pardir) else relative


def valid(paths: ProjectPaths) -> Project:
    """The project as its file says.  Raises Fault (2) with every problem, one a line."""
    found = read(paths.config)
    if found.project is None:
        lines = [problem.render() for problem in found.problems]
        raise Fault("the configuration is invalid; nothing was started\n" + "\n".join(lines), "", exits.USAGE)
    return found.project


def as_it_is(paths: ProjectPaths) -> Project | None:
    """The project as its file says, None where that is not valid."""
    return load(paths.config, os.environ, lacks=lacking()).project
