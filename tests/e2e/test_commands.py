"""Every other command, and every JSON shape of INTERFACES.md §5, field by field."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import (
    NEVER_READY,
    PATIENCE,
    SOON,
    ProjectUnderTest,
    eventually,
    free_port,
    is_running,
    program,
    roost_command,
    short_folder,
)

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

# -- shapes ---------------------------------------------------------------------------------------------

Text, Flag, Whole, Number = str, bool, int, (int, float)


class Time:
    """An RFC 3339 time in UTC."""


class Maybe:
    """The shape, or null."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class OneOf:
    """One of these words."""

    def __init__(self, *words: str) -> None:
        self.words = words


def differences(value: Any, shape: Any, at: str = "") -> Iterator[str]:
    """Where a value is not of a shape; fields that the shape does not name are allowed."""
    if isinstance(shape, Maybe):
        if value is not None:
            yield from differences(value, shape.shape, at)
    elif isinstance(shape, OneOf):
        if value not in shape.words:
            yield f"{at}: {value!r} is none of {shape.words}"
    elif shape is Time:
        if not isinstance(value, str) or not TIME.match(value):
            yield f"{at}: {value!r} is no time in UTC"
    elif isinstance(shape, dict):
        yield from _in_object(value, shape, at)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
        else:
            for number, item in enumerate(value):
                yield from differences(item, shape[0], f"{at}[{number}]")
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        yield f"{at}: {value!r} is no {shape}"


def _in_object(value: Any, shape: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    for key, inner in shape.items():
        if key not in value:
            yield f"{at}.{key} is missing"
        else:
            yield from differences(value[key], inner, f"{at}.{key}")


def conforms(value: Any, shape: Any) -> None:
    """Fail with every difference."""
    found = list(differences(value, shape))
    assert not found, "\n".join(found)


STATES = OneOf("stopped", "waiting", "starting", "running", "stopping", "backoff", "failed", "completed")
COLOR = OneOf("gray", "red", "yellow", "green")
PROBE = {"ok": Maybe(Flag), "message": Maybe(Text), "at": Maybe(Time), "latency_ms": Maybe(Number),
         "successes": Whole, "failures": Whole}  # fmt: skip
DAEMON = {
    "running": Flag, "phase": OneOf("initializing", "running", "shutting_down"), "pid": Whole, "keeper_pid": Whole,
    "version": Text, "started_at": Time, "uptime_s": Number, "endpoint": Text, "reconciled_at": Time,
    "environment": OneOf("shell", "replaced", "login"),
}  # fmt: skip
COMPONENT = {
    "name": Text, "group": Maybe(Text), "kind": OneOf("process", "container", "external"),
    "type": OneOf("service", "task"), "desired": OneOf("running", "stopped"), "state": STATES, "ready": Flag,
    "health": OneOf("healthy", "unhealthy", "unknown"), "reason": Text, "status_text": Maybe(Text),
    "pid": Maybe(Whole), "container": Maybe(Text), "image": Maybe(Text), "run": Whole, "started_at": Maybe(Time),
    "uptime_s": Maybe(Number), "restarts": Whole, "last_restart_at": Maybe(Time), "next_restart_at": Maybe(Time),
    "next_run_at": Maybe(Time),
    "last_exit": Maybe({"code": Maybe(Whole), "signal": Maybe((int, str)), "at": Time, "run": Whole, "known": Flag}),
    "last_error": Maybe({"message": Text, "at": Time}), "depends_on": [Text], "url": Maybe(Text),
    "ports": [{"name": Maybe(Text), "port": Maybe(Whole), "target": Maybe(Whole)}], "log": Text,
    "cpu_percent": Maybe(Number), "rss_bytes": Maybe(Whole), "probes": {},
}  # fmt: skip
STATUS = {
    "project": {"name": Text, "root": Text, "config": Text, "config_hash": Text, "config_stale": Flag},
    "daemon": DAEMON, "color": COLOR, "components": [COMPONENT],
}  # fmt: skip
EVENT = {"seq": Whole, "at": Time, "kind": Text, "component": Maybe(Text), "run": Maybe(Whole), "message": Text,
         "data": {}}  # fmt: skip
ENTRY = {"name": Text, "at": Time, "stream": Maybe(OneOf("stdout", "stderr")), "run": Whole, "text": Text,
         "truncated": Flag}  # fmt: skip
WHY = {"component": Text, "ready": Flag, "chain": [{"component": Text, "state": STATES, "reason": Text}]}
RELOAD = {"applied": Flag, "unchanged": [Text], "changed": [Text], "added": [Text], "removed": [Text]}
PROJECTS = [{"name": Text, "root": Text, "running": Flag, "color": COLOR, "summary": Text}]
HEALTH = {
    "status": OneOf("healthy", "degraded"), "uptime_s": Number, "rss_bytes": Whole, "keeper_rss_bytes": Whole,
    "cpu_percent": Maybe(Number), "connections": Whole, "requests": Whole, "errors_last_hour": Whole,
    "components": {"running": Whole, "backoff": Whole, "failed": Whole},
}  # fmt: skip


@pytest.fixture(scope="module")
def stack() -> Iterator[ProjectUnderTest]:
    """One running project with something of everything, for questions that change nothing."""
    project = ProjectUnderTest(short_folder())
    port = free_port()
    project.components(
        db={"run": program("counter", "--count", 40, "--rate", 400), "restart": "never", "type": "task"},
        migrate={"type": "task", "run": "echo migrated; echo warned >&2"},
        web={
            "run": program("http_server", port, "mood"),
            "ports": {"http": port},
            "url": "http://localhost:${port.http}",
            "description": "the site",
            "depends_on": {"migrate": "completed"},
            "probes": {"readiness": {"http": f"http://127.0.0.1:{port}/", "period": "200ms"}},
        },
        crashing={"run": "echo bang; exit 7", "restart": {"backoff": {"initial": "1h", "max": "1h"}}},
        broken={"run": "exit 3", "restart": "never"},
        idle={"run": STAY, "autostart": False},
    )
    settled = {"db": "completed", "migrate": "completed", "web": "running", "crashing": "backoff",
               "broken": "failed", "idle": "stopped"}  # fmt: skip
    try:
        project.roost("up")
        project.wait_for(lambda s: {c["name"]: c["state"] for c in s["components"]} == settled)
        project.roost("wait", "web", "--timeout", "60s", check=True)
        yield project
    finally:
        project.finish()


def test_status_has_every_field(stack: ProjectUnderTest) -> None:
    """P16, S26: `status --json` is `project.status`, with every field of the contract, times in UTC."""
    status = stack.roost("status", "--json", check=True).json
    conforms(status, STATUS)
    by_name = {one["name"]: one for one in status["components"]}
    for probe in by_name["web"]["probes"].values():
        conforms(probe, PROBE)
    assert by_name["web"]["url"] == f"http://localhost:{by_name['web']['ports'][0]['port']}"
    assert by_name["web"]["depends_on"] == ["migrate"]
    assert by_name["crashing"]["last_exit"] == {
        **by_name["crashing"]["last_exit"],
        "code": 7,
        "signal": None,
        "known": True,
    }
    assert by_name["crashing"]["next_restart_at"] is not None
    assert by_name["idle"]["desired"] == "stopped"
    assert status["project"]["root"] == str(stack.root)
    assert status["project"]["config_hash"].startswith("sha256:")
    called = stack.roost("call", "project.status", check=True).json
    conforms(called, STATUS)
    assert [one["name"] for one in called["components"]] == list(by_name)


def test_status_of_names_shows_these_alone(stack: ProjectUnderTest) -> None:
    """S26: `status NAME…` is restricted to the names, as text and as JSON."""
    named = stack.roost("status", "web", "--json", check=True).json
    assert [one["name"] for one in named["components"]] == ["web"]
    assert "crashing" not in stack.roost("status", "web", check=True).out


def test_status_shows_the_columns_that_matter(stack: ProjectUnderTest) -> None:
    """S26, S49: state, health mark, pid or -, uptime, restarts, last restart; a reason for what is not well."""
    shown = stack.roost("status", check=True).out
    lines = {line.split()[0]: line for line in shown.splitlines() if line.split()}
    web = stack.component("web")
    assert "running" in lines["web"] and "✓" in lines["web"] and str(web["pid"]) in lines["web"]
    assert "failed" in lines["broken"]
    assert "backoff" in lines["crashing"] and "7" in lines["crashing"]
    assert " - " in lines["idle"]
    heading = next(line for line in shown.splitlines() if "NAME" in line)
    for column in ("STATE", "HEALTH", "PID", "UPTIME", "RESTARTS", "LAST RESTART"):
        assert column in heading


def test_status_check_tells_by_its_exit_code(stack: ProjectUnderTest) -> None:
    """S28: `--check` exits 0 only when the color is green; here something has failed: red, 1."""
    assert stack.status()["color"] == "red"
    stack.roost("status", "--check", check=1)


def test_daemon_status_and_health_have_every_field(stack: ProjectUnderTest) -> None:
    """S60, P16: pid, uptime, memory, CPU, connections, errors and counts; as text, too."""
    conforms(stack.roost("daemon", "status", "--json", check=True).json, DAEMON)
    health = stack.roost("daemon", "health", "--json", check=True).json
    conforms(health, HEALTH)
    assert health["components"] == {"running": 1, "backoff": 1, "failed": 1}
    assert health["connections"] >= 1
    assert 5 << 20 < health["rss_bytes"] < 100 << 20
    text = stack.roost("daemon", "health", check=True).out.lower()
    for word in ("uptime", "memory", "connections", "errors", "running", "failed"):
        assert word in text, text


def test_events_have_every_field_and_their_order(stack: ProjectUnderTest) -> None:
    """S24, P16: `events --json` is one event a line, seq rising; restarts have attempt, delay, code, lines."""
    events = stack.roost("events", "--json", "-n", 1000, check=True).json_lines
    conforms(events, [EVENT])
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    exited = next(e for e in events if e["kind"] == "exited" and e["component"] == "crashing")
    conforms(exited["data"], {"code": Whole, "signal": Maybe(Whole), "last_lines": [Text]})
    assert exited["data"]["last_lines"] == ["bang"]
    restarting = next(e for e in events if e["kind"] == "restarting")
    conforms(restarting["data"], {"attempt": Whole, "delay_s": Number})
    kinds = {e["kind"] for e in events}
    assert {"daemon_started", "started", "ready", "exited", "restarting", "gave_up", "completed"} <= kinds
    queried = stack.roost("call", "events.query", '{"component": "web", "limit": 5}', check=True).json
    conforms(queried, {"events": [EVENT], "more": Flag})
    assert {e["component"] for e in queried["events"]} == {"web"}
    assert len(stack.roost("events", "-n", 3, check=True).out.splitlines()) == 3


def test_log_entries_have_every_field(stack: ProjectUnderTest) -> None:
    """S29, S30, P16: `logs --json` one entry a line; no names: all components, merged by time."""
    entries = stack.roost("logs", "--json", "-n", 1000, check=True).json_lines
    conforms(entries, [ENTRY])
    assert {"db", "migrate", "crashing"} <= {entry["name"] for entry in entries}
    times = [entry["at"] for entry in entries]
    assert times == sorted(times)
    both = [e for e in entries if e["name"] == "migrate"]
    assert {(e["text"], e["stream"]) for e in both} == {("migrated", "stdout"), ("warned", "stderr")}
    queried = stack.roost("call", "logs.query", '{"names": ["db"], "lines": 5}', check=True).json
    conforms(queried, {"entries": [ENTRY], "cursor": Text, "more": Flag})
    assert len(queried["entries"]) == 5


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("db", "-n", "10"), 10),
        (("db", "-n", "1000"), 80),
        (("db", "-n", "1000", "--stream", "stderr"), 40),
        (("db", "-n", "1000", "--grep", "^out 1[0-9]$"), 10),
        (("db", "-n", "1000", "--run", "1"), 80),
        (("db", "-n", "1000", "--run", "last"), 80),
        (("db", "-n", "1000", "--since", "1h"), 80),
        (("db", "-n", "1000", "--until", "1h"), 0),
        (("db", "migrate", "-n", "1000"), 82),
        (("idle",), 0),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else str(value),
)
def test_log_queries_by_number_stream_pattern_run_and_time(
    stack: ProjectUnderTest, arguments: tuple[str, ...], lines: int
) -> None:
    """S30, S50: each filter gives exactly its lines, on standard output; nothing found is no error."""
    done = stack.roost("logs", *arguments, check=True)
    assert len(done.out.splitlines()) == lines, str(done)


def test_plain_and_raw_logs_are_the_components_own_words(stack: ProjectUnderTest) -> None:
    """S29, S31: `--raw` is the bytes as written; `--no-timestamps` the lines without times."""
    assert stack.roost("logs", "db", "--raw", check=True).out == stack.log_bytes("db").decode()
    bare = stack.roost("logs", "db", "-n", 1, "--no-timestamps", check=True).out
    assert re.search(r"(out|err) 40\n$", bare), bare
    assert not re.search(r"\d\d:\d\d:\d\d", bare)


def test_why_names_the_chain(stack: ProjectUnderTest) -> None:
    """P10, P16: `why --json` has component, ready and the chain, nearest first."""
    for name in ("web", "crashing", "idle"):
        conforms(stack.roost("why", name, "--json", check=True).json, WHY)
    crashing = stack.roost("why", "crashing", "--json", check=True).json
    assert crashing["ready"] is False
    assert "7" in crashing["chain"][0]["reason"]
    assert "7" in stack.roost("why", "crashing", check=True).out


def test_reload_and_projects_have_every_field(stack: ProjectUnderTest) -> None:
    """P16: the shapes of `reload --dry-run --json` and `projects --json`."""
    conforms(stack.roost("reload", "--dry-run", "--json", check=True).json, RELOAD)
    projects = stack.roost("projects", "--json", check=True).json
    conforms(projects, PROJECTS)
    mine = next(one for one in projects if one["root"] == str(stack.root))
    assert (mine["running"], mine["color"]) == (True, "red")
    assert re.match(r"\d+ of \d+ ready", mine["summary"])
    assert str(stack.root) in stack.roost("projects", check=True).out


def test_the_rpc_answers_are_the_documented_ones(stack: ProjectUnderTest) -> None:
    """P16: `component.list`, `component.get`, `config.check` and `rpc.discover` through `call`."""
    conforms(stack.roost("call", "ping", check=True).json, {"pong": Flag})
    listed = stack.roost("call", "component.list", check=True).json
    conforms(listed, [COMPONENT])
    conforms(stack.roost("call", "component.get", '{"name": "web"}', check=True).json, COMPONENT)
    checked = stack.roost("call", "config.check", json.dumps({"text": "version: 1\nx: 1\n"}), check=True).json
    assert checked["valid"] is False
    document = stack.roost("call", "rpc.discover", check=True).json
    offered = {method["name"] for method in document["methods"]}
    assert {"ping", "project.status", "component.start", "logs.query", "config.reload"} <= offered
    assert document["openrpc"].startswith("1.")


def test_schema_version_and_completion(stack: ProjectUnderTest) -> None:
    """P16: the JSON Schema is draft 2020-12; version prints one; each shell gets its script."""
    schema = stack.roost("schema", check=True).json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "components" in schema["properties"]
    assert re.search(r"\d+\.\d+", stack.roost("version", check=True).out)
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert "roost" in stack.roost("completion", shell, check=True).out


def test_exec_runs_in_the_components_folder_and_environment(stack: ProjectUnderTest) -> None:
    """`exec`: environment, output on its own streams, exit code; a signal is 128 + its number."""
    script = "pwd; echo $ROOST_COMPONENT $ROOST_PROJECT; echo oops >&2; exit 6"
    done = stack.roost("exec", "web", "--", "sh", "-c", script)
    assert (done.code, done.err) == (6, "oops\n")
    assert done.out == f"{stack.root}\nweb {stack.root}\n"
    assert stack.roost("exec", "web", "--", "sh", "-c", "kill -9 $$").code == 137
    missing = stack.roost("exec", "web", "--", "/no/such/program")
    assert missing.code not in (0, 2)
    assert "/no/such/program" in missing.err


def test_a_silent_command_ends_with_its_client(stack: ProjectUnderTest) -> None:
    """`exec`: a client that is killed is noticed although nothing is to be written to it."""
    client = stack.start_roost("exec", "web", "--", "sh", "-c", "echo $$; exec sleep 777")
    try:
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        assert is_running(pid)
        client.kill()
        eventually(lambda: not is_running(pid), what="the end of the command")
    finally:
        client.kill()
        client.communicate()


# -- what changes something -----------------------------------------------------------------------------


def test_stopping_one_leaves_the_others_and_names_dependents(project: ProjectUnderTest) -> None:
    """S49, S8: the others keep their pids; status shows it stopped with pid -; `start` brings it back."""
    project.components(db={"run": STAY}, web={"run": STAY, "depends_on": ["db"]}, other={"run": STAY})
    project.up()
    before = project.pids()
    done = project.roost("stop", "db", check=True)
    assert "web" in done.out + done.err
    assert not is_running(before["db"])
    after = project.pids()
    assert (after["web"], after["other"]) == (before["web"], before["other"])
    db = project.component("db")
    assert (db["state"], db["pid"], db["desired"]) == ("stopped", None, "stopped")
    line = next(line for line in project.roost("status").out.splitlines() if line.startswith("db"))
    assert "stopped" in line and " - " in line
    project.roost("start", "db", check=True)
    assert project.component("db")["state"] == "running"


def test_stop_cancels_a_pending_restart(project: ProjectUnderTest) -> None:
    """S25, S49: in back-off `stop` ends the matter: stopped, and it stays so."""
    project.components(web={"run": "exit 1", "restart": {"backoff": {"initial": "1500ms", "max": "1500ms"}}})
    project.roost("up", "--no-wait", check=True)
    project.wait_state("web", "backoff")
    project.roost("stop", "web", check=True)
    before = project.component("web")
    assert (before["state"], before["next_restart_at"]) == ("stopped", None)
    time.sleep(1.7)
    assert project.component("web")["run"] == before["run"]


def test_restart_gives_a_new_run_and_keeps_the_others(project: ProjectUnderTest) -> None:
    """`restart` in every state: running, failed, completed, stopped; no restart is counted for the limit."""
    project.components(
        web={"run": STAY}, task={"type": "task", "run": "true"},
        bad={"run": "exit 2", "restart": "never", "probes": NEVER_READY},
        idle={"run": STAY, "autostart": False},
    )  # fmt: skip
    project.roost("up", check=1)
    project.wait_state("web", "running")
    project.wait_state("task", "completed")
    before = project.pids()
    project.roost("restart", "web", "task", "idle", check=True)
    after = project.pids()
    assert after["web"] != before["web"]
    assert not is_running(before["web"])
    runs = {one["name"]: one["run"] for one in project.status()["components"]}
    assert runs == {"web": 2, "task": 2, "bad": 1, "idle": 1}
    project.roost("restart", "bad", check=1)
    assert project.component("bad")["run"] == 2


def test_signal_reaches_the_group(project: ProjectUnderTest) -> None:
    """`signal`: by name with or without SIG, to the whole group; the restart policy holds for its effect."""
    code = (
        "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: print('usr1', flush=True))\n"
        "print('up', flush=True)\nwhile True: time.sleep(1)"
    )
    project.components(web={"run": [sys.executable, "-c", code], "restart": {"backoff": {"initial": "50ms"}}})
    project.up()
    eventually(lambda: project.log_lines("web") == ["up"])
    for number, name in enumerate(("USR1", "SIGUSR1", "usr1"), 1):
        project.roost("signal", "web", name, check=True)
        eventually(lambda number=number: project.log_lines("web").count("usr1") == number)  # type: ignore[misc]
    project.roost("signal", "web", "KILL", check=True)
    project.wait_for(lambda s: s["components"][0]["run"] == 2 and s["components"][0]["state"] == "running")
    assert project.component("web")["last_exit"]["signal"] == signal.SIGKILL
    project.roost("stop", "web", check=True)
    refused = project.roost("signal", "web")
    assert refused.code == 1
    assert "stopped" in refused.err


def test_wait_for_ready_completed_and_stopped(project: ProjectUnderTest) -> None:
    """`wait`: 0 when it holds, 5 at its time-out, 1 as soon as the component has failed, 4 for no such one."""
    gate = project.root / "gate"
    project.components(
        web={"run": program("gate", gate), "probes": {"readiness": {"log": "open", "period": "50ms"}}},
        task={"type": "task", "run": program("gate", gate, "--end")},
        bad={"run": "sleep 0.3; exit 1", "restart": "never"},
    )
    project.roost("up", "--no-wait", check=True)
    project.roost("wait", "bad", "--for", "stopped", "--timeout", "60s")
    late = project.roost("wait", "web", "--timeout", "300ms", check=5)
    assert "web" in late.err
    failed = project.roost("wait", "web", "bad", "--timeout", "10m", check=1)
    assert "bad" in failed.err
    assert failed.seconds < SOON
    waiting = project.start_roost("wait", "task", "--for", "completed", "--timeout", "60s")
    gate.touch()
    waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 0
    project.roost("wait", "web", "task", "--timeout", "60s", check=True)
    project.roost("stop", "web", check=True)
    project.roost("wait", "web", "--for", "stopped", "--timeout", "60s", check=True)
    project.roost("wait", "nobody", check=4)


def test_why_goes_down_to_the_probes_error(project: ProjectUnderTest) -> None:
    """P10: web waits for api, api for db, db's probe is refused: three links, the last with port and cause."""
    port = free_port()
    project.components(
        db={"run": STAY, "probes": {"readiness": {"tcp": port, "period": "100ms"}}},
        api={"run": STAY, "depends_on": ["db"]},
        web={"run": STAY, "depends_on": ["api"]},
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_for(lambda _: "refused" in project.component("db")["reason"])
    why = project.roost("why", "web", "--json", check=True).json
    conforms(why, WHY)
    assert [link["component"] for link in why["chain"]] == ["web", "api", "db"]
    assert [link["state"] for link in why["chain"]] == ["waiting", "waiting", "running"]
    assert str(port) in why["chain"][-1]["reason"]
    text = project.roost("why", "web", check=True).out
    assert all(word in text for word in ("web", "api", "db", str(port), "refused"))


def test_logs_follow_over_a_restart(project: ProjectUnderTest) -> None:
    """S30: `logs -f` goes on with the next run of the component; Ctrl-C ends it."""
    project.components(web={"run": program("counter", "--streams", "out", "--rate", 50)})
    project.up()
    follower = project.start_roost("logs", "web", "-f", "--json", "-n", 1)
    assert follower.stdout is not None
    try:
        first = json.loads(follower.stdout.readline())
        assert first["run"] == 1
        project.roost("restart", "web", check=True)
        seen: list[dict[str, Any]] = []
        while not seen or (seen[-1]["run"], seen[-1]["text"]) != (2, "out 5"):
            seen.append(json.loads(follower.stdout.readline()))
    finally:
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=PATIENCE)
    expected = int(first["text"].split()[1])
    for entry in seen:
        expected = 1 if entry["run"] == 2 and expected and entry["text"] == "out 1" else expected + 1
        assert entry["text"] == f"out {expected}"
    assert follower.returncode in (0, 130)


def test_debug_by_environment_makes_the_daemons_log_verbose(project: ProjectUnderTest) -> None:
    """S61: with ROOST_DEBUG=1 the daemon's log has debug lines, without it none; `daemon logs` shows it."""
    project.components(web={"run": STAY})
    project.roost("up", check=True)
    project.roost("restart", "web", check=True)
    assert " debug " not in project.roost("daemon", "logs", check=True).out
    project.roost("down", check=True)
    project.roost("up", env={"ROOST_DEBUG": "1"}, check=True)
    project.roost("restart", "web", check=True)
    assert " debug " in project.roost("daemon", "logs", check=True).out
    assert (project.state / "daemon.log").read_text().count("\n") > 1


def test_daemon_restart_keeps_every_component(project: ProjectUnderTest) -> None:
    """P6, S60: another daemon answers; keeper and component keep their pids."""
    project.components(web={"run": STAY})
    project.up()
    before = project.pids()
    done = project.roost("daemon", "restart", check=True)
    after = project.pids()
    assert str(after[":daemon"]) in done.out
    assert after[":daemon"] != before[":daemon"]
    assert (after[":keeper"], after["web"]) == (before[":keeper"], before["web"])


def test_init_makes_a_valid_project_and_ignores_its_state_once(project: ProjectUnderTest) -> None:
    """S81: in a git work tree `.roost/` is in .gitignore once; the file passes `check`; a second init refuses."""
    (project.root / ".git").mkdir()
    (project.root / ".gitignore").write_text("*.pyc")
    project.roost("init", check=True)
    assert (project.root / ".gitignore").read_text() == "*.pyc\n.roost/\n"
    project.roost("check", check=True)
    text = (project.root / "roost.yaml").read_text()
    assert "#" in text
    again = project.roost("init", check=1)
    assert "already" in again.err
    (project.root / "roost.yaml").unlink()
    project.roost("init", check=True)
    assert (project.root / ".gitignore").read_text() == "*.pyc\n.roost/\n"


def test_components_get_their_names_and_nothing_of_ours_else(project: ProjectUnderTest) -> None:
    """S32, P19: ROOST_PROJECT, ROOST_COMPONENT, ROOST_RUN; own session; null stdin; values in no file of ours."""
    project.components(
        web={"run": program("show"), "env": {"PLAIN": "value-of-plain", "API_TOKEN": "s3cret-value"}}
    )
    project.up()
    facts = json.loads(eventually(lambda: project.log_lines("web"))[0])
    env = facts["env"]
    assert (env["ROOST_PROJECT"], env["ROOST_COMPONENT"], env["ROOST_RUN"]) == (str(project.root), "web", "1")
    assert env["API_TOKEN"] == "s3cret-value"
    assert facts["session"] == facts["pid"]
    assert facts["stdin_is_null"] is True
    assert facts["cwd"] == str(project.root)
    project.roost("status", "--json")
    for path in project.state.rglob("*"):
        if path.is_file() and path.parent.name != "logs":
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # it was about to be put in another's place
                continue
            assert b"s3cret-value" not in content, path
            assert project.mark.encode() not in content, path


def test_demo_comes_up_and_goes_down(project: ProjectUnderTest) -> None:
    """S32, S33: `demo` writes a project of several components and brings it up."""
    done = project.roost("demo", project.base / "d")
    assert done.code == 0, str(done)
    status = project.roost("-C", project.base / "d", "status", "--json", check=True).json
    conforms(status, STATUS)
    assert len(status["components"]) >= 4
    eventually(  # a probe on a busy machine, or the scheduled task, may change it for a moment
        lambda: project.roost("-C", project.base / "d", "status", "--check").code == 0, what="green"
    )
    project.roost("-C", project.base / "d", "down", check=True)
    assert not project.leftovers()


def test_nothing_of_ours_holds_a_pipe_or_a_descriptor_of_the_caller(project: ProjectUnderTest) -> None:
    """S32: a descriptor that the calling shell had open is in none of the processes that stay."""
    project.components(web={"run": STAY})
    opened = project.base / "opened"
    with open(opened, "w") as file:
        script = f'exec 9>"{opened}"; "$0" up >/dev/null 2>&1'
        subprocess.run(
            ["sh", "-c", script, roost_command()[0]], cwd=project.root, env=project.env, check=True,
            timeout=PATIENCE, pass_fds=[file.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
    if sys.platform != "linux":
        pytest.skip("reads /proc")

    for name, pid in project.pids().items():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it has just been closed
                assert str(link.readlink()) != str(opened), f"{name} holds {opened}"
