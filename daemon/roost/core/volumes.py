"""`SOURCE:/PATH[:OPTIONS]`, what a container mounts: its parts, and whether the source is a path.  Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_VOLUME = re.compile(r"(?:(?P<source>.+?):)?(?P<target>/[^:]*)(?::(?P<options>[a-zA-Z,]+))?")
_PATH = re.compile(r"[./~\\]|[a-zA-Z]:[/\\]|.*[/\\]")


class Volume(NamedTuple):
    """`source`: a path, the name of a volume, or None for a volume that goes with its container."""

    source: str | None
    target: str
    options: tuple[str, ...] = ()

    @property
    def is_path(self) -> bool:
        """Whether the source is a folder or file of the machine; else it is a volume's name."""
        return self.source is not None and _PATH.match(self.source) is not None

    def __str__(self) -> str:
        parts = (self.source, self.target, ",".join(self.options))
        return ":".join(part for part in parts if part)


def parse(text: str) -> Volume | None:
    """The parts; None if it is none.  A drive letter belongs to the source."""
    match = _VOLUME.fullmatch(text)
    if match is None:
        return None
    return Volume(match["source"], match["target"], tuple(filter(None, (match["options"] or "").split(","))))
