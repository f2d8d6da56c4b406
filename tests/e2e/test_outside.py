"""What another program sees that knows only the contract, at its edges: streams, events, odd requests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import ProjectUnderTest, delete_tree, eventually, is_running, roost_command

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
posix = pytest.mark.skipif(os.name != "posix", reason="shell redirections")


def through_a_shell(project: ProjectUnderTest, line: str) -> subprocess.CompletedProcess[str]:
    env = {**project.env, "R": roost_command()[0]}
    return subprocess.run(
        ["sh", "-c", line], cwd=project.root, env=env, capture_output=True, text=True, timeout=120
    )


@posix
@pytest.mark.skipif(len(roost_command()) != 1, reason="the command under test is more than one word")
def test_streams_that_are_closed_are_like_the_null_device(project: ProjectUnderTest) -> None:
    """P20: `>&-` and its like harm nothing: no stack trace, and the exit code is that of the work."""
    project.components(web={"run": STAY})
    for line in (
        "$R up <&- >&- 2>&-",
        "$R status >&-",
        "$R status 2>&-",
        "$R why web <&- >&-",
        "$R --help >&-",
    ):
        done = through_a_shell(project, line)
        assert (done.returncode, done.stderr) == (0, ""), (line, done)
    assert through_a_shell(project, "$R nope >&- 2>&-").returncode == 2
    assert through_a_shell(project, "$R down <&- >&- 2>&-").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.skipif(len(roost_command()) != 1, reason="the command under test is more than one word")
@pytest.mark.parametrize(
    "line", ["version", "status", "status --json", "schema", "logs", "logs --raw", "up", "down"]
)
def test_an_output_that_cannot_be_written_is_said_and_is_a_failure(
    project: ProjectUnderTest, line: str
) -> None:
    """P20: a full disk behind standard output: one clear sentence and exit 1, never an interpreter's complaint."""
    project.components(web={"run": STAY})
    project.up()
    eventually(lambda: project.log_lines("web"), what="a line in the log")
    done = through_a_shell(project, f"$R {line} > /dev/full")
    assert done.returncode == 1, done
    assert done.stderr.splitlines()[0] == (
        "roost: standard output cannot be written to: No space left on device"
    ), done


def test_a_replaced_daemon_is_not_called_a_lost_one(project: ProjectUnderTest) -> None:
    """P6, S24: the event of a `daemon restart` says that it was asked for; all its times are RFC 3339."""
    project.components(web={"run": STAY})
    project.up()
    project.roost("daemon", "restart", check=True)
    first, second = [one for one in project.events() if one["kind"] == "daemon_started"]
    assert first["data"]["before"] is None
    assert "asked" in second["message"] and "unexpectedly" not in second["message"]
    before = second["data"]["before"]
    assert set(before) == {"code", "signal", "at", "uptime_s"}
    assert TIME.fullmatch(before["at"])


@pytest.mark.skipif(os.name != "posix", reason="on Windows the components end with their keeper")
def test_a_new_keeper_and_what_it_takes_over_are_events(project: ProjectUnderTest) -> None:
    """P2, P7: `keeper_started` once for each keeper, `adopted` for each component that went on under another."""
    project.components(web={"run": STAY})
    project.up()
    pid = project.pids()["web"]
    started = [one for one in project.events() if one["kind"] == "keeper_started"]
    assert [one["data"]["adopted"] for one in started] == [[]]
    project.kill_both()
    project.roost("up", check=True)
    assert project.pids()["web"] == pid

    def told() -> list[dict[str, Any]]:
        return [one for one in project.events() if one["kind"] in ("keeper_started", "adopted")][1:]

    keeper, adopted = eventually(lambda: told() if len(told()) == 2 else None, what="both events")
    assert (keeper["kind"], keeper["data"]["adopted"]) == ("keeper_started", ["web"])
    assert (adopted["kind"], adopted["component"], adopted["run"]) == ("adopted", "web", 1)
    assert adopted["data"] == {"pid": pid}


def test_why_of_a_group_is_why_its_first_member_is_not_ready(project: ProjectUnderTest) -> None:
    """P10: NAME stands for all replicas in `why`, too; what cannot mean several names them."""
    project.components(web={"run": STAY, "replicas": 3})
    project.up()
    project.roost("stop", "web-2", check=True)
    answer = project.roost("why", "web", "--json", check=True).json
    assert (answer["component"], answer["ready"]) == ("web-2", False)
    done = project.roost("exec", "web", "--", "true", check=4)
    assert "web-1, web-2, web-3" in done.err


@posix
def test_an_argument_that_is_not_utf8_is_refused_in_words(project: ProjectUnderTest) -> None:
    """P20: it cannot be sent, and that is what is said."""
    project.components(web={"run": STAY})
    project.up()
    for command in ("start", "stop", "why", "signal"):
        done = project.roost(command, os.fsdecode(b"\xff"))
        assert done.code in (2, 4), str(done)
        assert "JSON" not in done.err, str(done)


def test_odd_values_in_calls_are_refused_as_such(project: ProjectUnderTest) -> None:
    """P20, S38: a NUL in a path, a run number below one: wrong parameters, no error of the daemon's own."""
    project.components(web={"run": STAY})
    project.up()
    odd = {
        "config.check": {"path": "a\0b"},
        "logs.query": {"run": 0},
        "logs.stream": {"run": -1},
    }
    for method, params in odd.items():
        done = project.roost("call", method, json.dumps(params), check=2)
        assert done.err.startswith(f"roost: {method}"), str(done)
    for parameter in ("since", "until"):
        done = project.roost("call", "logs.query", json.dumps({parameter: "noonish"}), check=2)
        assert done.err.startswith(f"roost: {parameter}: 'noonish' is no time"), str(done)


@posix
def test_what_is_deleted_by_itself_comes_back(project: ProjectUnderTest) -> None:
    """P3b: each file of ours that is removed is made anew, and without its record nothing is started twice."""
    project.components(web={"run": STAY})
    project.up()
    before = project.pids()
    names = ["daemon.pid", "daemon.json", "state.json", ".gitignore", "runs/web.json"]
    eventually(lambda: all((project.state / name).exists() for name in names), what="all of them")
    for name in names:
        (project.state / name).unlink()
    for name in names:
        eventually(lambda name=name: (project.state / name).exists(), what=f"another {name}")  # type: ignore[misc]
    record = json.loads((project.state / "runs/web.json").read_text())
    assert (record["pid"], record["run"]) == (before["web"], 1)


@posix
def test_after_both_folders_were_deleted_nothing_starts_twice_even_without_us(
    project: ProjectUnderTest,
) -> None:
    """P3b, P2: the records come back, too: keeper and daemon may then be killed, and `up` finds what runs."""
    project.components(web={"run": STAY})
    project.up()
    before = project.pids()
    run_folder = Path(project.status()["daemon"]["endpoint"].removeprefix("unix:")).parent
    delete_tree(run_folder)
    delete_tree(project.state)
    eventually(lambda: (project.state / "runs/web.json").exists(), what="another record")
    eventually(lambda: project.roost("status").code == 0, what="the daemon again")
    project.kill_both()
    project.roost("up", check=True)
    assert project.pids()["web"] == before["web"]
    assert is_running(before["web"])


def test_events_come_in_pages_too(project: ProjectUnderTest) -> None:
    """INTERFACES §6: a list has at most 512 KiB an answer, with `cursor` and `more`; `events` shows all."""
    project.components(web={"run": STAY})
    project.up()
    project.down()
    event = {"at": "2026-01-31T12:00:00.000000Z", "kind": "probe", "component": "web", "run": 1}
    with (project.state / "events.jsonl").open("a", encoding="utf-8") as file:
        for seq in range(1000, 3000):
            file.write(json.dumps({"seq": seq, **event, "message": "m" * 400, "data": {}}) + "\n")
    project.up()

    def page(**params: object) -> dict[str, Any]:
        done = project.roost("call", "events.query", json.dumps({"limit": 10_000, **params}), check=True)
        answer: dict[str, Any] = done.json
        assert len(json.dumps(answer, separators=(",", ":"))) <= 512 * 1024
        return answer

    pages = [page()]
    while pages[-1]["more"]:
        pages.append(page(since=pages[-1]["cursor"]))
    seen = [one["seq"] for answer in pages for one in answer["events"]]
    assert len(pages) > 1
    assert set(range(1000, 3000)) <= set(seen) and seen == sorted(set(seen))
    shown = [one["seq"] for one in project.roost("events", "--json", "-n", 10_000, check=True).json_lines]
    assert shown[: len(seen)] == seen
