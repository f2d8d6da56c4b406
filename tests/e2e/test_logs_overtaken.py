"""Readers overtaken by rotation: told to the byte what went before they came to it, and given what is left."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import roost
from e2e.harness import PATIENCE, ProjectUnderTest, eventually, program

MEGABYTES = 40
FLOOD = MEGABYTES * (1 << 20) // 100 * 100  # bytes that the flood writes, in lines of 100
BEGUN = b"begun\n"


pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell's quotes; a pipe that is not read")


def begin(project: ProjectUnderTest) -> None:
    """A component that says that it has begun, and floods when the file `go` is there; 6 MB of its log are kept."""
    wait = "echo begun; until test -e go; do sleep 0.05; done; exec"
    project.components(
        api={
            "type": "task",
            "run": f"{wait} {shlex.join(program('flood', MEGABYTES))}",
            "log": {"max_size": "2MB", "max_files": 2},
        }
    )
    project.up("--no-wait")
    eventually(lambda: project.log_bytes("api").startswith(BEGUN), what="the first line")


def flood(project: ProjectUnderTest) -> None:
    """Let it go, and wait for its end: all that it wrote has been in the log, and most of it has gone."""
    project.file("go", "")
    project.wait_state("api", "completed")
    assert len(project.log_bytes("api")) < FLOOD / 4


def size(entries: list[dict[str, Any]]) -> int:
    """How many bytes these lines had; a line that was cut by the loss has no newline."""
    return sum(len(entry["text"]) + (not entry["truncated"]) for entry in entries)


def assert_rising(entries: list[dict[str, Any]]) -> None:
    """Lines of the flood in their order, none of them twice, up to the last."""
    numbers = [int(entry["text"][:12]) for entry in entries if not entry["truncated"]]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == FLOOD // 100 - 1


@contextmanager
def subscribed(project: ProjectUnderTest, **params: object) -> Iterator[Callable[[], dict[str, Any]]]:
    """A `logs.stream` on a socket of its own; what comes is read, message by message, when it is asked for."""
    endpoint = json.loads((project.state / "daemon.json").read_text())["endpoint"].removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(endpoint)
        link.settimeout(PATIENCE)
        request = {"jsonrpc": "2.0", "id": 1, "method": "logs.stream", "params": {"names": ["api"], **params}}
        link.sendall(json.dumps(request).encode() + b"\n")
        with link.makefile("rb") as messages:
            yield lambda: json.loads(messages.readline())


def test_a_slow_client_is_told_what_it_missed(project: ProjectUnderTest) -> None:
    """INTERFACES.md §6: `lagged`, and in `missed` how many bytes; with what came they are all that was written."""
    begin(project)
    with subscribed(project, lines=10) as read:
        assert "subscription" in read()["result"]
        assert [entry["text"] for entry in read()["params"]["entries"]] == ["begun"]
        flood(project)
        entries: list[dict[str, Any]] = []
        missed = lagged = 0
        while size(entries) + missed < FLOOD:
            params = read()["params"]
            entries += params["entries"]
            missed += sum(one["bytes"] for one in params["missed"])
            lagged += params.get("lagged", 0)
            assert len(params["missed"]) == params.get("lagged", 0)
            assert params["cursor"]
    assert size(entries) + missed == FLOOD
    assert missed > 0
    assert lagged >= 1
    assert_rising(entries)


def test_a_client_that_comes_back_is_told_what_it_missed(project: ProjectUnderTest) -> None:
    """P1, P6: by its cursor, after the daemon was killed, in a query and in a stream."""
    begin(project)
    with roost.Client(project.root) as client:
        cursor = client.logs_query("api").cursor
    assert cursor is not None
    flood(project)
    daemon = project.pids()[":daemon"]
    project.kill(daemon)
    project.wait_for(lambda status: status["daemon"]["running"] and status["daemon"]["pid"] != daemon)
    with roost.Client(project.root) as client:
        page = client.logs_query("api", lines=1_000_000, cursor=cursor)
        (gap,) = page.missed
        got = sum(len(entry.text) + 1 for entry in page.entries)
        while page.more:
            page = client.logs_query("api", lines=1_000_000, cursor=page.cursor)
            assert not page.missed
            got += sum(len(entry.text) + 1 for entry in page.entries)
    assert gap.name == "api" and gap.bytes is not None
    assert got + gap.bytes == FLOOD
    with subscribed(project, cursor=cursor) as read:
        read()
        first = read()["params"]
    assert [one["bytes"] for one in first["missed"]] == [gap.bytes]
    assert first["lagged"] == 1


@pytest.mark.parametrize("how", ["--json", "--raw"])
def test_the_command_says_what_it_could_not_show(project: ProjectUnderTest, how: str) -> None:
    """`roost logs -f` into a pipe that nobody reads: a note on standard error; with --json a record, too."""
    begin(project)
    child = project.start_roost("logs", "api", "-f", how)
    assert child.stdout is not None and child.stderr is not None
    first = child.stdout.readline()
    flood(project)
    guard = threading.Timer(PATIENCE, child.kill)
    guard.start()
    try:
        raw, entries = read_on(child, how)
    finally:
        guard.cancel()
        said = ended(child)
    said_bytes = [
        int(found) for found in re.findall(r"roost: api: .* \((\d+) bytes\) of its log was removed", said)
    ]
    if how == "--raw":
        assert first == BEGUN
        assert raw + sum(said_bytes) == FLOOD
    else:
        assert json.loads(first)["text"] == "begun"
        notes = [entry["missed_bytes"] for entry in entries if is_gap(entry)]
        entries = [entry for entry in entries if not is_gap(entry)]
        assert size(entries) + sum(notes) == FLOOD
        assert said_bytes == notes
        assert_rising(entries)
    assert sum(said_bytes) > 0
    assert "Traceback" not in said


def is_gap(entry: dict[str, Any]) -> bool:
    if "missed_bytes" in entry:
        assert (entry["name"], entry["text"], entry["truncated"]) == ("api", "", True)
        return True
    return False


def read_on(child: subprocess.Popen[bytes], how: str) -> tuple[int, list[dict[str, Any]]]:
    """What the command shows up to the last line of the flood: so many bytes, or so many entries."""
    assert child.stdout is not None
    raw, entries = 0, []
    last = b"%012d " % (FLOOD // 100 - 1)
    for line in child.stdout:
        raw += len(line)
        if how == "--json":
            entries.append(json.loads(line))
        if last in line:
            break
    return raw, entries


def ended(child: subprocess.Popen[bytes]) -> str:
    """After Ctrl-C; what it said on standard error."""
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    said = child.stderr.read().decode()
    child.stderr.close()
    child.wait(PATIENCE)
    return said


def test_a_component_that_comes_with_a_reload_is_followed(project: ProjectUnderTest) -> None:
    """S30: `roost logs -f` without names shows those, too, that were not there when it began."""
    first = {"run": program("counter", "--rate", 5)}
    project.components(one=first)
    project.up()
    child = project.start_roost("logs", "-f", "--json")
    guard = threading.Timer(PATIENCE, child.kill)
    guard.start()
    names: list[str] = []
    try:
        assert child.stdout is not None
        names.append(json.loads(child.stdout.readline())["name"])
        project.components(one=first, two=first)
        project.roost("reload", check=True)
        for line in child.stdout:
            entry = json.loads(line)
            names.append(entry["name"])
            if entry["name"] == "two":
                assert entry["text"] in ("out 1", "err 1")
                break
    finally:
        guard.cancel()
        said = ended(child)
    assert names[0] == "one" and names[-1] == "two"
    assert said == ""


def test_who_has_left_is_in_no_view_of_all(project: ProjectUnderTest) -> None:
    """S30: what roost.yaml no longer has is shown when it is named: by the command, while following, over RPC."""
    stay = {"run": "echo $ROOST_COMPONENT; exec sleep 3600"}
    project.components(one=stay, two=stay)
    project.up()
    eventually(lambda: project.log_lines("one") and project.log_lines("two"), what="their lines")
    project.components(one=stay)
    project.roost("reload", check=True)
    assert [entry["name"] for entry in project.roost("logs", "--json", check=True).json_lines] == ["one"]
    queried = project.roost("call", "logs.query", check=True).json["entries"]
    assert [entry["name"] for entry in queried] == ["one"]
    assert [entry["name"] for entry in project.roost("logs", "two", "--json", check=True).json_lines] == [
        "two"
    ]
    child = project.start_roost("logs", "-f", "--json")
    guard = threading.Timer(PATIENCE, child.kill)
    guard.start()
    try:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["name"] == "one"
        project.roost("restart", "one", check=True)
        assert json.loads(child.stdout.readline())["run"] == 2
    finally:
        guard.cancel()
        assert ended(child) == ""
