"""What is read back is what was written: for any writes, pauses, rotations and runs, however it is read."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.model_keeper import MILLISECOND, ModelKeeper
from roost.platform.logindex import STDERR, STDOUT
from roost.records import history
from roost.records.entries import STREAM_NUMBERS, LogEntry, Stream
from roost.records.follow import Follower, RunLines
from roost.records.logs import query

ALL = 10**9
quick = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))

streams = st.sampled_from([STDOUT, STDERR])
texts = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"\n\n", b"word ", b"\r\n", b"\xff"]), max_size=12).map(
    b"".join
)
steps = st.one_of(
    st.tuples(st.just("write"), streams, texts),
    st.tuples(st.just("pause"), st.sampled_from([1000, MILLISECOND, 50 * MILLISECOND, 300 * MILLISECOND])),
    st.tuples(st.just("rotate")),
    st.tuples(st.just("run")),
    st.tuples(st.just("poll")),
    st.tuples(st.just("resume")),
)
stories = st.lists(steps, max_size=40)


@contextmanager
def small_blocks() -> Iterator[None]:
    """Let every boundary between blocks and windows fall among a few bytes."""
    with (
        mock.patch("roost.records.tail.FIRST_BLOCK", 5),
        mock.patch("roost.records.logs.FIRST_BLOCK", 5),
        mock.patch("roost.records.logs._SMALLEST_BLOCK", 1),
        mock.patch("roost.records.tail.LARGEST_BLOCK", 7),
        mock.patch("roost.records.merge.FIRST_BLOCK", 3),
        mock.patch("roost.records.merge._LARGEST_WINDOW", 11),
        mock.patch("roost.records.opened._BLOCK", 2),
        mock.patch("roost.records.index._FIRST_BLOCK", 1),
        mock.patch("roost.records.index._BLOCK", 3),
    ):
        yield


@contextmanager
def keepers(*names: str, max_size: int = 40) -> Iterator[list[ModelKeeper]]:
    """A model keeper for each name, in one folder that goes at the end; nobody pauses between two looks."""
    no_pause = mock.patch.object(history, "_PAUSE", 0.0)
    with tempfile.TemporaryDirectory() as folder, small_blocks(), no_pause:
        yield [ModelKeeper(Path(folder), name, max_size) for name in names]


def folder_of(keeper: ModelKeeper) -> str:
    return str(Path(keeper.log).parent)


def act(keeper: ModelKeeper, step: tuple[object, ...]) -> None:
    match step:
        case ("write", int(stream), bytes(data)):
            keeper.write(stream, data)
        case ("pause", int(nanoseconds)):
            keeper.advance(nanoseconds)
        case ("rotate",):
            keeper.rotate()
        case ("run",):
            keeper.next_run()
        case _:
            pass


def expected(keeper: ModelKeeper) -> dict[tuple[int, int], list[str]]:
    return {
        source: [line.removesuffix(b"\r").decode("utf-8", "backslashreplace") for line in lines]
        for source, lines in keeper.lines().items()
    }


def by_source(entries: Iterable[LogEntry]) -> dict[tuple[int, int], list[str]]:
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for entry in entries:
        assert entry.run is not None
        assert entry.stream is not None
        found[entry.run, STREAM_NUMBERS[entry.stream]].append(entry.text)
    return dict(found)


def finished(entries: list[LogEntry], keeper: ModelKeeper) -> list[LogEntry]:
    """Without the last of each source whose last line has no end: they are told later than they came."""
    torn = {source for source, data in keeper.written.items() if not data.endswith(b"\n")}
    found: list[LogEntry] = []
    for entry in reversed(entries):
        source = (entry.run or 0, STREAM_NUMBERS[entry.stream or "stdout"])
        if source in torn:
            torn.discard(source)
        else:
            found.insert(0, entry)
    return found


def all_pages(folder: str, names: list[str], lines: int | None, page_bytes: int) -> list[LogEntry]:
    entries: list[LogEntry] = []
    cursor = None
    while True:
        page = query(folder, names, lines=lines, cursor=cursor, page_bytes=page_bytes)
        entries += page.entries
        cursor = page.cursor
        if not page.more:
            return entries
        assert page.entries, "a page that promises more must bring us on"


@quick
@given(stories)
def test_the_last_lines_are_the_last_lines(story: list[tuple[object, ...]]) -> None:
    """Asked for more lines than there are, a query gives each stream's lines, complete and in order (P13)."""
    with keepers("api") as [keeper]:
        for step in story:
            act(keeper, step)
        page = query(folder_of(keeper), ["api"], lines=ALL)
        assert by_source(page.entries) == expected(keeper)
        assert not page.more
        times = [entry.at_ns for entry in finished(page.entries, keeper)]
        assert times == sorted(times)


@quick
@given(stories, st.integers(0, 12))
def test_n_lines_are_the_end_of_all_lines(story: list[tuple[object, ...]], count: int) -> None:
    """`-n N` gives exactly the last N of what a query for everything gives."""
    with keepers("api") as [keeper]:
        for step in story:
            act(keeper, step)
        everything = query(folder_of(keeper), ["api"], lines=ALL).entries
        some = query(folder_of(keeper), ["api"], lines=count).entries
        assert some == everything[len(everything) - min(count, len(everything)) :]


@quick
@given(stories, st.sampled_from([None, ALL, 9]), st.integers(1, 900))
def test_pages_join_to_the_whole(story: list[tuple[object, ...]], lines: int | None, page_bytes: int) -> None:
    """Page by page, by cursor, forwards or from the last N, every line comes once and in order."""
    with keepers("api") as [keeper]:
        for step in story:
            act(keeper, step)
        whole = query(folder_of(keeper), ["api"], lines=ALL if lines is None else lines).entries
        pages = all_pages(folder_of(keeper), ["api"], lines, page_bytes)
        assert by_source(pages) == by_source(whole)
        assert sorted(pages) == sorted(whole)


@quick
@given(stories, st.integers(150, 900))
def test_a_follower_gets_every_line_once(story: list[tuple[object, ...]], page_bytes: int) -> None:
    """Polled at any moments and resumed by cursor, over rotations and runs, no line is lost or doubled."""
    with keepers("api") as [keeper]:
        folder = folder_of(keeper)
        follower = Follower(folder, ["api"], page_bytes=page_bytes)
        entries: list[LogEntry] = []
        for step in story:
            act(keeper, step)
            if step[0] in ("poll", "resume"):
                entries += follower.poll(now=0.0)
            if step[0] == "resume":
                follower = Follower(folder, ["api"], cursor=follower.cursor(), page_bytes=page_bytes)
        for now in (0.0, 1.0, 1.0):
            entries += follower.poll(now)
            while follower.more:
                entries += follower.poll(now)
        assert by_source(entries) == expected(keeper)
        assert follower.due is None


@quick
@given(stories)
def test_impatience_tears_lines_but_loses_nothing(story: list[tuple[object, ...]]) -> None:
    """A follower that shows unfinished lines after 200 ms still gives every byte once, also when resumed."""
    with keepers("api") as [keeper]:
        folder, now = folder_of(keeper), 0.0
        follower = Follower(folder, ["api"])
        entries: list[LogEntry] = []
        for step in [*story, ("poll",), ("poll",), ("poll",)]:
            act(keeper, step)
            now += 0.15
            if step[0] in ("poll", "resume"):
                entries += follower.poll(now)
                while follower.more:
                    entries += follower.poll(now)
            if step[0] == "resume":
                follower = Follower(folder, ["api"], cursor=follower.cursor())
        joined = {source: "".join(lines) for source, lines in by_source(entries).items()}
        wanted = {source: "".join(lines) for source, lines in expected(keeper).items()}
        # a line torn before its \n keeps the \r that an untorn one loses
        assert _without_returns(joined) == _without_returns(wanted)


def _without_returns(texts: dict[tuple[int, int], str]) -> dict[tuple[int, int], str]:
    return {source: text.replace("\r", "") for source, text in texts.items() if text.replace("\r", "")}


@quick
@given(stories, stories)
def test_components_merge_by_time(one: list[tuple[object, ...]], two: list[tuple[object, ...]]) -> None:
    """Two components' lines are merged by time, each complete and in order (S30)."""
    with keepers("api", "db") as [api, db]:
        for keeper, story in ((api, one), (db, two)):
            for step in story:
                act(keeper, step)
        folder = folder_of(api)
        back = query(folder, ["api", "db"], lines=ALL).entries
        forth = all_pages(folder, ["api", "db"], None, 700)
        paged = all_pages(folder, ["api", "db"], ALL, 700)
        for entries in (back, forth, paged):
            assert by_source(e for e in entries if e.name == "api") == expected(api)
            assert by_source(e for e in entries if e.name == "db") == expected(db)
        some = query(folder, lines=7).entries
        assert some == back[len(back) - len(some) :]


@quick
@given(stories, streams, st.integers(1, 4))
def test_stream_and_run_select(story: list[tuple[object, ...]], stream: int, run: int) -> None:
    """`--stream` and `--run` give exactly the lines of that stream and run; `last` is the newest run."""
    with keepers("api") as [keeper]:
        for step in story:
            act(keeper, step)
        folder, wanted = folder_of(keeper), expected(keeper)
        name: Stream = "stdout" if stream == STDOUT else "stderr"
        found = by_source(query(folder, ["api"], lines=ALL, stream=name).entries)
        assert found == {source: lines for source, lines in wanted.items() if source[1] == stream}
        for lines in (ALL, None):
            found = by_source(query(folder, ["api"], lines=lines, run=run).entries)
            assert found == {source: lines for source, lines in wanted.items() if source[0] == run}
        newest = max((source[0] for source in wanted), default=0)
        found = by_source(query(folder, ["api"], lines=ALL, run="last").entries)
        assert found == {source: lines for source, lines in wanted.items() if source[0] == newest}


@quick
@given(stories, st.integers(1, 4))
def test_a_log_probe_sees_its_run(story: list[tuple[object, ...]], run: int) -> None:
    """RunLines gives the lines of one run from its beginning, whenever it is asked."""
    with keepers("api") as [keeper]:
        reader = RunLines(folder_of(keeper), "api", run)
        texts: list[str] = []
        for step in story:
            act(keeper, step)
            if step[0] == "poll":
                texts += reader.poll(now=0.0)
        for now in (0.0, 1.0, 2.0):
            texts += reader.poll(now)
        wanted = [line for source, lines in expected(keeper).items() if source[0] == run for line in lines]
        assert sorted(texts) == sorted(wanted)


@pytest.mark.parametrize("damage", ["missing", "empty", "torn", "short", "beyond", "back", "noise"])
@quick
@given(story=stories, cut=st.integers(0, 400), noise=st.binary(min_size=24, max_size=72))
def test_a_damaged_index_hides_nothing(
    damage: str, story: list[tuple[object, ...]], cut: int, noise: bytes
) -> None:
    """Whatever happened to an index, a query shows every byte of the log once.

    So do pages and followers, but where damage looks like an index: there two readings may see two orders.
    """
    with keepers("api", max_size=ALL) as [keeper]:
        for step in story:
            if step[0] != "rotate":
                act(keeper, step)
        spoil(Path(keeper.index), damage, cut, noise)
        data = Path(keeper.log).read_bytes()
        folder = folder_of(keeper)
        follower = Follower(folder, ["api"], lines=ALL)
        followed = follower.poll(0.0)
        followed += [*follower.poll(0.0), *follower.poll(1.0)]
        paged = all_pages(folder, ["api"], None, 400)
        at_once = query(folder, ["api"], lines=ALL).entries
        for entries in [at_once] if damage == "noise" else [at_once, paged, followed]:
            shown = sorted(character for entry in entries for character in entry.text if character != "\r")
            written = data.decode("utf-8", "backslashreplace").replace("\n", "").replace("\r", "")
            assert shown == sorted(written)


def spoil(index: Path, damage: str, cut: int, noise: bytes) -> None:
    content = index.read_bytes()
    records = [content[at : at + 24] for at in range(0, len(content), 24)]
    match damage:
        case "missing":
            index.unlink()
        case "empty":
            index.write_bytes(b"")
        case "torn":
            index.write_bytes(content[: -(cut % 24)] if cut % 24 else content)
        case "short":
            index.write_bytes(content[: cut - cut % 24])
        case "beyond":
            index.write_bytes(content + noise[:8] + content[8:24] if content else noise)
        case "back":
            index.write_bytes(b"".join(reversed(records)))
        case _:
            at = cut % (len(content) + 1)
            index.write_bytes(content[:at] + noise + content[at + len(noise) :])
