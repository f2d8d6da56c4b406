"""From the pipes into the log: completeness, order, whole lines, rotation, growth."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from keeper.harness import House, python, until
from roost.platform import logindex
from roost.records.logs import query

COUNTER = """
import os, sys
for number in range({count}):
    os.write(1, b"%d\\n" % number)
"""
TWO_STREAMS = """
import os, random
seed = random.Random(1)
numbers = {1: 0, 2: 0}
rest = {1: b"", 2: b""}
for _ in range(3000):
    fd = seed.choice((1, 2))
    for _ in range(seed.randrange(1, 40)):
        rest[fd] += b"%d:%06d " % (fd, numbers[fd]) + b"x" * seed.randrange(200) + b"\\n"
        numbers[fd] += 1
    cut = seed.randrange(len(rest[fd]) + 1)
    os.write(fd, rest[fd][:cut])
    rest[fd] = rest[fd][cut:]
for fd in (1, 2):
    os.write(fd, rest[fd])
os.write(1, b"end %d %d\\n" % (numbers[1], numbers[2]))
"""


def test_all_output_is_in_the_log_before_the_exit_is_told(house: House) -> None:
    """At the moment of `exited` every byte is there, the last ones included (S65)."""
    client = house.start()
    for run in range(1, 21):
        house.spawn(client, "api", python(COUNTER.format(count=run * 50)), run=run)
        client.event("exited", "api", run)
        lines = house.log("api").split()
        assert len(lines) == sum(number * 50 for number in range(1, run + 1))
    assert lines[-1] == b"999"


def test_two_streams_never_tear_each_others_lines(house: House) -> None:
    """Read by its index, each stream is complete, in order and free of the other's bytes (P13)."""
    client = house.start()
    log = {"max_size": 10**9, "max_files": 1}
    house.spawn(client, "api", python(TWO_STREAMS), log=log)
    client.event("exited", "api", timeout=120)
    first, second = (int(word) for word in house.lines("api", 1)[-1].split()[1:])
    for number, count in ((1, first), (2, second)):
        lines = [line for line in house.lines("api", number) if not line.startswith(b"end")]
        assert [line[:9] for line in lines] == [b"%d:%06d " % (number, line) for line in range(count)]


def test_whole_lines_of_two_streams_lie_whole_in_the_file(house: House) -> None:
    """Where each write is whole lines, so is the file, whichever stream is faster (P13, D2).

    Unless the system lets the writer wait in the middle of a write for longer than an open line is waited for.
    """
    client = house.start()
    code = """
import os
for number in range(2000):
    fd = 1 + number % 2
    os.write(fd, b"".join(b"%d:%s\\n" % (fd, b"x" * (number % 300)) for _ in range(number % 30)))
"""
    house.spawn(client, "api", python(code), log={"max_size": 10**9, "max_files": 1})
    client.event("exited", "api", timeout=120)
    house.check_tears("api")
    lines = [line for stream in (1, 2) for line in house.lines("api", stream)]
    assert len(lines) == sum(number % 30 for number in range(2000))
    assert all(line[:2] in (b"1:", b"2:") and not line[2:].strip(b"x") for line in lines)


def test_merged_output_keeps_the_order_of_writing(house: House) -> None:
    """One pipe for both streams: true order, and stream 0 in the index."""
    client = house.start()
    code = "import os\nfor n in range(500): os.write(1 + n % 2, b'%d\\n' % n)"
    house.spawn(client, "api", python(code), streams="merged")
    client.event("exited", "api")
    assert house.log("api").split() == [b"%d" % number for number in range(500)]
    assert {piece.stream for piece in house.pieces("api")} == {logindex.MERGED}


def test_an_unfinished_line_reaches_the_log_and_holds_the_other_stream_for_200_ms(house: House) -> None:
    """A prompt without newline is in the log at once; the other stream follows when it is old (P13)."""
    client = house.start()
    pause = "time.sleep({})"
    code = f"import os, time; os.write(1, b'password: '); {pause.format(0.05)}; os.write(2, b'warning\\n'); "
    code += pause.format(60)
    house.spawn(client, "api", python(code))
    path = Path(house.paths.log("api"))
    until(lambda: path.exists() and path.read_bytes() == b"password: warning\n")
    prompt, warning = house.pieces("api")
    assert (warning.at - prompt.at) / 1e9 > 0.15
    assert [(piece.stream, piece.data) for piece in (prompt, warning)] == [
        (1, b"password: "),
        (2, b"warning\n"),
    ]


def test_a_log_goes_on_over_runs(house: House) -> None:
    """A new run appends; the index says which bytes are whose."""
    client = house.start()
    for run, text in ((1, "one"), (2, "two\n")):
        house.spawn(client, "api", ["/usr/bin/printf", text], run=run)
        client.event("drained", "api", run)
    assert [(piece.run, piece.data) for piece in house.pieces("api")] == [(1, b"one"), (2, b"two\n")]


def test_times_in_the_index_never_go_back(house: House) -> None:
    """Neither within a run nor from one to the next, and they are the time of arrival (P13)."""
    client = house.start()
    before = time.time_ns()
    for run in (1, 2, 3):
        house.spawn(client, "api", python(COUNTER.format(count=3000)), run=run)
        client.event("drained", "api", run)
    records = house.index("api")
    times = [record[1] for record in records]
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= time.time_ns()
    offsets = [record[0] for record in records]
    assert offsets == sorted(offsets)


def test_rotation_is_by_size_between_lines_and_bounded(house: House) -> None:
    """Files of about the size asked for, no line cut, only so many kept, each with its own index (P14)."""
    client = house.start()
    house.spawn(client, "api", python(COUNTER.format(count=60000)), log={"max_size": 50_000, "max_files": 3})
    client.event("drained", "api", timeout=120)
    files = house.files(house.paths.log("api"))
    assert [path.name for path in files] == ["api.log.3", "api.log.2", "api.log.1", "api.log"]
    assert [path.name for path in house.files(house.paths.index("api"))] == [
        "api.idx.3",
        "api.idx.2",
        "api.idx.1",
        "api.idx",
    ]
    for path in files[:-1]:
        assert 50_000 <= path.stat().st_size < 60_000
        assert path.read_bytes().endswith(b"\n")
    numbers = [int(line) for line in house.log("api").split()]
    assert numbers == list(range(numbers[0], 60000))
    first = Path(logindex.rotated(house.paths.index("api"), 2)).read_bytes()
    assert logindex.unpack(first)[0] == 0


def test_a_line_without_end_is_rotated_all_the_same(house: House) -> None:
    """Output without any newline cannot fill the disk (P14)."""
    client = house.start()
    code = "import os\nfor _ in range(100): os.write(1, b'x' * 65536)"
    house.spawn(client, "api", python(code), log={"max_size": 100_000, "max_files": 2})
    client.event("drained", "api")
    sizes = [path.stat().st_size for path in house.files(house.paths.log("api"))]
    assert len(sizes) == 3
    assert max(sizes) <= 100_000 + 1024 * 1024 + 65536


def test_clearing_begins_a_new_log_while_the_component_runs(house: House) -> None:
    """`log` with `clear` drops what was kept, live and rotated, and what comes is kept (logs --clear)."""
    client = house.start()
    code = "import os, sys, time\nfor n in range(10**6): os.write(1, b'line %d\\n' % n); time.sleep(.0005)"
    house.spawn(client, "api", python(code), log={"max_size": 500, "max_files": 2})
    until(lambda: len(house.files(house.paths.log("api"))) == 3)
    before = house.log("api").splitlines()[-2]
    client.call("log", name="api", clear=True, max_size=10**6)
    until(lambda: len(house.files(house.paths.log("api"))) == 1 and house.log("api").count(b"\n") > 20)
    after = house.log("api").splitlines()[:-1]
    if not after[0].startswith(b"line "):  # the end of one whose beginning went
        del after[0]
    numbers = [int(line.split()[1]) for line in after]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[0] > int(before.split()[1])


def test_growth_is_told_to_who_watches_and_not_too_often(house: House) -> None:
    """`grew` comes for watched names alone, at most every 20 ms, and the last one is true."""
    client = house.start()
    client.call("watch", names=["api"])
    code = """
import os, time
for n in range(1000):
    while n == 500 and not os.path.exists("go"): time.sleep(.01)
    os.write(1, b'x\\n'); time.sleep(.001)
"""
    began = time.monotonic()
    house.spawn(client, "other", python(code))
    house.spawn(client, "api", python(code))

    def grown_to(size: int) -> bool:
        client.settle(0.05)
        return any(event["event"] == "grew" and event["size"] == size for event in client.events)

    until(lambda: grown_to(1000), what="a true word about the first half")
    (Path(house.paths.root) / "go").touch()
    client.event("exited", "api")
    client.event("exited", "other")
    until(lambda: grown_to(2000), what="a true word about the whole")
    seconds = time.monotonic() - began
    grown = [event for event in client.events if event["event"] == "grew"]
    assert {event["name"] for event in grown} == {"api"}
    assert grown[-1]["size"] == 2000
    assert 2 <= len(grown) <= seconds / 0.02 + 2


def test_a_log_that_is_emptied_behind_our_back_goes_on(house: House) -> None:
    """`> api.log` by hand makes no hole: what comes is written from the beginning."""
    client = house.start()
    code = """
import os, time
for n in range(20): os.write(1, b'line %02d\\n' % n)
while not os.path.exists("go"): time.sleep(.01)
time.sleep(.05)
for n in range(10**6): os.write(1, b'line %d\\n' % n); time.sleep(.003)
"""
    house.spawn(client, "api", python(code))
    path = Path(house.paths.log("api"))
    until(lambda: path.exists() and path.stat().st_size == 160)
    os.truncate(
        path, 0
    )  # while nobody writes: between a look at the size and a write there is nothing to be done
    (Path(house.paths.root) / "go").touch()
    until(lambda: path.stat().st_size > 100)
    assert b"\0" not in path.read_bytes()
    assert house.index("api")[0][0] == 0


def test_removed_log_files_are_made_anew(house: House) -> None:
    """`rm -rf .roost/logs` under a running component: logging goes on after the next look (P3b)."""
    client = house.start()
    code = "import os, time\nfor n in range(10**6): os.write(1, b'line %d\\n' % n); time.sleep(.01)"
    house.spawn(client, "api", python(code))
    path = Path(house.paths.log("api"))
    until(lambda: path.exists() and path.stat().st_size > 20)
    for file in Path(house.paths.logs).iterdir():
        file.unlink()
    until(lambda: path.exists() and path.stat().st_size > 20)


@pytest.mark.parametrize("streams", ["separate", "merged"])
def test_bytes_of_any_kind_come_through(house: House, streams: str) -> None:
    """NUL, invalid UTF-8, carriage returns: nothing is added, changed or left out (P20)."""
    client = house.start()
    code = "import os\nfor _ in range(50): os.write(1, bytes(range(256)))"
    house.spawn(client, "api", python(code), streams=streams)
    client.event("exited", "api")
    assert house.log("api") == bytes(range(256)) * 50


FLOODS = """
import os
number = {{1: 0, 2: 0}}
for turn in range({turns}):
    fd = 1 + turn % 2
    lines = b""
    for _ in range(200):
        lines += b"%d:%06d " % (fd, number[fd]) + b"x" * (number[fd] * 7 % 150) + b"\\n"
        number[fd] += 1
    if turn == 5:
        lines += b"%d:%06d " % (fd, number[fd]) + b"x" * 700_000 + b"\\n"
        number[fd] += 1
    view = memoryview(lines)
    while view:
        view = view[os.write(fd, view):]
os.write(1, b"end")
"""


def test_ten_floods_at_once_and_nobody_waits(house: House) -> None:
    """S46, P12, P13: separate and merged, a huge line in each, an end in mid-line: all is there, whole, in order."""
    client = house.start()
    names = [f"flood{number}" for number in range(10)]
    began = time.monotonic()
    for number, name in enumerate(names):
        streams = "merged" if number % 2 else "separate"
        log = {"max_size": 500_000, "max_files": 1000}
        house.spawn(client, name, python(FLOODS.format(turns=60)), log=log, streams=streams)
    answers = []
    while len({event["name"] for event in client.events if event["event"] == "exited"}) < len(names):
        asked = time.monotonic()
        client.call("list")
        answers.append(time.monotonic() - asked)
        client.settle(0.01)
        assert time.monotonic() - began < 60
    assert sorted(answers)[len(answers) // 2] < 0.1
    for number, name in enumerate(names):
        found = query(house.paths.logs, [name], lines=None)
        entries = list(found.entries)
        while found.more:
            found = query(house.paths.logs, [name], cursor=found.cursor, lines=None)
            entries += found.entries
        texts = [entry.text for entry in entries]
        assert texts.count("end") == 1
        for stream in (1, 2):
            mine = [text for text in texts if text.startswith(f"{stream}:")]
            assert [int(text[2:8]) for text in mine] == list(range(len(mine)))
            assert len(mine) == 6000 + (stream == 2)
            assert {len(text.partition(" ")[2]) for text in mine} <= {*range(150), 65536 - 9}
        if number % 2 == 0:
            assert {(entry.stream, entry.text[:1]) for entry in entries} == {
                ("stdout", "1"),
                ("stderr", "2"),
                ("stdout", "e"),
            }
