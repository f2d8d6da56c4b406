"""Which changed files are a reason to restart (`watch`).  Pure: paths in, paths out.

Paths are absolute, with the system's separators already turned into `/`.  A pattern without `/` is compared
with each part of a path below what is watched, one with `/` with the whole of it or the folders above it,
from the project's folder on; `*` and `?` mean what they mean in a shell, and `*` also crosses `/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

ALWAYS_IGNORED = (
    *(".git", ".hg", ".svn", ".roost", ".venv", "venv", "node_modules", "__pycache__"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".idea", ".DS_Store"),
    *("*.pyc", "*.pyo", "*~", "*.swp", "*.swx", "*.swo", ".#*", "#*#", "4913", "*.tmp"),
)
"""What tools and editors write for themselves; whoever watches such a thing names it in `paths`."""


def relevant(
    changed: Iterable[str], watched: Iterable[str], ignore: Iterable[str], project: str, state: str
) -> list[str]:
    """The changed paths that count, in order and each once.

    `state` is our own folder, in which something changes all the time.
    """
    roots, patterns = tuple(watched), tuple(pattern.removesuffix("/") for pattern in ignore)
    return sorted({path for path in changed if _counts(path, roots, patterns, project, state)})


def _counts(path: str, roots: tuple[str, ...], patterns: tuple[str, ...], project: str, state: str) -> bool:
    if _inside(path, state):
        return False
    below = [path[len(root) :].strip("/") for root in roots if _inside(path, root)]
    from_project = path[len(project) :].strip("/") if _inside(path, project) else path
    return any(not _ignored(rest, from_project, patterns) for rest in below)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _ignored(below: str, from_project: str, patterns: tuple[str, ...]) -> bool:
    parts = below.split("/") if below else []
    if any(fnmatchcase(part, pattern) for part in parts for pattern in ALWAYS_IGNORED):
        return True
    name = from_project.rpartition("/")[2]
    for pattern in patterns:
        if "/" not in pattern:
            if any(fnmatchcase(part, pattern) for part in (*parts, name)):
                return True
        elif _matches_path(from_project, pattern.removeprefix("./")):
            return True
    return False


def _matches_path(path: str, pattern: str) -> bool:
    parts = path.split("/")
    return any(fnmatchcase("/".join(parts[: end + 1]), pattern) for end in range(len(parts)))


def sentence(paths: list[str], project: str) -> str:
    """`changed: src/app.py and 3 more`."""
    first = paths[0][len(project) :].strip("/") if _inside(paths[0], project) else paths[0]
    rest = len(paths) - 1
    return f"changed: {first}" + (f" and {rest} more" if rest else "")
