"""What happens while the disk takes nothing is on record once it does."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roost.core.secrets import Masker
from roost.records.events import Event, EventLog, read_events
from roost.supervise.chronicle import Chronicle
from support.virtual_loop import VirtualClock, run_virtual


class DiskAtHand:
    """Does at once what the disk's thread would do."""

    def submit(
        self, job: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        try:
            value = job()
        except Exception as error:  # noqa: BLE001 - as the thread does it
            failed(error)
        else:
            then(value)


def told(path: Path) -> list[str]:
    """The messages on record."""
    return [event.message for event in read_events(str(path), limit=1000).events]


def test_events_wait_for_room_and_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P20, S24: none is lost, the time is that of the event, followers hear of it once it is on record."""
    path = tmp_path / "events.jsonl"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    write = EventLog._write

    def refuse(*_: object) -> None:
        raise full

    async def story() -> None:
        log = EventLog(str(path))
        chronicle = Chronicle(DiskAtHand(), VirtualClock(), log, str(tmp_path), lambda: Masker([]))  # type: ignore[arg-type]
        heard: list[Event] = []
        chronicle.follow(heard.append)
        chronicle.tell("started", "before")
        monkeypatch.setattr(EventLog, "_write", refuse)
        for number in range(3):
            chronicle.tell("exited", f"during {number}")
        assert chronicle.problem is not None and "No space left" in chronicle.problem
        assert [event.message for event in heard] == told(path) == ["before"]
        await asyncio.sleep(5)
        monkeypatch.setattr(EventLog, "_write", write)
        await asyncio.sleep(2)
        assert chronicle.problem is None
        assert (
            [event.message for event in heard] == told(path) == ["before", *(f"during {n}" for n in range(3))]
        )
        assert len({event.seq for event in heard}) == 4

    run_virtual(story())


def test_they_do_not_wait_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P14: of thousands the last five hundred are kept."""
    path = tmp_path / "events.jsonl"

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    async def story() -> None:
        chronicle = Chronicle(
            DiskAtHand(), VirtualClock(), EventLog(str(path)), str(tmp_path), lambda: Masker([])
        )  # type: ignore[arg-type]
        with monkeypatch.context() as full:
            full.setattr(EventLog, "_write", refuse)
            for number in range(2000):
                chronicle.tell("exited", str(number))
        chronicle.tell("exited", "after")
        assert told(path) == [*map(str, range(1501, 2000)), "after"]

    run_virtual(story())
