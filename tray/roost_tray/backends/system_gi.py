"""PyGObject of the system, for a Python in a virtual environment, which does not see the system's packages.

It has no wheels, and building it takes compilers and headers; the distribution's own fits if it was built for
our version of Python.  Only `gi` and what it needs are taken from there: nothing else of the system's packages
can get in front of ours.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from functools import cache
from glob import glob
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_PLACES = (
    "/usr/lib/python3/dist-packages",  # Debian, Ubuntu
    "/usr/lib64/python3.*/site-packages",  # Fedora, openSUSE
    "/usr/lib/python3.*/site-packages",  # Arch
    "/usr/local/lib/python3.*/site-packages",
)
_NAMES = ("gi", "cairo", "pygtkcompat")


class _Finder:
    """Finds those packages in one folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and name in _NAMES:
            return PathFinder.find_spec(name, [self._folder], target)
        return None


def folders() -> list[str]:
    """Where the system keeps a `gi`, whatever Python it is for."""
    found = (place for pattern in _PLACES for place in sorted(glob(pattern)))
    return [place for place in found if (Path(place) / "gi" / "__init__.py").is_file()]


def fitting_folder(places: Sequence[str], suffixes: Sequence[str]) -> str | None:
    """The first whose compiled part has one of the endings that our Python loads."""
    for place in places:
        if any((Path(place) / "gi" / f"_gi{suffix}").is_file() for suffix in suffixes):
            return place
    return None


@cache
def can_import() -> bool:
    """Make `import gi` find it, and say whether GTK 3 can really be had."""
    if importlib.util.find_spec("gi") is None:
        place = fitting_folder(folders(), [suffix for suffix in EXTENSION_SUFFIXES if "-" in suffix])
        if place is None:
            return False
        sys.meta_path.append(_Finder(place))
    try:
        import gi

        gi.require_version("Gtk", "3.0")
    except (ImportError, ValueError):
        return False
    return True
