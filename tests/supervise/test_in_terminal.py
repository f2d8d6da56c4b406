"""A command with a terminal of its own lasts as long as its client, from the first moment on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any, cast

import pytest

from roost.edges.rpc_server import Session
from roost.supervise.in_terminal import run_in_terminal
from roost.supervise.terminals import OpenTerminals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such terminals on Windows")


class GoneMeanwhile:
    """The session of a client that went away while its command was being started: nobody will be told again."""

    gone = True

    def on_close(self, callback: Callable[[], None]) -> None:
        """Too late for that."""

    def progress(self, _: Any) -> bool:
        """Nobody is there to be told."""
        return True


def test_a_command_whose_client_left_while_it_was_started_ends() -> None:
    """P20: as without a terminal; a silent one would never be noticed by anybody."""
    session = cast(Session, GoneMeanwhile())
    command = run_in_terminal(["sleep", "600"], "/", dict(os.environ), session, (80, 24), OpenTerminals())
    result = asyncio.run(command)
    assert result.signal == signal.SIGKILL
