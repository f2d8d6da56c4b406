"""The `container` probe: what the engine's own HEALTHCHECK says, as it was last heard."""

from __future__ import annotations

from collections.abc import Callable

from roost.core import checkup
from roost.core.checkup import Checkup
from roost.core.model import ProbeKind

from .answer import Answer


class ContainerWatch:
    """One such probe in one run."""

    __slots__ = ("_checkup", "_kind")

    def __init__(self, kind: ProbeKind, checkup: Callable[[], Checkup]) -> None:
        self._kind = kind
        self._checkup = checkup

    def answer(self) -> Answer:
        """Look, and say what was found."""
        return Answer(*checkup.judge(self._kind, self._checkup()))
