"""The one way to an engine."""

from __future__ import annotations

from collections.abc import Mapping

from .api import Engine
from .docker import DockerEngine
from .locate import locate


def connect(environ: Mapping[str, str]) -> Engine:
    """The engine that the `docker` command would use in this environment.

    Talks to nobody and imports nothing heavy; looks anew, in the same environment, after each lost connection.
    """
    return DockerEngine(lambda: locate(environ))
