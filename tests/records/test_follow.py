"""Following, one behaviour at a time; `test_lines_property` shows that no line is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from records.model_keeper import MILLISECOND, START_NS, ModelKeeper
from roost.platform.logindex import STDERR, STDOUT
from roost.records.entries import LogEntry
from roost.records.follow import Follower, RunLines, first_match
from roost.records.logs import query
from roost.records.patterns import compiled


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def keeper(tmp_path: Path) -> ModelKeeper:
    return ModelKeeper(tmp_path, "api")


def texts(entries: list[LogEntry]) -> list[str]:
    return [entry.text for entry in entries]


def drain(follower: Follower, now: float = 0.0) -> list[str]:
    found = texts(follower.poll(now))
    while follower.more:
        found += texts(follower.poll(now))
    return found


def test_first_the_last_lines_then_what_comes(keeper: ModelKeeper, folder: str) -> None:
    """`logs -f -n 2`: two lines at once, then each line when it comes, and nothing when nothing does."""
    for text in ("one", "two", "three"):
        keeper.line(text)
    follower = Follower(folder, ["api"], lines=2)
    assert drain(follower) == ["two", "three"]
    assert drain(follower) == []
    keeper.line("four")
    assert drain(follower) == ["four"]


def test_a_line_is_shown_when_it_is_whole(keeper: ModelKeeper, folder: str) -> None:
    """A line that is written in parts comes as one, if its end comes within 200 ms."""
    follower = Follower(folder, ["api"])
    keeper.write(STDOUT, b"half")
    assert drain(follower, 10.0) == []
    assert follower.due == pytest.approx(10.2)
    keeper.write(STDOUT, b" of it")
    assert drain(follower, 10.15) == []
    assert follower.due == pytest.approx(10.35)
    keeper.write(STDOUT, b" and all\n")
    assert drain(follower, 10.3) == ["half of it and all"]
    assert follower.due is None


def test_a_prompt_is_shown_after_a_while(keeper: ModelKeeper, folder: str) -> None:
    """An unfinished line is shown after 200 ms without more of it; what follows is a line of its own."""
    keeper.write(STDOUT, b"Name: ")
    follower = Follower(folder, ["api"])
    assert drain(follower, 10.0) == []
    assert drain(follower, 10.19) == []
    assert drain(follower, 10.2) == ["Name: "]
    assert follower.due is None
    resumed = Follower(folder, ["api"], cursor=follower.cursor())
    keeper.write(STDOUT, b"Ada\n")
    assert drain(follower, 11.0) == ["Ada"]
    assert drain(resumed, 11.0) == ["Ada"]


def test_who_wants_nothing_of_the_past_sees_no_old_prompt(keeper: ModelKeeper, folder: str) -> None:
    """`-n 0`: what stood unfinished before is shown when it goes on, and then whole."""
    keeper.write(STDOUT, b"Name: ")
    follower = Follower(folder, ["api"], lines=0)
    assert drain(follower, 10.0) == drain(follower, 20.0) == []
    assert follower.due is None
    keeper.write(STDOUT, b"Ada")
    assert drain(follower, 30.0) == []
    assert drain(follower, 30.2) == ["Name: Ada"]


def test_a_component_that_comes_later_is_followed(keeper: ModelKeeper, tmp_path: Path, folder: str) -> None:
    """A name without a log is followed from its first line on, when it has one."""
    follower = Follower(folder, ["api", "late"])
    keeper.line("one")
    assert drain(follower) == ["one"]
    resumed = Follower(folder, ["api", "late"], cursor=follower.cursor())
    ModelKeeper(tmp_path, "late").line("hello")
    assert drain(follower) == ["hello"]
    assert drain(resumed) == ["hello"]


def test_only_who_grew_is_looked_at(keeper: ModelKeeper, tmp_path: Path, folder: str) -> None:
    """With `grown` the other components cost nothing, and are not forgotten."""
    other = ModelKeeper(tmp_path, "db")
    follower = Follower(folder, ["api", "db"])
    keeper.line("a")
    other.line("b")
    assert texts(follower.poll(0.0, grown=["db"])) == ["b"]
    assert texts(follower.poll(0.0, grown=["api"])) == ["a"]
    assert texts(follower.poll(0.0, grown=[])) == []


def test_a_slow_follower_gets_pages(keeper: ModelKeeper, folder: str) -> None:
    """What one poll gives is bounded, and `more` says that there is more at once."""
    follower = Follower(folder, ["api"], page_bytes=2000)
    for number in range(100):
        keeper.line(f"n{number}")
    first = texts(follower.poll(0.0))
    assert 5 < len(first) < 15
    assert follower.more
    assert first + drain(follower) == [f"n{number}" for number in range(100)]


def test_a_lagging_follower_over_many_rotations_misses_only_what_has_gone(
    tmp_path: Path, folder: str
) -> None:
    """When rotation has removed what was not read yet, following goes on with the oldest that is left."""
    keeper = ModelKeeper(tmp_path, "api", max_files=2)
    follower = Follower(folder, ["api"])
    keeper.line("one")
    assert drain(follower) == ["one"]
    for text in ("two", "three", "four", "five"):
        keeper.rotate()
        keeper.line(text)
    assert drain(follower) == ["three", "four", "five"]
    keeper.line("six")
    assert drain(follower) == ["six"]


def test_clearing_is_no_end(keeper: ModelKeeper, folder: str) -> None:
    """After `--clear` the follower gives what is new, even from a longer file with the old inode."""
    keeper.line("old")
    follower = Follower(folder, ["api"])
    assert drain(follower) == ["old"]
    keeper.clear()
    for number in range(50):
        keeper.line(f"new {number}")
    assert drain(follower) == [f"new {number}" for number in range(50)]
    keeper.clear()
    assert drain(follower) == []
    keeper.line("newest")
    assert drain(follower) == ["newest"]


def test_following_selects_as_a_query_does(keeper: ModelKeeper, folder: str) -> None:
    """Stream, run, since and pattern hold for what comes as for what was."""
    follower = Follower(folder, ["api"], stream="stderr", grep="e[13]", since_ns=START_NS + 2 * MILLISECOND)
    for number in range(5):
        keeper.write(STDERR, b"e%d\n" % number)
        keeper.line(f"e{number}")
    assert drain(follower) == ["e3"]
    last = Follower(folder, ["api"], run="last")
    assert len(drain(last)) == 10
    keeper.next_run()
    keeper.line("next run")
    assert drain(last) == []


def test_a_query_and_a_follower_share_cursors(keeper: ModelKeeper, folder: str) -> None:
    """A reader who was too slow fetches by query what came since the follower's cursor, and the reverse."""
    keeper.line("one")
    follower = Follower(folder, ["api"])
    assert drain(follower) == ["one"]
    keeper.line("two")
    page = query(folder, ["api"], cursor=follower.cursor())
    assert texts(page.entries) == ["two"]
    keeper.line("three")
    assert drain(Follower(folder, ["api"], cursor=page.cursor)) == ["three"]


def test_a_log_probe_reads_from_the_beginning_of_its_run(keeper: ModelKeeper, folder: str) -> None:
    """Lines of other runs are none of its business, and a prompt without a newline is seen after 200 ms."""
    keeper.line("ready in run 1")
    keeper.next_run()
    probe = RunLines(folder, "api", 2)
    assert probe.poll(0.0) == []
    keeper.line("starting")
    assert probe.poll(0.0) == ["starting"]
    keeper.write(STDOUT, b"ready> ")
    assert probe.poll(1.0) == []
    assert probe.due == pytest.approx(1.2)
    found = probe.poll(1.2)
    assert first_match(compiled("^ready"), found) == "ready> "
    assert first_match(compiled("^never"), found) is None


def test_a_log_probe_may_be_there_before_the_log(tmp_path: Path, folder: str) -> None:
    """A probe that begins before the first start sees the first line."""
    probe = RunLines(folder, "api", 1)
    assert probe.poll(0.0) == []
    ModelKeeper(tmp_path, "api").line("hello")
    assert probe.poll(0.0) == ["hello"]
