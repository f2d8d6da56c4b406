"""Saving what must outlive the daemon, on a disk that does not always take it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roost.edges import saver as module
from roost.edges import store
from roost.edges.disk import Disk
from roost.edges.saver import Saver


class Rig:
    """A saver whose folder is missing, as if the disk refused; `mend` makes it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gone" / "state.json"
        self.complaints: list[str] = []
        self.environment = "first"
        self.saver = Saver(Disk(), str(self.path), self._take, self.complaints.append)

    def _take(self) -> Callable[[], store.SavedState]:
        environment = self.environment
        return lambda: store.SavedState(environment=environment)

    def mend(self) -> None:
        os.mkdir(self.path.parent)

    @property
    def kept(self) -> str | None:
        loaded = store.load(str(self.path))
        return loaded.state.environment if loaded.state else None


async def until(condition: Callable[[], object]) -> None:
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true within a minute")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.05)


def test_nothing_is_called_saved_that_is_not_on_the_disk(tmp_path: Path) -> None:
    """P1: the keeper forgets an exit only once it is saved, however long the disk refuses, and then in order."""

    async def scenario() -> None:
        rig, acknowledged = Rig(tmp_path), list[int]()
        rig.saver.mark(lambda: acknowledged.append(1))
        await rig.saver.flush()
        rig.saver.mark(lambda: acknowledged.append(2))
        await rig.saver.flush()
        assert acknowledged == []
        rig.mend()
        await until(lambda: acknowledged == [1, 2])
        assert rig.kept == "first"

    asyncio.run(scenario())


def test_a_wish_that_the_disk_refused_is_saved_when_it_takes_it_again(tmp_path: Path) -> None:
    """P8: without any further change; the complaint is made once and taken back."""

    async def scenario() -> None:
        rig = Rig(tmp_path)
        await rig.saver.flush()
        rig.environment = "second"
        await rig.saver.flush()
        assert rig.saver.problem is not None and len(rig.complaints) == 1
        rig.mend()
        await until(lambda: rig.kept == "second")
        await until(lambda: rig.saver.problem is None)

    asyncio.run(scenario())


def test_a_flush_waits_for_what_was_so_before_it(tmp_path: Path) -> None:
    """P8: an answer that a person gets is on the disk."""

    async def scenario() -> None:
        rig = Rig(tmp_path)
        rig.mend()
        rig.saver.mark()
        rig.environment = "asked for"
        await rig.saver.flush()
        assert rig.kept == "asked for"

    asyncio.run(scenario())
