"""`roost logs`: what it shows and how."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC
from pathlib import Path

import pytest

from cli.calling import roost
from cli.fake_daemon import FakeDaemon
from roost.cli import logsource
from roost.cli.logview import LogView, clock_text
from roost.cli.look import Look
from roost.platform.paths import ProjectPaths

Capture = pytest.CaptureFixture[str]


def entry(name: str = "api", text: str = "hello", **different: object) -> dict[str, object]:
    base = {"name": name, "at": "2026-01-01T00:00:00.123456Z", "stream": "stdout", "run": 1, "text": text}
    return {**base, "truncated": False, **different}


def write(paths: ProjectPaths, name: str, data: bytes, suffix: str = "") -> None:
    os.makedirs(paths.logs, exist_ok=True)
    Path(paths.log(name) + suffix).write_bytes(data)


# -- the view (pure) ---------------------------------------------------------------------------------


def test_a_line_has_time_name_and_text() -> None:
    """S30: in the merged view each line says when and by whom, names aligned."""
    view = LogView(Look(), ["api", "worker"], zone=UTC)
    assert view.line(entry()) == "2026-01-01 00:00:00.123Z api    | hello\n"


def test_times_and_names_can_be_left_out() -> None:
    """--no-timestamps; and one component alone needs no name."""
    view = LogView(Look(), ["api"], timestamps=False, prefix=False)
    assert view.line(entry(text="  indented ")) == "  indented\n"


def test_each_component_has_its_colour() -> None:
    """On a terminal the names are told apart by colour; stderr has a red bar."""
    view = LogView(Look(color=True), ["api", "db"], timestamps=False)
    first, second = view.line(entry("api")), view.line(entry("db"))
    assert first.split("m")[0] != second.split("m")[0]
    assert "\x1b[31m|" in view.line(entry(stream="stderr"))


def test_a_component_cannot_command_the_terminal() -> None:
    """P20: escape sequences in a line are harmless in the merged view."""
    view = LogView(Look(), ["api"], timestamps=False)
    assert view.line(entry(text="\x1b]0;x\x07\x1b[31mred\x1b[0m\x07")) == "api | red^G\n"


def test_local_time_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are local unless --utc is given; no time is a dash."""
    monkeypatch.setenv("TZ", "Etc/GMT-2")
    time.tzset()
    try:
        assert clock_text("2026-01-01T00:00:00Z", None) == "2026-01-01 02:00:00.000"
        assert clock_text("2026-01-01T00:00:00Z", UTC) == "2026-01-01 00:00:00.000Z"
        assert set(clock_text(None, None)) == {"-"}
    finally:
        monkeypatch.undo()
        time.tzset()


# -- from the files ----------------------------------------------------------------------------------


def test_without_a_daemon_the_files_are_read(paths: ProjectPaths, capsys: Capture) -> None:
    """S30, S50: all components by default, the last 100 lines; names choose, -n limits."""
    write(paths, "api", b"a1\na2\na3\n")
    write(paths, "db", b"d1\n")
    done = roost(capsys, "logs", "--no-timestamps")
    assert (done.code, done.err) == (0, "")
    assert sorted(done.out.splitlines()) == ["api | a1", "api | a2", "api | a3", "db  | d1"]
    assert roost(capsys, "logs", "api", "-n", "2", "--no-timestamps").out == "a2\na3\n"
    assert roost(capsys, "logs", "api", "--grep", "[13]", "--no-timestamps").out == "a1\na3\n"


def test_json_lines_are_entries(paths: ProjectPaths, capsys: Capture) -> None:
    """P16: --json prints one entry a line, in the shape of the interface."""
    write(paths, "api", "ü\n".encode())
    shown = json.loads(roost(capsys, "logs", "--json").out)
    assert (shown["name"], shown["text"], shown["truncated"]) == ("api", "ü", False)
    assert set(shown) == {"name", "at", "stream", "run", "text", "truncated"}


def test_no_lines_are_a_word_and_no_error(paths: ProjectPaths, capsys: Capture) -> None:
    """S50: empty logs are a plain message and exit 0; an unknown name is exit 4."""
    done = roost(capsys, "logs", "db")
    assert (done.code, done.out) == (0, "")
    assert "no log lines" in done.err
    write(paths, "db", b"one\n")
    assert roost(capsys, "logs", "db", "-n", "0") == (0, "", "")
    assert roost(capsys, "logs", "nobody").code == 4


def test_a_component_that_is_gone_still_has_its_log(paths: ProjectPaths, capsys: Capture) -> None:
    """What roost.yaml no longer has can be asked for by name, and does not disturb the view of all."""
    write(paths, "old", b"once\n")
    write(paths, "api", b"now\n")
    assert roost(capsys, "logs", "old", "--no-timestamps").out == "once\n"
    assert roost(capsys, "logs", "--no-timestamps").out == "api | now\n"
    following = logsource.followed(paths, logsource.Question(past=frozenset({"old"})))
    assert [each["text"] for each in next(following)] == ["now"]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("0", b""), ("1", b"\x1b[31mlast, unfinished"), ("2", b"second\r\n\x1b[31mlast, unfinished"),
        ("3", b"first\n" b"second\r\n\x1b[31mlast, unfinished"),
        ("99", b"old\nfirst\nsecond\r\n\x1b[31mlast, unfinished"),
    ],
)  # fmt: skip
def test_raw_is_the_bytes_as_written(
    lines: str, wanted: bytes, paths: ProjectPaths, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """S29: --raw adds nothing and takes nothing away, over rotations, down to the last unfinished line."""
    from roost.cli.__main__ import run

    write(paths, "api", b"old\n", ".1")
    write(paths, "api", b"first\nsecond\r\n\x1b[31mlast, unfinished")
    assert run(["logs", "api", "--raw", "-n", lines]) == 0
    assert capfdbinary.readouterr().out == wanted


def test_raw_finds_its_lines_across_blocks(
    paths: ProjectPaths, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last lines are found from the end, however the file falls into blocks."""
    from roost.cli import rawlogs
    from roost.cli.__main__ import run

    data = b"".join(b"line %d\n" % number for number in range(50))
    write(paths, "api", data)
    for block in (1, 2, 3, 7, 8, 64):
        monkeypatch.setattr(rawlogs, "_BLOCK", block)
        run(["logs", "api", "--raw", "-n", "12"])
        assert capfdbinary.readouterr().out == b"".join(data.splitlines(keepends=True)[-12:])


def test_clear_without_daemon_and_keeper_removes_the_files(paths: ProjectPaths, capsys: Capture) -> None:
    """--clear empties the logs of those that are named, and of nobody else."""
    for name in ("api", "api-2", "db"):
        write(paths, name, b"x\n")
    write(paths, "api", b"y\n", ".1")
    assert roost(capsys, "logs", "api", "--clear").out == "cleared: api\n"
    assert sorted(os.listdir(paths.logs)) == ["api-2.log", "db.log"]


@pytest.mark.parametrize(
    "beside",
    [("--since", "1h"), ("--grep", "x"), ("-n", "5"), ("--run", "1"), ("-f",), ("--json",)],
    ids=" ".join,
)
def test_clear_beside_anything_but_names_is_refused(
    paths: ProjectPaths, capsys: Capture, beside: tuple[str, ...]
) -> None:
    """Whoever means to empty a part of a log loses nothing, and is told what `--clear` does (P20)."""
    write(paths, "api", b"x\n")
    done = roost(capsys, "logs", "api", "--clear", *beside)
    assert (done.code, done.out) == (2, "")
    assert "--clear empties whole logs" in done.err and "leave -" in done.err
    assert Path(paths.log("api")).read_bytes() == b"x\n"


def test_clear_asks_a_daemon_that_runs(daemon: FakeDaemon, capsys: Capture) -> None:
    """The keeper writes these files, so the daemon has it empty them."""
    daemon.answers["logs.clear"] = lambda params, tell: {"cleared": params["names"]}
    assert roost(capsys, "logs", "--clear").out == "cleared: db, api\n"


# -- following ---------------------------------------------------------------------------------------


def test_following_goes_on_by_cursor_when_the_daemon_was_replaced(
    paths: ProjectPaths, daemon: FakeDaemon
) -> None:
    """P6: after a loss of the daemon the stream is asked for anew from where it was; nothing comes twice."""
    write(paths, "api", b"")
    daemon.streams["logs.stream"] = [("logs.entries", {"entries": [entry(text="one")], "cursor": CURSOR})]
    seen: list[str] = []
    question = logsource.Question(("api",))
    for burst in logsource.followed(paths, question):
        seen += [str(each["text"]) for each in burst]
        if len(seen) == 1:
            daemon.streams["logs.stream"] = [
                ("logs.entries", {"entries": [entry(text="two")], "cursor": "x"})
            ]
            daemon.drop_clients()
        elif len(seen) == 2:
            break
    asked = [params.get("cursor") for method, params in daemon.asked if method == "logs.stream"]
    assert seen == ["one", "two"]
    assert asked[0] is None and asked[1] is not None


CURSOR = "e30"  # the cursor that knows no component yet: {}


def test_following_without_a_daemon_sees_what_is_written(paths: ProjectPaths) -> None:
    """`logs -f` without a daemon follows the files alone."""
    write(paths, "api", b"before\n")

    def append() -> None:
        with open(paths.log("api"), "ab") as file:
            file.write(b"after\n")

    timer = threading.Timer(0.05, append)
    timer.start()
    seen: list[str] = []
    for burst in logsource.followed(paths, logsource.Question(("api",))):
        seen += [str(each["text"]) for each in burst]
        if len(seen) == 2:
            break
    timer.join(5)
    assert seen == ["before", "after"]


def test_a_reader_that_was_too_slow_asks_again(paths: ProjectPaths, daemon: FakeDaemon) -> None:
    """P12: told that something was dropped, one goes back to the cursor, so that no line is missing."""
    write(paths, "api", b"")
    daemon.streams["logs.stream"] = [
        ("logs.entries", {"entries": [entry(text="one")], "cursor": CURSOR}),
        ("logs.entries", {"lagged": 3}),
    ]
    bursts = logsource.followed(paths, logsource.Question(("api",)))
    assert [each["text"] for each in next(bursts)] == ["one"]
    daemon.streams["logs.stream"] = [("logs.entries", {"entries": [entry(text="two")]})]
    assert [each["text"] for each in next(bursts)] == ["two"]
    assert daemon.asked_for("logs.stream")["cursor"]


def test_what_comes_before_the_first_line_was_shown_is_not_lost(
    paths: ProjectPaths, daemon: FakeDaemon
) -> None:
    """P6: `logs -f -n 0`, and the daemon goes before anything came: one goes on from where the stream began."""
    write(paths, "api", b"")
    daemon.begun["logs.stream"] = {"cursor": CURSOR}
    daemon.streams["logs.stream"] = [("logs.entries", {"entries": []})]
    bursts = logsource.followed(paths, logsource.Question(("api",), lines=0))
    assert next(bursts) == []
    daemon.streams["logs.stream"] = [("logs.entries", {"entries": [entry(text="two")], "cursor": "x"})]
    daemon.drop_clients()
    assert [each["text"] for each in next(bursts)] == ["two"]
    asked = [params.get("cursor") for method, params in daemon.asked if method == "logs.stream"]
    assert asked[0] is None and asked[-1] is not None
