"""All logs of a project on this terminal, for as long as its daemon or keeper is there."""

from __future__ import annotations

from ..platform.paths import ProjectPaths
from . import logsource, output
from .logview import LogView, gap_text

_ALL = 1_000_000  # lines: as many as there are from that moment on


def follow_all(paths: ProjectPaths, since_ns: int) -> None:
    """Print every line from `since_ns` on; return when daemon and keeper have gone for good."""
    view = LogView(output.out_look(), [])
    question = logsource.Question(lines=_ALL, since_ns=since_ns)
    for entries in logsource.followed(paths, question, until_gone=True):
        for entry in entries:
            gap = gap_text(entry)
            if gap is None:
                output.data(view.line(entry))
            else:
                output.note(gap)
        output.flush()
