"""Everything that a user can get wrong, and components that misbehave: said clearly, nothing hangs or stays."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from e2e.harness import (
    NEVER_READY,
    SOON,
    Completed,
    ProjectUnderTest,
    eventually,
    is_running,
    program,
    short_folder,
)

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
POSITION = re.compile(r"^\S*roost\.yaml:(\d+):(\d+): (warning: )?([^:]+): .+")


def plain(done: Completed) -> None:
    """An error in words, without a stack trace."""
    assert "Traceback" not in done.out + done.err, str(done)


def problems(done: Completed) -> list[re.Match[str]]:
    """The lines of `check` or `up` that name a position."""
    return [found for line in (done.out + done.err).splitlines() if (found := POSITION.match(line))]


def nothing_is_left(project: ProjectUnderTest) -> None:
    """The keeper that was being loaded meanwhile has been told that it is not wanted."""
    eventually(lambda: not project.leftovers(), what="nothing of ours")


# -- the configuration ----------------------------------------------------------------------------------

TEN_FAULTS = """\
version: 1
name: x
colour: blue
components:
  web:
    run: [sleep, "1"]
    runn: [sleep, "1"]
  api:
    run: [sleep, "1"]
    replicas: 101
  db:
    run: [sleep, "1"]
    ports: {sql: 70000}
  cache:
    run: [sleep, "1"]
    depends_on: [nobody]
  one:
    run: [sleep, "1"]
    depends_on: [two]
  two:
    run: [sleep, "1"]
    depends_on: [one]
  left:
    run: [sleep, "1"]
    ports: {http: 8181}
  right:
    run: [sleep, "1"]
    ports: {http: 8181}
  "bad name!":
    run: [sleep, "1"]
  slow:
    run: [sleep, "1"]
    stop: {timeout: soon}
"""


@pytest.mark.parametrize("command", ["check", "up"])
def test_ten_faults_are_ten_reports(project: ProjectUnderTest, command: str) -> None:
    """S68, S78, S67: each with line, column, path and what to do, one a line; exit 2; nothing is started."""
    project.write(TEN_FAULTS)
    done = project.roost(command, check=2)
    plain(done)
    found = problems(done)
    said = {match.group(0).split(": ", 1)[1] for match in found}
    assert len(said) == 10, str(done)
    lines = sorted({int(match.group(1)) for match in found})
    for line in (2, 3, 7, 10, 13, 16, 19, 28, 29, 33):  # where each of the unmistakable ones is
        assert line in lines, f"nothing about line {line}:\n{done}"
    text = done.out + done.err
    assert "run" in text  # the suggestion for runn
    assert "one → two → one" in text or "one -> two -> one" in text, text
    assert "8181" in text
    nothing_is_left(project)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("[]", "map"),
        ("version: 1\ncomponents: {web: {run: [a, }", "roost.yaml:2"),
        ("version: 2\ncomponents: {}\n", "version"),
        ("version: 1\ncomponents: {web: {run: [a], image: b}}\n", "run"),
        ("version: 1\nname: 9bad\ncomponents: {web: {run: [a]}}\n", "name"),
        ("version: 1\nname: " + "x" * 65 + "\ncomponents: {web: {run: [a]}}\n", "64"),
        ("version: 1\ncomponents: {web: {run: [a], replicas: 0}}\n", "100"),
        ("version: 1\ncomponents: {web: {run: [a], ports: {a: 0}}}\n", "65535"),
        ("version: 1\ncomponents: {web: {run: [a]}, WEB: {run: [a]}}\n", "WEB"),
        ("version: 1\ncomponents: {con: {run: [a]}}\n", "con"),
        ("version: 1\ncomponents: {web: {run: [a], env_file: [missing.env]}}\n", "missing.env"),
        ("version: 1\ncomponents: {web: {run: [a], probes: {readiness: {tcp: 80, http: 'http://a'}}}}\n", "one"),
        ("version: 1\n\tcomponents: {}\n", "tab"),
    ],
    ids=["empty", "list", "syntax", "version", "run-and-image", "name", "long-name", "replicas", "port",
         "same-name", "reserved", "env-file", "two-handlers", "tab"],
)  # fmt: skip
def test_each_fault_is_named(project: ProjectUnderTest, text: str, said: str) -> None:
    """S68, S78: exit 2 with a position and the thing itself; no stack trace, no daemon."""
    project.write(text)
    done = project.roost("check", check=2)
    plain(done)
    assert said in done.out + done.err, str(done)
    assert "roost.yaml:" in done.out + done.err
    nothing_is_left(project)


def test_a_configuration_that_is_no_text(project: ProjectUnderTest) -> None:
    """P20, S68: bytes that are not UTF-8 are said to be that, exit 2."""
    (project.root / "roost.yaml").write_bytes(b"version: 1\nname: caf\xe9\ncomponents: {}\n")
    done = project.roost("check", check=2)
    plain(done)
    assert "UTF-8" in done.out + done.err


def test_a_warning_does_not_fail(project: ProjectUnderTest) -> None:
    """S78: an image without a tag is a warning, after the position."""
    project.write("version: 1\ncomponents: {web: {run: [sleep, '9'], x-note: mine}}\n")
    project.roost("check", check=True)
    project.write("version: 1\ncomponents: {db: {image: postgres}}\n")
    done = project.roost("check", check=True)
    assert re.search(r"roost\.yaml:2:\d+: warning: .*tag", done.out + done.err), str(done)


def test_no_project_is_a_distinct_condition(project: ProjectUnderTest) -> None:
    """S69: no roost.yaml at all: exit 2 and `roost init`; other than a file that cannot be understood."""
    done = project.roost("up", check=2)
    plain(done)
    assert "roost init" in done.err


# -- commands that cannot be started --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("component", "said"),
    [
        ({"run": ["/no/such/program"]}, ["/no/such/program", "there is no program"]),
        ({"run": ["no-such-program-anywhere"]}, ["no-such-program-anywhere"]),
        ({"run": ["./plain.txt"]}, ["plain.txt", "may not be executed"]),
        ({"run": ["./broken-interpreter"]}, ["broken-interpreter"]),
        ({"run": ["./"]}, ["./"]),
        ({"run": STAY, "cwd": "nowhere"}, ["nowhere"]),
        ({"run": STAY, "cwd": "plain.txt"}, ["plain.txt"]),
        ({"run": "no-such-command-in-a-shell"}, ["127", "no-such-command-in-a-shell"]),
    ],
    ids=["missing", "not-in-path", "not-executable", "interpreter", "folder", "no-cwd", "cwd-is-file", "shell"],
)  # fmt: skip
def test_what_cannot_be_started_says_why(
    project: ProjectUnderTest, component: dict[str, Any], said: list[str]
) -> None:
    """P20, S33, S76: `up` exits 1 and names component, program or folder, and the system's reason."""
    project.file("plain.txt", "words\n")
    project.file("broken-interpreter", "#!/no/such/interpreter\n").chmod(0o755)
    project.components(web={**component, "restart": "never", "probes": NEVER_READY}, other={"run": STAY})
    done = project.roost("up", check=1)
    plain(done)
    assert "web" in done.err
    for word in said:
        assert word in done.err, str(done)
    assert done.seconds < SOON
    web = project.component("web")
    assert web["state"] == "failed"
    assert web["last_error"]["message"]
    assert project.wait_state("other", "running")


def test_one_that_cannot_be_started_is_tried_again_within_its_limit(project: ProjectUnderTest) -> None:
    """S23, S24: a missing program under `always` uses its restarts up and then fails with both reasons."""
    restart = {"backoff": {"initial": "5ms", "max": "5ms"}, "limit": {"max": 3, "within": "10m"}}
    project.components(web={"run": ["/no/such/program"], "restart": restart})
    done = project.roost("up", check=1)
    assert "/no/such/program" in done.err
    web = project.wait_state("web", "failed")
    assert (web["state"], web["run"]) == ("failed", 4)
    assert "3 restarts" in web["reason"]


def test_one_that_ends_at_once_with_success_is_no_service(project: ProjectUnderTest) -> None:
    """S23: a service whose program ends at once with 0 is not called ready by `up`.

    At once is within half a second of its start; on a busy machine even `true` may not.
    """
    project.components(web={"run": ["true"], "restart": {"backoff": {"initial": "10ms", "max": "10ms"}}})
    done = project.roost("up", "--timeout", "10m")
    plain(done)
    assert done.seconds < SOON
    if done.code == 0:
        events = [e for e in project.events() if e["kind"] in ("started", "exited")]
        times = {(e["kind"], e["run"]): datetime.fromisoformat(e["at"]) for e in events}
        lives = [times["exited", run] - times["started", run] for run in (1, 2) if ("exited", run) in times]
        assert len(lives) < 2 or max(lives) >= timedelta(seconds=0.5), str(done)
    else:
        assert done.code == 1 and "web" in done.err, str(done)


# -- ports ----------------------------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which this very process, a stranger to the project, listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_held_by_a_stranger_is_named_with_its_pid(project: ProjectUnderTest, taken_port: int) -> None:
    """S78, P10, P3: `up` and `why` name port, program and pid; the stranger is left alone."""
    project.components(web={"run": STAY, "ports": {"http": taken_port}, "restart": "never"})
    done = project.roost("up", check=1)
    plain(done)
    assert str(taken_port) in done.err
    assert f"pid {os.getpid()}" in done.err, str(done)
    why = project.roost("why", "web", check=True).out
    assert str(os.getpid()) in why
    assert str(taken_port) in why
    assert project.log_lines("web") == []


def test_a_port_that_becomes_free_is_used(project: ProjectUnderTest) -> None:
    """P10, S9: under `always` it tries again, and runs as soon as the stranger is gone."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        restart = {"backoff": {"initial": "100ms", "max": "100ms"}, "limit": {"max": 10_000, "within": "10m"}}
        project.components(web={"run": STAY, "ports": {"http": port}, "restart": restart})
        project.roost("up", "--no-wait", check=True)
        assert str(port) in project.wait_state("web", "backoff")["reason"]
    project.wait_state("web", "running")


# -- components that misbehave --------------------------------------------------------------------------


def test_one_that_ignores_term_is_killed_after_its_time(project: ProjectUnderTest) -> None:
    """P5, S25: `stop` waits `stop.timeout`, then kills; not sooner, and soon."""
    project.components(web={"run": program("ignore_term"), "stop": {"timeout": "700ms"}}, other={"run": STAY})
    project.up()
    eventually(lambda: project.log_lines("web"))
    pid = project.pids()["web"]
    begun = time.monotonic()
    project.roost("stop", "web", check=True)
    assert 0.7 <= time.monotonic() - begun < SOON
    assert not is_running(pid)
    assert project.component("other")["state"] == "running"


def test_one_that_forks_twice_and_leaves_is_ended_whole(project: ProjectUnderTest) -> None:
    """P4, S8: a service that daemonises itself: its descendant is found, ended and named in an event."""
    project.components(web={"run": program("double_fork", "--leave"), "restart": "never"})
    project.roost("up", "--timeout", "60s")
    eventually(lambda: project.log_lines("web"))
    pid = int(project.log_lines("web")[0].split()[1])
    eventually(lambda: not is_running(pid))
    told = eventually(lambda: [e for e in project.events() if e["kind"] == "leftover"])
    assert str(pid) in told[0]["message"]


def test_invalid_utf8_is_shown_and_kept(project: ProjectUnderTest) -> None:
    """P20, P13: the file has the bytes as written; `logs`, JSON and the RPC show text, one line a line."""
    project.components(web={"run": program("invalid_utf8")})
    project.up()
    eventually(lambda: project.log_bytes("web").endswith(b"no newline"))
    raw = project.log_bytes("web")
    assert raw.startswith(b"before \xff\xfe after\ncut \xe2\x82\nnul \x00 escape \x1b[31m end\n")
    assert len(raw) == len(b"before \xff\xfe after\ncut \xe2\x82\nnul \x00 escape \x1b[31m end\n") + 200_011
    shown = project.roost("logs", "web", check=True)
    plain(shown)
    assert "\x1b[31m" not in shown.out or "escape" in shown.out
    entries = project.roost("logs", "web", "--json", check=True).json_lines
    assert [entry["text"][:6] for entry in entries[:3]] == ["before", "cut \\x", "nul \x00 "]
    long = next(entry for entry in entries if entry["text"].startswith("xxx"))
    assert long["truncated"] is True
    assert len(long["text"]) <= 65536
    assert entries[-1]["text"] == "no newline"
    queried = project.roost("call", "logs.query", '{"names": ["web"]}', check=True).json
    assert [entry["text"] for entry in queried["entries"]] == [entry["text"] for entry in entries]
    assert project.roost("logs", "web", "--raw", check=True).out.startswith("before ")


def test_a_flood_delays_nobody(project: ProjectUnderTest) -> None:
    """P20, S20: while one component writes as fast as it can, commands answer and another restarts."""
    project.components(flood={"run": program("counter", "--rate", 0)}, web={"run": STAY})
    project.up()
    assert project.roost("status", check=True).seconds < SOON
    before = project.pids()
    project.roost("restart", "web", check=True)
    assert project.pids()["flood"] == before["flood"]
    assert project.down().seconds < SOON


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("frobnicate",), 2),
        (("status", "--frob"), 2),
        (("up", "nobody"), 4),
        (("up", "--profile", "none"), 2),
        (("start", "nobody"), 4),
        (("stop", "nobody"), 4),
        (("restart", "nobody"), 4),
        (("status", "nobody"), 4),
        (("logs", "nobody"), 4),
        (("why", "nobody"), 4),
        (("signal", "nobody"), 4),
        (("signal", "web", "FROB"), 2),
        (("exec", "nobody", "--", "true"), 4),
        (("wait", "nobody"), 4),
        (("wait", "web", "--timeout", "soon"), 2),
        (("logs", "--since", "yesterdayish"), 2),
        (("logs", "--grep", "("), 2),
        (("call", "no.such.method"), 2),
        (("call", "component.get", "{"), 2),
        (("call", "component.get", "{}"), 2),
        (("call", "component.get", '{"name": "nobody"}'), 4),
    ],
    ids=lambda value: "-".join(value).replace(" ", "") if isinstance(value, tuple) else str(value),
)
def test_wrong_usage_has_its_exit_code_and_a_sentence(
    shared: ProjectUnderTest, arguments: tuple[str, ...], code: int
) -> None:
    """P20, S28, S50: 2 for wrong usage, 4 for an unknown name, in words and in no others, with a running daemon."""
    done = shared.roost(*arguments)
    plain(done)
    assert done.code == code, str(done)
    assert done.out == ""
    assert done.err.startswith("roost: ")
    assert "nobody" in done.err or code != 4


@pytest.fixture(scope="module")
def shared() -> Iterator[ProjectUnderTest]:
    """One running project for all questions that change nothing."""
    project = ProjectUnderTest(short_folder())
    project.components(web={"run": STAY})
    try:
        project.up()
        yield project
    finally:
        project.finish()


@pytest.mark.parametrize(
    "damage",
    [
        ("state.json", b"{"),
        ("state.json", b"\x00" * 100),
        ("events.jsonl", b"not json\n{}\n\xff\xfe\n"),
        ("runs/web.json", b"{"),
        ("daemon.json", b"[]"),
        ("logs/web.idx", b"\x01\x02\x03"),
    ],
    ids=lambda value: f"{value[0]}-{len(value[1])}",
)  # fmt: skip
def test_damaged_files_of_ours_never_stop_an_up(project: ProjectUnderTest, damage: tuple[str, bytes]) -> None:
    """P20, S69, S70, S75: `up`, `status`, `logs` and `down` work on; a damaged state is kept aside and told."""
    name, content = damage
    project.components(web={"run": STAY})
    project.up()
    project.down()
    path = project.state / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    plain(project.roost("status", check=3))
    plain(project.roost("logs", check=True))
    plain(project.roost("events", check=True))
    project.up()
    assert project.component("web")["state"] == "running"
    if name == "state.json":
        assert (project.state / "state.json.unreadable").read_bytes() == content
        assert any(event["kind"] == "state_problem" for event in project.events())
    project.down()
