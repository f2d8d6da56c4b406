"""When the next daemon is started, on a clock that stands still."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from roost.keeper import daemon_child
from roost.keeper.daemon_child import GOOD_LIFE, LADDER, DaemonChild
from roost.keeper.timers import Timers


class Rig:
    """A daemon that is a number, and the time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.timers, self.spawner = 100.0, Timers(), mock.Mock()
        self.spawner.spawn.side_effect = range(1, 1000)
        clock = SimpleNamespace(monotonic=lambda: self.now, time=time.time)
        monkeypatch.setattr(daemon_child, "time", clock)
        self.child = DaemonChild(
            ["roostd"], {}, str(folder / "daemon.log"), self.spawner, self.timers, mock.Mock()
        )
        self.child.start()

    def end(self, code: int) -> float | None:
        """It ends; seconds until the next is started, which it is then."""
        self.child.ended(code)
        delay = self.timers.delay(self.now)
        self.now += delay or 0.0
        self.timers.run_due(self.now)
        return delay


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(tmp_path, monkeypatch)


def test_one_that_fails_again_and_again_is_started_on_a_ladder(rig: Rig) -> None:
    """P7: at once, then after 1, 2, 5, 10 and 30 seconds; a minute of life or a kill begins it anew."""
    assert [rig.end(3) for _ in range(8)] == [*LADDER, LADDER[-1], LADDER[-1]]
    assert rig.end(-9) == 0.0
    assert rig.end(3) == LADDER[1]
    rig.now += GOOD_LIFE
    assert rig.end(3) == 0.0


def test_none_is_started_any_more_once_none_is_wanted(rig: Rig) -> None:
    """S48: not even by an order to replace it that comes too late."""
    rig.child.ended(3)
    rig.child.dismiss(1.0)
    rig.child.replace(["another"])
    rig.timers.run_due(rig.now + 1000)
    assert rig.spawner.spawn.call_count == 1
