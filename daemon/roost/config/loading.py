"""roost.yaml → `Project`, or everything that is wrong with it.  Reads files; never raises for bad input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from roost.core.model import Project

from .files import Files, digest, read_bytes, reason
from .nodes import parse
from .problems import Problem, Problems


class Loaded(Struct, frozen=True, kw_only=True):
    """What a reading found.  `project` is None exactly when there is an error; warnings do not count."""

    project: Project | None
    problems: list[Problem]
    """By position; those in env files last."""
    env_files: tuple[str, ...] = ()
    """Absolute paths of every env file that was looked for, for `hash_of`."""
    content: bytes | None = None
    """What was read, to be kept; None when it could not be."""

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if not problem.warning]

    @property
    def warnings(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.warning]


def load(
    path: str,
    environ: Mapping[str, str],
    *,
    text: str | bytes | None = None,
    profiles: frozenset[str] | None = None,
    lacks: frozenset[str] = frozenset(),
    within: str | None = None,
) -> Loaded:
    """Read the configuration at `path`, or `text` as if it stood there.

    `environ` is the base environment for `${NAME}`.  With `profiles` (names), components that belong only to
    others are left out; without, all are there.  `lacks` is what the system cannot do (`config.lacking`).
    Env files outside of the folder `within` are not read.  Paths in problems begin as `path` does.
    """
    problems = Problems(path)
    try:
        folder, name = os.path.split(os.path.abspath(path))
        root = os.path.realpath(folder)
    except (OSError, ValueError) as error:  # the current folder is gone; a NUL in the path
        problems.error(1, 1, "file", f"it cannot be read: {error}", "name an existing roost.yaml")
        return Loaded(project=None, problems=problems.in_order())
    config_path = os.path.join(root, name)
    files = Files(root, os.path.dirname(path), within)
    content = _content(path, text, problems)
    project = None
    if content is not None:
        project = _build(content, problems, files, environ, profiles, config_path, lacks)
    if problems.failed or project is None:
        project = None
    else:
        project = replace(project, config_hash=files.digest(content or b""), env_files=files.names())
    return Loaded(project=project, problems=problems.in_order(), env_files=files.names(), content=content)


def hash_of(path: str, env_files: Iterable[str] = ()) -> str | None:
    """The hash that `load` would give now (S57), without parsing; None when roost.yaml cannot be read.

    `env_files` are those of the last reading, `Loaded.env_files`.
    """
    try:
        contents: list[bytes | None] = [read_bytes(path)]
    except OSError:
        return None
    for name in sorted(env_files):
        try:
            contents.append(read_bytes(name))
        except OSError:
            contents.append(None)
    return digest(contents)


def _content(path: str, text: str | bytes | None, problems: Problems) -> bytes | None:
    """The bytes of the configuration; None, and said why, when the file cannot be read."""
    if text is not None:
        return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    try:
        return read_bytes(path)
    except FileNotFoundError:
        problems.error(1, 1, "file", "it does not exist", "`roost init` writes an example")
    except OSError as error:
        problems.error(1, 1, "file", f"it cannot be read: {reason(error)}", "make it a readable text file")
    return None


def _build(
    content: bytes,
    problems: Problems,
    files: Files,
    environ: Mapping[str, str],
    profiles: frozenset[str] | None,
    config_path: str,
    lacks: frozenset[str],
) -> Project | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        begin = content.rfind(b"\n", 0, error.start) + 1
        column = len(content[begin : error.start].decode("utf-8", "replace")) + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        problems.error(line, column, "encoding", message, "save the file as UTF-8")
        return None
    tree = parse(text, problems)
    if tree is None:
        return None
    from .project import build_project

    return build_project(tree, problems, files, environ, profiles, config_path, lacks)
