"""The container engine, asked as the daemon asks it; only where the project has containers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

from ...core.model import Kind
from ...platform.paths import ProjectPaths
from .. import checking
from .finding import Finding, ok, problem

_PATIENCE = 5.0


def findings(paths: ProjectPaths) -> Iterator[Finding]:
    """Who answers, or why nobody does; looks in the environment of this shell, not of the daemon's."""
    project = checking.read(paths.config).project
    if project is None or all(spec.kind is not Kind.CONTAINER for spec in project.components.values()):
        return
    from ...edges.engine.api import EngineError, EngineSeen
    from ...edges.engine.connect import connect

    async def ask() -> EngineSeen:
        engine = connect(os.environ)
        try:
            return await engine.seen(limit=_PATIENCE)
        finally:
            await engine.close()

    try:
        seen = asyncio.run(ask())
    except EngineError as error:
        yield problem("engine", error.message, "until it answers, the containers of this project wait")
    else:
        yield ok("engine", f"{seen.name} {seen.version} answers at {seen.endpoint}")
