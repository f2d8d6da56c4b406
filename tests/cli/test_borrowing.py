"""The command of `roost run` has the keyboard and the signals from its first moment."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

from roost.cli import borrowing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")


def interrupted_at_the_start(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    """This signal reaches us when the command runs already, and before we know that it does."""

    class Started(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            signal.raise_signal(number)

    monkeypatch.setattr(subprocess, "Popen", Started)


def test_ctrl_c_in_the_moment_of_the_start_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """S83: it has got it from the terminal itself; its exit code is ours."""
    interrupted_at_the_start(monkeypatch, signal.SIGINT)
    assert borrowing._in_foreground(["sh", "-c", "exit 7"]) == 7


def test_being_told_to_end_in_that_moment_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """S88: what was sent to us alone reaches the command all the same."""
    interrupted_at_the_start(monkeypatch, signal.SIGTERM)
    assert borrowing._in_foreground(["sleep", "600"]) == 128 + signal.SIGTERM
