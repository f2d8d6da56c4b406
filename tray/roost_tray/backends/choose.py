"""Which icon this session can have.  ROOST_TRAY_BACKEND names one; otherwise the best that works."""

from __future__ import annotations

from collections.abc import Mapping

from ..backend import Backend, Unavailable
from .headless import HeadlessBackend

CHOICE = "ROOST_TRAY_BACKEND"


def choose(environ: Mapping[str, str]) -> Backend:
    """A backend that has looked whether it can work.  Raises Unavailable with reason and hint."""
    wanted = environ.get(CHOICE, "")
    if wanted == "headless":
        return HeadlessBackend()
    raise Unavailable(
        f"there is no icon called {wanted!r}" if wanted else "no kind of icon is known for this session",
        f"unset {CHOICE}" if wanted else "",
    )
