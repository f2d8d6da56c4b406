"""Questions about logs, one behaviour at a time; `test_lines_property` shows that no line is ever lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from records.model_keeper import MILLISECOND, START_NS, ModelKeeper
from roost.platform.logindex import MERGED, STDERR, STDOUT, pack
from roost.records import cursor as cursors
from roost.records import history, logs, stored
from roost.records import lines as line_rules
from roost.records.cursor import BadCursor
from roost.records.entries import PAGE_BYTES, LogEntry, Page
from roost.records.history import log_names
from roost.records.logs import last_lines, query
from roost.records.patterns import BadPattern

SECOND = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def keeper(tmp_path: Path) -> ModelKeeper:
    return ModelKeeper(tmp_path, "api")


def texts(page: Page) -> list[str]:
    return [entry.text for entry in page.entries]


# -- entries ---------------------------------------------------------------------------------------------


def test_an_entry_says_who_when_and_where(keeper: ModelKeeper, folder: str) -> None:
    """Time, stream and run of a line are those of its arrival (P13), in the shape of INTERFACES.md §5."""
    keeper.next_run()
    keeper.advance(5 * MILLISECOND)
    keeper.write(STDERR, b"oops\r\n")
    (entry,) = query(folder, ["api"]).entries
    assert entry == LogEntry("api", START_NS + 5 * MILLISECOND, "stderr", 2, "oops", False)
    assert entry.as_json() == {
        "name": "api",
        "at": "2023-11-14T22:13:20.005000Z",
        "stream": "stderr",
        "run": 2,
        "text": "oops",
        "truncated": False,
    }


def test_merged_streams_have_no_name(keeper: ModelKeeper, folder: str) -> None:
    """With one pipe for both streams `stream` is null."""
    keeper.write(MERGED, b"x\n")
    (entry,) = query(folder, ["api"]).entries
    assert entry.stream is None


def test_empty_lines_and_strange_bytes_are_kept(keeper: ModelKeeper, folder: str) -> None:
    """Empty lines are entries, and every text can be written as JSON, whatever the bytes."""
    keeper.write(STDOUT, b"\n\na\xffb\x00\n\xed\xa0\x80\n")
    page = query(folder, ["api"])
    assert texts(page) == ["", "", "a\\xffb\x00", "\\xed\\xa0\\x80"]
    json.dumps([entry.as_json() for entry in page.entries], ensure_ascii=False).encode()


def test_a_line_without_its_end_is_an_entry(keeper: ModelKeeper, folder: str) -> None:
    """What a component wrote last is shown even if the newline never came."""
    keeper.write(STDOUT, b"one\ntwo")
    assert texts(query(folder, ["api"])) == ["one", "two"]


def test_a_long_line_is_cut(keeper: ModelKeeper, folder: str) -> None:
    """Over 64 KiB a text is cut, between characters, and says so; the next line is not concerned."""
    keeper.write(STDOUT, "é".encode() * 40_000 + b"\nnext\n")
    keeper.write(STDOUT, b"x" + "é".encode() * 40_000 + b"\n" + b"y" * line_rules.KEPT + b"\n")
    cut, following, odd, exact = query(folder, ["api"], page_bytes=10**9).entries
    assert (cut.text, cut.truncated) == ("é" * 32_768, True)
    assert (following.text, following.truncated) == ("next", False)
    assert (odd.text, odd.truncated) == ("x" + "é" * 32_767, True)
    assert (exact.text, exact.truncated) == ("y" * line_rules.KEPT, False)


def test_output_without_any_newline_is_bounded(keeper: ModelKeeper, folder: str) -> None:
    """Ten megabytes without a newline become a few cut entries, forwards and backwards, at a bounded cost."""
    for _ in range(160):
        keeper.advance(MILLISECOND)
        keeper.write(STDOUT, b"z" * 65_536)
    keeper.write(STDOUT, b"end\nlast\n")
    for lines in (5, None):
        page = query(folder, ["api"], lines=lines, page_bytes=10**9)
        assert texts(page)[-1] == "last"
        assert all(entry.truncated for entry in page.entries[:-2])
        assert all(len(text) <= line_rules.KEPT for text in texts(page))


def test_a_gap_ends_the_line_that_it_tears(keeper: ModelKeeper, folder: str) -> None:
    """Where bytes were dropped, what was before is marked as cut and not joined to what came after."""
    keeper.write(STDOUT, b"one\nhalf a l")
    keeper.gap(STDOUT, 1000)
    keeper.advance(MILLISECOND)
    keeper.write(STDOUT, b"ne\ntwo\n")
    for lines in (100, None):
        found = [(entry.text, entry.truncated) for entry in query(folder, ["api"], lines=lines).entries]
        assert found == [("one", False), ("half a l", True), ("ne", False), ("two", False)]


def test_a_later_run_ends_what_the_earlier_left(keeper: ModelKeeper, folder: str) -> None:
    """The last words of a crash, without a newline, stay before the first line of the next run."""
    keeper.write(STDOUT, b"panic: at 0x")
    keeper.next_run()
    keeper.write(STDOUT, b"hello\n")
    for lines in (100, None):
        found = [(entry.run, entry.text) for entry in query(folder, ["api"], lines=lines).entries]
        assert found == [(1, "panic: at 0x"), (2, "hello")]


def test_a_prompt_that_is_never_answered_keeps_its_place(keeper: ModelKeeper, folder: str) -> None:
    """An unfinished line is told once, and the flood of the other stream after it is not held up."""
    keeper.write(STDOUT, b"Name: ")
    keeper.advance(SECOND)
    for number in range(line_rules.AGE + 500):
        keeper.line(f"e{number}", STDERR)
    everything = texts(query(folder, ["api"], lines=10**6))
    assert everything.count("Name: ") == 1
    assert len(everything) == line_rules.AGE + 501
    paged: list[str] = []
    cursor, more = None, True
    while more:
        page = query(folder, ["api"], lines=None, cursor=cursor, page_bytes=20_000)
        paged += texts(page)
        cursor, more = page.cursor, page.more
    assert paged == everything
    assert texts(query(folder, ["api"], lines=3)) == everything[-3:]


def test_an_answered_prompt_is_one_line(keeper: ModelKeeper, folder: str) -> None:
    """A line that the other stream interrupted is put together again (P13)."""
    keeper.write(STDOUT, b"Name: ")
    keeper.advance(SECOND)
    for number in range(100):
        keeper.line(f"e{number}", STDERR)
    keeper.line("Ada")
    page = query(folder, ["api"])
    assert texts(page)[-2:] == ["e99", "Name: Ada"]
    assert texts(query(folder, ["api"], lines=1)) == ["Name: Ada"]


# -- which lines -----------------------------------------------------------------------------------------


def test_the_default_is_a_hundred_lines(keeper: ModelKeeper, folder: str) -> None:
    """A query without anything gives the last hundred lines (S50)."""
    for number in range(250):
        keeper.line(f"n{number}")
    assert texts(query(folder)) == [f"n{number}" for number in range(150, 250)]
    assert texts(query(folder, lines=0)) == []


def test_unknown_and_empty_logs_have_no_lines(keeper: ModelKeeper, folder: str) -> None:
    """A name without a log, an empty log and an empty folder are no errors."""
    assert query(folder, ["api", "nobody"]).entries == []
    assert query(os.path.join(folder, "none")).entries == []
    assert last_lines(folder, "nobody", 5) == []


def test_since_and_until_bound_the_time(keeper: ModelKeeper, folder: str) -> None:
    """Both bounds belong to the answer; they reach over rotations, with `lines` or without."""
    for number in range(100):
        keeper.line(f"n{number}")
        if number % 30 == 29:
            keeper.rotate()
    since, until = START_NS + 21 * MILLISECOND, START_NS + 71 * MILLISECOND
    wanted = [f"n{number}" for number in range(20, 71)]
    for lines in (None, 1000):
        assert texts(query(folder, ["api"], lines=lines, since_ns=since, until_ns=until)) == wanted
    assert texts(query(folder, ["api"], lines=3, since_ns=since, until_ns=until)) == wanted[-3:]
    assert texts(query(folder, ["api"], since_ns=START_NS + SECOND)) == []
    assert texts(query(folder, ["api"], until_ns=START_NS)) == []


def test_until_in_the_future_is_no_bound(keeper: ModelKeeper, folder: str) -> None:
    """A bound beyond the end shows everything, the unfinished line too."""
    keeper.write(STDOUT, b"one\ntwo")
    for lines in (None, 10):
        assert texts(query(folder, ["api"], lines=lines, until_ns=START_NS + SECOND)) == ["one", "two"]


def test_grep_finds_text_and_patterns(keeper: ModelKeeper, folder: str) -> None:
    """A plain text is found as it is, anything else is a regular expression; N counts what is found."""
    for number in range(500):
        keeper.write(STDOUT, f"request {number} a+b\n".encode())
        keeper.line(f"error {number}", STDERR)
    for lines in (2, None):
        assert texts(query(folder, grep="error 49", lines=lines))[-2:] == ["error 498", "error 499"]
    assert len(query(folder, grep="error 49", lines=None).entries) == 11
    assert texts(query(folder, grep="^r.*t 7 ", lines=5)) == ["request 7 a+b"]
    assert texts(query(folder, grep="a\\+b$", lines=1)) == ["request 499 a+b"]


def test_grep_finds_text_in_a_line_written_in_parts(keeper: ModelKeeper, folder: str) -> None:
    """A text that lies over two pieces of one line is found."""
    keeper.write(STDOUT, b"nee")
    keeper.advance(SECOND)
    keeper.line("other", STDERR)
    keeper.line("dle")
    assert texts(query(folder, grep="needle", lines=None)) == ["needle"]
    assert texts(query(folder, grep="needle", lines=1)) == ["needle"]


def test_a_bad_pattern_and_a_bad_cursor_say_so(keeper: ModelKeeper, folder: str) -> None:
    """What cannot be understood is an error that names it."""
    with pytest.raises(BadPattern, match="regular expression"):
        query(folder, grep="(")
    for text in ("x", "e30=e", "WzFd", "eyJhcGkiOlsxXX0", "eyJhcGkiOjF9"):
        with pytest.raises(BadCursor, match="cursor"):
            query(folder, cursor=text)


def test_last_lines_are_those_of_the_run(keeper: ModelKeeper, folder: str) -> None:
    """The context of a crash is the end of that run, even if the next one has begun."""
    keeper.line("a")
    keeper.line("b")
    keeper.next_run()
    keeper.line("c")
    assert last_lines(folder, "api", 5, run=1) == ["a", "b"]
    assert last_lines(folder, "api", 1, run=1) == ["b"]
    assert last_lines(folder, "api", 5) == ["a", "b", "c"]


def test_the_very_last_line_is_among_them_however_long_the_others_are(
    keeper: ModelKeeper, folder: str
) -> None:
    """More than a page of long lines, and then the word that says why."""
    for _ in range(20):
        keeper.line("x" * line_rules.KEPT)
    keeper.line("why")
    lines = last_lines(folder, "api", 20)
    assert (len(lines), lines[-1]) == (20, "why")


def test_a_leftover_writes_on_under_its_own_run(keeper: ModelKeeper, folder: str) -> None:
    """Lines of a descendant of the run before are told apart from those of the run that is now (D8)."""
    keeper.line("first")
    for number in range(20):
        keeper.run = 2
        keeper.line(f"new {number}")
        keeper.run = 1
        keeper.line(f"old {number}")
    new = [f"new {number}" for number in range(20)]
    assert texts(query(folder, run=2)) == new
    assert texts(query(folder, run=1)) == ["first", *(f"old {number}" for number in range(20))]
    assert texts(query(folder, run="last")) == new


# -- many components -----------------------------------------------------------------------------------------


def test_lines_of_all_components_merge_by_time(tmp_path: Path, folder: str) -> None:
    """`lines` counts over all components, and what is shown is in the order of arrival (S30)."""
    keepers = [ModelKeeper(tmp_path, name) for name in ("api", "db", "web")]
    for number in range(300):
        keepers[number % 3].now = START_NS + number * MILLISECOND
        keepers[number % 3].line(f"n{number}")
    assert log_names(folder) == ["api", "db", "web"]
    assert texts(query(folder, lines=50)) == [f"n{number}" for number in range(250, 300)]
    assert texts(query(folder, lines=None, page_bytes=10**9)) == [f"n{number}" for number in range(300)]
    assert texts(query(folder, ["db"], lines=2)) == ["n295", "n298"]


def test_a_cursor_goes_on_where_the_answer_ended(keeper: ModelKeeper, folder: str) -> None:
    """After the last lines, the cursor gives what came since: over rotations, and for new components."""
    keeper.line("one")
    page = query(folder)
    keeper.line("two")
    keeper.rotate()
    keeper.line("three")
    other = ModelKeeper(Path(folder), "db")
    other.now = keeper.now
    other.line("four")
    page = query(folder, cursor=page.cursor)
    assert texts(page) == ["two", "three", "four"]
    assert texts(query(folder, cursor=page.cursor)) == []


def test_a_cursor_into_files_that_have_gone_goes_on_with_the_next(tmp_path: Path, folder: str) -> None:
    """If rotation has removed what the cursor names, the answer begins with the oldest that is left."""
    keeper = ModelKeeper(tmp_path, "api", max_files=2)
    keeper.line("one")
    page = query(folder)
    for text in ("two", "three", "four", "five"):
        keeper.rotate()
        keeper.line(text)
    assert texts(query(folder, cursor=page.cursor)) == ["three", "four", "five"]


def test_a_cleared_log_is_empty(keeper: ModelKeeper, folder: str) -> None:
    """After `--clear` nothing old is shown, and an old cursor gives what is new."""
    for number in range(9):
        keeper.line(f"old {number}")
    cursor = query(folder).cursor
    keeper.clear()
    assert texts(query(folder)) == []
    for number in range(20):
        keeper.line(f"new {number}")
    assert texts(query(folder, cursor=cursor)) == [f"new {number}" for number in range(20)]


def test_pages_stay_below_their_size(keeper: ModelKeeper, folder: str) -> None:
    """No page is larger in JSON than it may be (INTERFACES.md §6), however strange the text."""
    for number in range(200):
        keeper.write(STDOUT, bytes([number + 1]) * 3000 + b"\n")
    cursor, more, count = None, True, 0
    while more:
        page = query(folder, lines=10**6, cursor=cursor, page_bytes=64 * 1024)
        assert len(json.dumps([entry.as_json() for entry in page.entries])) <= 64 * 1024
        cursor, more = page.cursor, page.more
        count += len(page.entries)
    assert count == 199 + 3001  # one of the bytes was a newline


@pytest.mark.parametrize("lines", [10**6, 250])
def test_pages_of_components_of_different_times_join(tmp_path: Path, folder: str, lines: int) -> None:
    """A component whose lines are all for later pages has exactly those there, and no older ones."""
    for number, name in enumerate(("old", "new")):
        keeper = ModelKeeper(tmp_path, name)
        keeper.advance(number * SECOND)
        for line in range(150):
            keeper.line(f"{name} {line}")
    whole = query(folder, lines=lines, page_bytes=10**9)
    assert len(whole.entries) == min(lines, 300)
    paged: list[LogEntry] = []
    cursor, more = None, True
    while more:
        page = query(folder, lines=lines, cursor=cursor, page_bytes=8000)
        paged += page.entries
        cursor, more = page.cursor, page.more
    assert paged == whole.entries


def test_a_cursor_forgets_what_no_longer_matters(keeper: ModelKeeper, folder: str) -> None:
    """However many runs ended in the middle of a line, a cursor names only the last."""
    for _ in range(50):
        keeper.line("whole")
        keeper.write(STDOUT, b"torn")
        keeper.next_run()
    mark = cursors.decode(query(folder, lines=None).cursor)["api"]
    assert mark is not None
    assert len(mark.told) == 1


@pytest.mark.parametrize("moment", range(1, 16))
def test_a_rotation_while_one_looks_mixes_no_index_with_another_log(
    tmp_path: Path, folder: str, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever a rotation comes between two looks at names, each log is read by its own index (P13)."""
    keeper = ModelKeeper(tmp_path, "api")
    for number in range(3):
        keeper.line(f"out {number}", STDOUT)
        keeper.line("x" * 5 * number, STDERR)
        keeper.rotate()
    keeper.line("out 3")
    looks = 0
    real = history.stat_of

    def looking(path: str) -> os.stat_result | None:
        nonlocal looks
        looks += 1
        if looks == moment:
            keeper.rotate()
            keeper.line("late", STDERR)
        return real(path)

    monkeypatch.setattr(history, "stat_of", looking)
    entries = query(folder, ["api"], lines=None).entries
    found = [(entry.stream, entry.text) for entry in entries if entry.text != "late"]
    wanted = [("stdout", "out 0"), ("stderr", ""), ("stdout", "out 1"), ("stderr", "x" * 5)]
    wanted += [("stdout", "out 2"), ("stderr", "x" * 10), ("stdout", "out 3")]
    assert found == wanted


def test_however_often_it_rotates_before_it_is_read(keeper: ModelKeeper, folder: str) -> None:
    """A flood moves files on while they wait to be read: they are found under whatever number they have (P13)."""
    keeper.line("one")
    keeper.rotate()
    keeper.line("two")
    sources = logs.sources_of(folder, ["api"], logs.Filter())
    for number in range(30):
        keeper.rotate()
        keeper.line(f"later {number}")
    found = logs.last(sources, 100, PAGE_BYTES, flush=False)
    assert [line.raw for _, line in found.lines] == [b"one", b"two"]


def test_a_log_without_its_live_file_is_still_read(keeper: ModelKeeper, folder: str) -> None:
    """In the middle of a rotation, or after somebody removed the live file, the rotated ones are shown."""
    keeper.line("one")
    keeper.rotate()
    os.unlink(keeper.log)
    assert texts(query(folder)) == ["one"]


# -- what it costs -------------------------------------------------------------------------------------------


class Cost:
    """Counts the bytes that are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        real = stored.read_range

        def counting(fd: int, start: int, size: int) -> bytes:
            data = real(fd, start, size)
            self.bytes += len(data)
            return data

        monkeypatch.setattr(stored, "read_range", counting)
        monkeypatch.setattr("roost.records.index.read_range", counting)


def large_log(folder: Path, size: int) -> None:
    """`size` bytes of log of which all but the last part is a hole, with a record each kilobyte."""
    tail = b"".join(b"line %07d\n" % number for number in range(20_000))
    with open(folder / "big.log", "wb") as file:
        file.seek(size - len(tail))
        file.write(tail)
    records = (pack(at, START_NS + at, 1, STDOUT) for at in range(0, size, 1024))
    (folder / "big.idx").write_bytes(b"".join(records))


def test_the_last_lines_of_a_gigabyte_cost_what_those_of_a_small_log_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-n 100`, `-n 1000` and `--since` read the same few kilobytes of 1 GB as of 4 MB (P13)."""
    costs: dict[int, list[int]] = {}
    for size in (2**22, 2**30):
        folder = tmp_path / str(size)
        folder.mkdir()
        large_log(folder, size)
        costs[size] = []
        for question in (
            {"lines": 100},
            {"lines": 1000},
            {"lines": None, "since_ns": START_NS + size - 20_000},
        ):
            with monkeypatch.context() as patch:
                cost = Cost(patch)
                page = query(str(folder), ["big"], **question)
            assert page.entries[-1].text == "line 0019999"
            assert len(page.entries) >= 100
            costs[size].append(cost.bytes)
    for small, big in zip(costs[2**22], costs[2**30], strict=True):
        assert big <= small + 4096
        assert big < 400_000


def test_a_silent_component_costs_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many components only those are read whose lines are among the last."""
    for number in range(50):
        keeper = ModelKeeper(tmp_path, f"c{number}")
        keeper.write(STDOUT, b"old " * 5000 + b"\n")
        if number == 7:
            keeper.advance(SECOND)
            keeper.write(STDOUT, b"new\n" * 200)
    cost = Cost(monkeypatch)
    assert texts(query(str(tmp_path))) == ["new"] * 100
    assert cost.bytes < 60_000


def test_a_cursor_is_made_of_files_and_offsets(keeper: ModelKeeper, folder: str) -> None:
    """A cursor comes back as it was made, with the unfinished lines that were told."""
    keeper.write(STDOUT, b"one\ntwo")
    page = query(folder)
    mark = cursors.decode(page.cursor)["api"]
    assert mark is not None
    assert mark.place == (os.stat(keeper.log).st_ino, START_NS, 7, 0)
    assert list(mark.told.items()) == [((1, STDOUT), mark.place)]
    keeper.write(STDOUT, b" and a half\n")
    assert texts(query(folder, cursor=page.cursor)) == [" and a half"]
