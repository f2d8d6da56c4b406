"""Which configuration is in force: roost.yaml as it is, or as it was last applied.

What was applied is remembered as text by the keeper, so that a daemon that comes back goes on with what runs,
whatever has become of roost.yaml meanwhile.  It is on no disk: values of the environment may be written in it (P19).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..api import errors
from ..api.types import Problem as ShownProblem
from ..config import Loaded, hash_of, load
from ..config.files import is_inside
from ..config.problems import Problem
from ..core.model import Kind, Policy, Project, Restart, Spec
from ..platform.abilities import lacking
from ..platform.paths import ProjectPaths

REMEMBERED = "roost.yaml"
"""The name by which the keeper remembers what was applied."""


class Configuration:
    """The project in force and how it compares to the file."""

    def __init__(self, paths: ProjectPaths) -> None:
        self._paths = paths
        self.project = _empty(paths)
        self.applied = False
        self._content = b""

    @property
    def remembered(self) -> dict[str, str]:
        """What the keeper is to remember for the next daemon, by name: the text that is in force."""
        return {REMEMBERED: self._content.decode()} if self.applied else {}

    def adopt_applied(self, environ: Mapping[str, str], text: str | None) -> list[Problem]:
        """Go on with the `text` that was applied before; the problems if that is no longer possible.

        Where nobody remembers it, roost.yaml as it is now.
        """
        if text is None:
            return self.adopt_current(environ)
        loaded = load(self._paths.config, environ, text=text.encode(), lacks=lacking())
        if loaded.project is None:
            return self.adopt_current(environ) and loaded.problems
        self.adopt(loaded)
        return []

    def adopt_current(self, environ: Mapping[str, str]) -> list[Problem]:
        """Take roost.yaml as it is now; the problems, and nothing changed, if it is invalid."""
        loaded = load(self._paths.config, environ, lacks=lacking())
        if loaded.project is None:
            return loaded.problems
        self.adopt(loaded)
        return []

    def current(self, environ: Mapping[str, str]) -> Loaded:
        """roost.yaml as it is now, not yet in force.  Raises RpcError `invalid_config` with every problem."""
        loaded = load(self._paths.config, environ, lacks=lacking())
        if loaded.project is None:
            raise invalid(loaded.problems)
        return loaded

    def under(self, environ: Mapping[str, str]) -> Loaded:
        """What is in force, as it would be under another environment.  Raises RpcError `invalid_config`."""
        loaded = load(self._paths.config, environ, text=self._content, lacks=lacking())
        if loaded.project is None:
            raise invalid(loaded.problems)
        return loaded

    def adopt(self, loaded: Loaded) -> Project:
        """This is in force from now on; what was loaded must be valid."""
        if loaded.project is None or loaded.content is None:
            raise AssertionError("only a valid configuration can be adopted")
        self.project = loaded.project
        self.applied = True
        self._content = loaded.content
        return loaded.project

    def stand_in(self, running: Mapping[str, Kind]) -> None:
        """While no configuration can be used: names alone, which can be shown and stopped, but not started."""
        unknown = Restart(policy=Policy.NEVER)
        specs = {
            name: Spec(name=name, kind=kind, autostart=False, restart=unknown)
            for name, kind in running.items()
        }
        self.project = _empty(self._paths, specs)

    def stale(self) -> bool:
        """Whether roost.yaml, or an env file it names, is no longer what is in force (S57)."""
        found = hash_of(self._paths.config, self.project.env_files)
        return self.applied and found not in (None, self.project.config_hash)

    def check(
        self, environ: Mapping[str, str], text: str | None, path: str | None
    ) -> tuple[bool, list[ShownProblem]]:
        """Validate a text, or a file inside the project.  Raises RpcError for a path outside of it.

        roost.yaml itself may name env files anywhere; what a client sends or chooses may not.
        """
        target = self._paths.config
        if path is not None:
            if "\0" in path:
                raise errors.invalid_params("config.check", "the path holds a NUL, which no path can")
            target = os.path.realpath(os.path.join(self._paths.root, path))
            if not is_inside(target, self._paths.root):
                raise errors.invalid_params("config.check", "the path leads out of the project")
        own = text is None and target == self._paths.config
        within = None if own else self._paths.root
        loaded = load(target, environ, text=text, lacks=lacking(), within=within)
        return loaded.project is not None, [_shown(problem) for problem in loaded.problems]


def invalid(problems: list[Problem]) -> errors.RpcError:
    """All problems as one error, one a line (S68)."""
    return errors.invalid_config("\n".join(problem.render() for problem in problems))


def _shown(problem: Problem) -> ShownProblem:
    return ShownProblem(
        file=problem.file,
        line=problem.line,
        column=problem.column,
        path=problem.path,
        message=problem.message,
        hint=problem.hint or None,
        severity="warning" if problem.warning else "error",
    )


def _empty(paths: ProjectPaths, specs: Mapping[str, Spec] | None = None) -> Project:
    name = os.path.basename(paths.root) or "project"
    return Project(name=name, root=paths.root, config_path=paths.config, components=dict(specs or {}))
