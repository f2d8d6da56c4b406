"""`events.jsonl`: numbers, rotation, torn lines, and reading from the end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from roost.records import events
from roost.records.events import EventLog, read_events

WALL = 1_700_000_000.0


def numbers(page: events.EventPage) -> list[int]:
    return [event.seq for event in page.events]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "events.jsonl")


def fill(log: EventLog, count: int, component: str = "api", message: str = "m") -> None:
    for number in range(count):
        log.append(kind="started", message=message, wall=WALL + number, component=component, run=1)


def test_an_event_comes_back_as_it_was_written(path: str) -> None:
    """What is appended is what is read, in the shape of INTERFACES.md §5."""
    data = {"code": 1, "last_lines": ["a", "\udcff"]}
    EventLog(path).append(kind="exited", message="é", wall=WALL, component="api", run=2, data=data)
    (event,) = read_events(path).events
    assert event.as_json() == {
        "seq": 1,
        "at": "2023-11-14T22:13:20.000000Z",
        "kind": "exited",
        "component": "api",
        "run": 2,
        "message": "é",
        "data": {"code": 1, "last_lines": ["a", "?"]},
    }


def test_no_file_means_no_events(path: str) -> None:
    """A project in which nothing has happened has no events, and that is no error."""
    assert read_events(path) == events.EventPage([], False, 0)


def test_the_last_events_come_oldest_first(path: str) -> None:
    """Without `since`, the last `limit` events."""
    fill(EventLog(path), 10)
    page = read_events(path, limit=3)
    assert numbers(page) == [8, 9, 10]
    assert not page.more


def test_since_goes_on_page_by_page(path: str) -> None:
    """With `since`, the first `limit` after it, and `more` while there are others (events.query)."""
    fill(EventLog(path), 7)
    assert numbers(read_events(path, since_seq=2, limit=3)) == [3, 4, 5]
    assert read_events(path, since_seq=2, limit=3).more
    assert numbers(read_events(path, since_seq=5, limit=3)) == [6, 7]
    assert not read_events(path, since_seq=5, limit=3).more
    assert numbers(read_events(path, since_ns=int((WALL + 4) * 1e9))) == [5, 6, 7]


def test_a_component_sees_its_own(path: str) -> None:
    """`component` leaves out the others without counting them."""
    log = EventLog(path)
    fill(log, 3)
    fill(log, 200, component="db")
    assert numbers(read_events(path, component="api", limit=2)) == [2, 3]


def test_numbers_go_on_after_a_restart(path: str) -> None:
    """A new writer continues where the file ends."""
    fill(EventLog(path), 3)
    log = EventLog(path)
    assert log.last_seq == 3
    fill(log, 1)
    assert numbers(read_events(path)) == [1, 2, 3, 4]


def test_a_torn_line_costs_only_itself(path: str) -> None:
    """After a crash in mid-line the next event has a line, and a number, of its own (S70)."""
    fill(EventLog(path), 3)
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[:-20])
    fill(EventLog(path), 1)
    page = read_events(path)
    assert numbers(page) == [1, 2, 4]
    assert page.unreadable == 1


def test_noise_is_skipped_and_counted(path: str) -> None:
    """Lines that are no events never hide those that are."""
    fill(EventLog(path), 2)
    with open(path, "ab") as file:
        file.write(b'\xff\xfe\n[]\n{"seq": "x"}\n{"seq": true}\n' + b"[" * 100_000 + b"\n")
    fill(EventLog(path), 1)
    page = read_events(path)
    assert (len(page.events), page.unreadable) == (3, 5)


def test_rotation_keeps_three_files(path: str) -> None:
    """Past the size a new file begins, three are kept, and reading goes through all of them."""
    log = EventLog(path, max_size=2000)
    fill(log, 200)
    files = sorted(file.name for file in Path(path).parent.iterdir())
    assert files == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"] or files == [
        "events.jsonl.1",
        "events.jsonl.2",
    ]
    assert all(file.stat().st_size < 2300 for file in Path(path).parent.iterdir())
    found = numbers(read_events(path, limit=1000))
    assert found == list(range(found[0], 201))
    assert len(found) > 20


def test_numbers_go_on_after_a_rotation(path: str) -> None:
    """A writer that starts just after a rotation looks into the rotated file."""
    log = EventLog(path, max_size=100)
    fill(log, 1)
    assert not Path(path).exists()
    assert EventLog(path).last_seq == 1


def test_a_long_line_over_many_blocks_is_read(path: str) -> None:
    """An event longer than the blocks of reading is put together again."""
    log = EventLog(path)
    fill(log, 2, message="x" * 200_000)
    fill(log, 2)
    page = read_events(path)
    assert numbers(page) == [1, 2, 3, 4]
    assert page.events[1].message == "x" * 200_000


def test_a_full_disk_does_not_tear_the_next_event(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk took half a line, the next event is on a line of its own."""
    log = EventLog(path)
    fill(log, 1)
    real = os.write

    def half(fd: int, data: bytes) -> int:
        real(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        fill(log, 1)
    monkeypatch.undo()
    fill(log, 1)
    assert numbers(read_events(path)) == [1, 3]


def test_only_what_is_needed_is_read(path: str) -> None:
    """The last events of a long file cost a block, not the file."""
    lines = [
        json.dumps({"seq": number, "at": "", "kind": "k", "message": "m" * 80}) for number in range(1, 40_000)
    ]
    Path(path).write_text("\n".join(lines) + "\n")
    read: list[int] = []
    opened = os.fdopen

    def counting(fd: int, mode: str) -> object:
        file = opened(fd, mode)
        return _Counting(file, read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fdopen", counting)
        assert numbers(read_events(path, limit=5))[-1] == 39_999
    assert sum(read) <= 128 * 1024


class _Counting:
    def __init__(self, file: object, read: list[int]) -> None:
        self._file = file
        self._read = read

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def __enter__(self) -> _Counting:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()  # type: ignore[attr-defined]

    def read(self, size: int) -> bytes:
        self._read.append(size)
        return self._file.read(size)  # type: ignore[attr-defined,no-any-return]
