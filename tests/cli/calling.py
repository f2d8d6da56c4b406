"""Calls the command inside this process, as the console script would."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from roost.cli.__main__ import run


class Done(NamedTuple):
    """How a call ended, and what it wrote."""

    code: int
    out: str
    err: str


def roost(capsys: pytest.CaptureFixture[str], *arguments: str) -> Done:
    """One call of `roost`."""
    capsys.readouterr()
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return Done(code, out, err)
