"""A reader overtaken by rotation is told how much it missed, to the byte; what is still there it gets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.model_keeper import MILLISECOND, START_NS, ModelKeeper
from records.test_lines_property import folder_of, keepers, quick
from roost.platform.logindex import STDERR, STDOUT
from roost.records import cursor as cursors
from roost.records.entries import LogEntry, Missed
from roost.records.follow import Follower
from roost.records.grep import Question, follower
from roost.records.logs import query
from roost.records.stored import StoredFile


@pytest.fixture
def keeper(tmp_path: Path) -> ModelKeeper:
    return ModelKeeper(tmp_path, "api", max_files=2)


def overtake(keeper: ModelKeeper) -> None:
    """Four files where two are kept: those that hold `lost 0` and `lost 1` go."""
    for text in ("lost 0", "lost 1", "kept 2", "kept 3", "kept 4"):
        keeper.rotate()
        keeper.line(text)


def followed(follower: Follower) -> tuple[list[str], list[Missed]]:
    texts, missed = [], []
    while True:
        texts += [entry.text for entry in follower.poll(0.0)]
        missed += follower.missed
        if not follower.more:
            return texts, missed


def test_a_follower_is_told_what_went_before_it_came_to_it(keeper: ModelKeeper) -> None:
    """P2's word to a slow reader: so many bytes of this component are gone; then what is left, and once only."""
    follower = Follower(folder_of(keeper), ["api"])
    keeper.line("one")
    assert followed(follower) == (["one"], [])
    overtake(keeper)
    texts, missed = followed(follower)
    assert texts == ["kept 2", "kept 3", "kept 4"]
    assert missed == [Missed("api", 2 * len(b"lost n\n"), START_NS + 4 * MILLISECOND)]
    keeper.line("five")
    assert followed(follower) == (["five"], [])


def test_who_has_read_everything_has_missed_nothing(keeper: ModelKeeper) -> None:
    """Neither rotation nor --clear is a loss to a reader who was at the end."""
    follower = Follower(folder_of(keeper), ["api"])
    for number in range(20):
        keeper.line(f"line {number}")
        assert followed(follower) == ([f"line {number}"], [])
        keeper.clear() if number % 3 else keeper.rotate()


@pytest.mark.parametrize("written", [0, 3], ids=["empty", "not empty"])
def test_clearing_takes_what_was_not_read(keeper: ModelKeeper, written: int) -> None:
    """`logs --clear` in a reader's back: he is told, once, whether or not there are new lines already."""
    follower = Follower(folder_of(keeper), ["api"])
    keeper.line("read")
    assert followed(follower) == (["read"], [])
    keeper.line("never seen")
    keeper.clear()
    for _ in range(written):
        keeper.line("early")
    first = followed(follower)
    resumed = Follower(folder_of(keeper), ["api"], cursor=follower.cursor())
    keeper.line("new")
    assert first == (["early"] * written, [Missed("api", len(b"never seen\n"), mock.ANY)])
    assert followed(follower) == followed(resumed) == (["new"], [])


def test_a_cursor_tells_too(keeper: ModelKeeper) -> None:
    """Who resumes by cursor, in a query or a stream, is told what has gone since."""
    keeper.line("one")
    cursor = query(folder_of(keeper), ["api"]).cursor
    overtake(keeper)
    page = query(folder_of(keeper), ["api"], cursor=cursor, page_bytes=300)
    assert page.missed == [Missed("api", 14, START_NS + 4 * MILLISECOND)]
    again = query(folder_of(keeper), ["api"], cursor=page.cursor)
    assert [entry.text for entry in (*page.entries, *again.entries)] == ["kept 2", "kept 3", "kept 4"]
    assert again.missed == []
    assert followed(Follower(folder_of(keeper), ["api"], cursor=cursor))[1] == page.missed


def test_a_search_in_its_own_process_tells_too(keeper: ModelKeeper) -> None:
    """What is missed counts whatever the pattern; who is added is followed from the first line on."""
    following = follower(Question(folder_of(keeper), ["api"], grep="(kept|new).*[24]"))
    try:
        assert following.start is not None
        overtake(keeper)
        found = following.poll(0.0)
        assert [entry.text for entry in found] == ["kept 2", "kept 4"]
        assert [(one.name, one.bytes) for one in following.missed] == [("api", 14)]
        ModelKeeper(Path(folder_of(keeper)), "late").line("new 2")
        following.add(["late", "api"])
        assert [(entry.name, entry.text) for entry in following.poll(0.0)] == [("late", "new 2")]
        overtake(keeper)
        assert [entry.text for entry in following.poll(0.0)] == ["kept 2", "kept 4"]
        assert [(one.name, one.bytes) for one in following.missed] == [("api", 14)]
    finally:
        following.close()


def test_without_a_count_the_loss_is_told_all_the_same(tmp_path: Path) -> None:
    """Logs of an older keeper, and cursors from before there was a count: something is missing, unknown how much."""
    old = ModelKeeper(tmp_path, "api", max_files=2, origins=False)
    old.line("one")
    cursor = query(str(tmp_path), ["api"]).cursor
    overtake(old)
    page = query(str(tmp_path), ["api"], cursor=cursor)
    assert [entry.text for entry in page.entries] == ["kept 2", "kept 3", "kept 4"]
    assert [(one.name, one.bytes) for one in page.missed] == [("api", None)]
    mark = cursors.decode(cursor)["api"]
    assert mark is not None and mark.place.origin is None


def test_a_cursor_of_three_numbers_is_understood(keeper: ModelKeeper) -> None:
    """A client of before an upgrade goes on where it was."""
    keeper.line("one")
    mark = cursors.decode(query(folder_of(keeper), ["api"]).cursor)["api"]
    assert mark is not None
    old = cursors.encode({"api": mark._replace(place=mark.place[:3])})  # type: ignore[arg-type]
    keeper.line("two")
    page = query(folder_of(keeper), ["api"], cursor=old)
    assert ([entry.text for entry in page.entries], page.missed) == (["two"], [])


def test_a_clock_set_back_hides_nothing_from_a_cursor(keeper: ModelKeeper) -> None:
    """The files after a place are known by what they count, even if they seem to be older."""
    keeper.now += 3600 * 10**9
    keeper.line("one")
    cursor = query(folder_of(keeper), ["api"]).cursor
    keeper.now -= 3600 * 10**9
    overtake(keeper)
    page = query(folder_of(keeper), ["api"], cursor=cursor)
    assert [entry.text for entry in page.entries] == ["kept 2", "kept 3", "kept 4"]
    assert [one.bytes for one in page.missed] == [14]


def test_an_empty_log_whose_inode_is_used_again_with_another_index_is_another(tmp_path: Path) -> None:
    """P13: it is read by the index that is its own, at once, and nobody asks for ever."""
    keeper = ModelKeeper(tmp_path, "api", origins=False)
    follower = Follower(folder_of(keeper), ["api"])
    assert followed(follower) == ([], [])
    keeper.line("one")
    keeper.line("two")
    keeper.line("three")
    (tmp_path / "another").write_bytes(Path(keeper.index).read_bytes())
    os.replace(tmp_path / "another", keeper.index)
    assert [entry.text for entry in follower.poll(0.0)] == ["one", "two", "three"]
    assert not follower.more


step = st.one_of(
    st.tuples(st.just("line"), st.sampled_from([STDOUT, STDERR]), st.integers(0, 9)),
    st.tuples(st.just("rotate"), st.just(0), st.just(0)),
    st.tuples(st.just("run"), st.just(0), st.just(0)),
    st.tuples(st.just("clear"), st.just(0), st.just(0)),
)
read = st.tuples(st.sampled_from(["poll", "resume"]), st.just(0), st.just(0))


class Story:
    """Does one thing after the other to a log; numbers the lines, so that each is told from all others.

    `new_inodes`: no inode is used twice.  That a file is replaced by one with its inode between a look at it and
    the next system call is what nobody can tell.
    """

    def __init__(self, keeper: ModelKeeper, new_inodes: bool) -> None:
        self.keeper = keeper
        self.lines: list[str] = []
        self._new_inodes = new_inodes
        self._held: list[int] = []

    def do(self, step: tuple[str, int, int]) -> None:
        kind, stream, length = step
        if self._new_inodes and kind in ("rotate", "clear"):
            self._held += [os.open(each.path, os.O_RDONLY) for each in os.scandir(folder_of(self.keeper))]
        if kind == "line":
            self.lines.append(f"{len(self.lines):03}".ljust(length, "."))
            self.keeper.line(self.lines[-1], stream)
        elif kind == "rotate":
            self.keeper.rotate()
        elif kind == "run":
            self.keeper.next_run()
        elif kind == "clear":
            self.keeper.clear()

    def end(self) -> None:
        while self._held:
            os.close(self._held.pop())


@contextmanager
def meddling(story: Story, steps: list[tuple[str, int, int]]) -> Iterator[None]:
    """Before each reading of a file one more of these steps happens."""
    left = list(steps)
    opened = StoredFile._open

    def open_after_a_step(self: StoredFile) -> int | None:
        if left:
            story.do(left.pop(0))
        return opened(self)

    with mock.patch.object(StoredFile, "_open", open_after_a_step):
        yield
    for step in left:
        story.do(step)


@quick
@given(st.lists(st.one_of(step, step, read), max_size=60), st.lists(step, max_size=30), st.integers(200, 900))
def test_what_is_told_and_what_is_missed_are_what_was_written(
    steps: list[tuple[str, int, int]], meanwhile: list[tuple[str, int, int]], page_bytes: int
) -> None:
    """Rotations, clearings and runs at any moment, also while it reads: each line once, the rest counted."""
    with keepers("api", max_size=30) as [keeper]:
        keeper.max_files = 2
        story, folder = Story(keeper, new_inodes=bool(meanwhile)), folder_of(keeper)
        follower = Follower(folder, ["api"], page_bytes=page_bytes)
        entries: list[LogEntry] = []
        missed: list[Missed] = []

        def poll() -> None:
            entries.extend(follower.poll(0.0))
            missed.extend(follower.missed)

        for each in steps:
            if each[0] in ("poll", "resume"):
                poll()
                if each[0] == "resume":
                    follower = Follower(folder, ["api"], cursor=follower.cursor(), page_bytes=page_bytes)
            else:
                story.do(each)
        with meddling(story, meanwhile):
            for _ in range(5):
                poll()
        story.do(("line", STDOUT, 5))
        poll()
        while follower.more:
            poll()
        story.end()
        whole = [entry.text for entry in entries if not entry.truncated]
        assert whole == [line for line in story.lines if line in set(whole)]
        told = sum(len(entry.text) + (not entry.truncated) for entry in entries)
        written = sum(len(line) + 1 for line in story.lines)
        unknown = [one for one in missed if one.bytes is None]
        missing = written - told - sum(one.bytes or 0 for one in missed)
        if unknown:  # the file went in the instant between our look at it and our reading of its first record
            assert meanwhile and missing > 0
        else:  # of a line that was open at a cursor, what had been read already is not counted
            assert 0 <= missing <= 10 * sum(each[0] == "resume" for each in steps)
