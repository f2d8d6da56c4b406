"""What a probe handler is given and what it gives back.  Only shapes; nothing is done here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from roost.core.checkup import Checkup
from roost.core.notify import Standing


class Answer(Struct, frozen=True):
    """Whether a look succeeded, and the sentence that says what was found (S16)."""

    ok: bool
    message: str


class LineReader(Protocol):
    """The lines of one run as they come, from its first on."""

    def read(self, limit: int) -> list[str]:
        """The next whole lines, about `limit` bytes of them at most; none if there is nothing new yet."""


class Watch(Protocol):
    """What a handler remembers from look to look of one run."""

    def answer(self) -> Answer:
        """Look, and say what was found."""


class Context(Struct, frozen=True, kw_only=True):
    """One run of a component, as its probes see it.

    What is costly is a function: only an `exec` probe asks for the environment, only a `log` probe for lines.
    """

    folder: str
    """Where the component runs (absolute)."""
    environment: Callable[[], Mapping[str, str]]
    """The component's whole environment."""
    lines: Callable[[], LineReader]
    """A new reader at this run's first line."""
    resumed: bool = False
    """The run began before this daemon did, which judged it before."""
    inside: Callable[[tuple[str, ...], float], Awaitable[Answer]] | None = None
    """Runs a command in the component's container, within so many seconds; None: it has none."""
    checkup: Callable[[], Checkup] = Checkup
    """What the engine's own check says of the container."""
    standing: Callable[[], Standing] = Standing
    """What this run has said of itself (sd_notify)."""


class Unreachable(Exception):
    """Nothing could be connected to; the text is a sentence for people."""
