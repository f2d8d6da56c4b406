"""The `log` probe: true from this run's first matching line on; with `fail`, a matching line is a failure.

It reads the run's lines as they come, a bounded piece at each look, so that a flood of output delays nobody
else (P12).  Beside its period it is asked to look whenever the log has grown.
"""

from __future__ import annotations

import re

from roost.core.model import LogProbe

from .answer import Answer, LineReader

_LOOK_BYTES = 256 * 1024
_LINE_ROOM = 16 * 1024
_SHOWN = 200


class LogWatch:
    """One log probe in one run; remembers what it has seen."""

    __slots__ = ("_lines", "_matched", "_pattern", "_probe", "_skipping", "behind")

    def __init__(self, probe: LogProbe, lines: LineReader, resumed: bool = False) -> None:
        self._probe = probe
        self._skipping = resumed and probe.fail
        """The failing lines from before a restart of the daemon were judged then."""
        self._pattern = re.compile(probe.pattern)
        self._lines = lines
        self._matched: str | None = None
        self.behind = False
        """The last look found lines, so there may be more: look again soon."""

    @property
    def settled(self) -> bool:
        """Nothing that is still to come changes the answer."""
        return self._matched is not None and not self._probe.fail

    def look(self) -> bool:
        """Read what is new; whether a line of it matched (of a settled watch: whether one ever did)."""
        if self.settled:
            return True
        lines = self._lines.read(_LOOK_BYTES)
        if self._skipping:
            self._skipping = self.behind = bool(lines)
            return False
        self._matched = next((line for line in lines if self._matches(line)), None)
        self.behind = bool(lines) and not self.settled
        return self._matched is not None

    def _matches(self, line: str) -> bool:
        return self._pattern.search(line[:_LINE_ROOM]) is not None

    def answer(self) -> Answer:
        """Look, and say what was found."""
        found, pattern = self.look(), self._probe.pattern
        if found and self._matched is not None:
            line = self._matched.strip()
            shown = line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
            return Answer(not self._probe.fail, f"a line matches /{pattern}/: {shown}")
        if self._probe.fail:
            return Answer(True, f"no new line matches /{pattern}/")
        return Answer(False, f"no matching line yet for /{pattern}/")
