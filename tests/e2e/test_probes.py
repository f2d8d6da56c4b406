"""Probes seen from outside: what restarts, what does not, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from e2e.harness import PATIENCE, ProjectUnderTest, eventually, free_port, program, roost_command

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
QUICK = {"period": "100ms", "timeout": "30s"}  # a server that answers late on a busy machine is not at fault
IMPATIENT = {"timeout": "500ms"}
STARTED = {"failure_threshold": 1000}  # nobody knows how long Python takes to start there


def server(project: ProjectUnderTest, **probes: dict[str, Any]) -> int:
    """A web server as the component `web`, its mood in the file `mood`; the port."""
    port = free_port()
    target = f"http://127.0.0.1:{port}/"
    made = {kind: {"http": target, **QUICK, **options} for kind, options in probes.items()}
    project.components(web={"run": program("http_server", port, "mood"), "probes": made,
                            "restart": {"backoff": {"initial": "50ms"}}})  # fmt: skip
    return port


def test_a_failing_readiness_never_restarts(project: ProjectUnderTest) -> None:
    """S11, S16: not ready with the reason, the same pid and run; ready again when it answers again."""
    server(project, readiness={"failure_threshold": 2})
    project.up()
    pid = project.pids()["web"]
    project.file("mood", "bad")
    status = project.wait_for(lambda s: s["components"][0]["ready"] is False)
    assert "503" in status["components"][0]["reason"]
    assert status["color"] == "yellow"
    time.sleep(0.5)
    assert (project.component("web")["pid"], project.component("web")["run"]) == (pid, 1)
    project.file("mood", "ok")
    project.wait_for(lambda s: s["components"][0]["ready"] is True)
    kinds = [e["kind"] for e in project.events() if e["component"] == "web"]
    assert kinds == ["started", "ready", "unready", "ready"]


def test_a_failing_liveness_restarts(project: ProjectUnderTest) -> None:
    """S11, S21, S24: a hung one is restarted after `failure_threshold` failures, and the event says why."""
    server(project, startup={**STARTED, **IMPATIENT}, liveness={"failure_threshold": 3, **IMPATIENT})
    project.up()
    project.file("mood", "hang")
    eventually(lambda: [e for e in project.events() if e["kind"] == "restarting"])
    project.file("mood", "ok")
    project.wait_for(lambda s: s["components"][0]["run"] >= 2 and s["components"][0]["health"] == "healthy")
    told = next(e for e in project.events() if e["kind"] == "restarting")
    assert "liveness" in told["message"]
    assert told["data"]["attempt"] == 1


def test_a_server_that_no_longer_listens_is_restarted(project: ProjectUnderTest) -> None:
    """S13: its process lives on, and its port tells that it does not serve."""
    port = free_port()
    code = (
        "import os, socket, time\n"
        f"with socket.create_server(('127.0.0.1', {port})) as listener:\n"
        "    listener.settimeout(0.05)\n"
        "    while not os.path.exists('deaf'):\n"
        "        try: listener.accept()[0].close()\n"
        "        except TimeoutError: pass\n"
        "os.unlink('deaf')\n"
        "time.sleep(3600)\n"
    )
    probes = {"startup": {"tcp": port, **QUICK, **STARTED}, "liveness": {"tcp": port, **QUICK}}
    project.components(
        web={"run": [sys.executable, "-c", code], "probes": probes, "restart": {"backoff": {"initial": 0}}}
    )
    project.up()
    project.file("deaf", "")
    project.wait_for(lambda s: s["components"][0]["run"] >= 2 and s["components"][0]["health"] == "healthy")
    told = next(e for e in project.events() if e["kind"] == "restarting")
    assert f"liveness probe failed: connection refused on 127.0.0.1:{port}" in told["message"]


def test_a_life_of_min_uptime_begins_the_backoff_anew(project: ProjectUnderTest) -> None:
    """S17, S22: the delay grows from crash to crash, and not after lives that were long enough."""
    backoff = {"initial": "20ms", "factor": 10, "max": "1s"}
    restart = {"backoff": backoff, "limit": {"max": 3, "within": "1h"}}
    project.components(
        brief={"run": "exit 1", "restart": {**restart, "min_uptime": "10m"}},
        long={"run": "sleep 0.4; exit 1", "restart": {**restart, "min_uptime": "200ms"}},
    )
    project.roost("up", "--no-wait", check=True)
    for name, delays in (("brief", [0.02, 0.2, 1]), ("long", [0.02, 0.02, 0.02])):
        project.wait_state(name, "failed")
        told = [e for e in project.events() if (e["kind"], e["component"]) == ("restarting", name)]
        assert [e["data"]["delay_s"] for e in told] == pytest.approx(delays), name


def test_startup_delays_liveness(project: ProjectUnderTest) -> None:
    """S11, S15: while the startup probe has not passed, a liveness that would fail restarts nothing."""
    project.file("mood", "bad")
    server(project, startup=STARTED, liveness={"failure_threshold": 1})
    project.roost("up", "--no-wait", check=True)
    project.wait_state("web", "starting")
    time.sleep(0.6)
    web = project.component("web")
    assert (web["state"], web["run"]) == ("starting", 1)
    assert "startup" in web["reason"]
    project.file("mood", "ok")
    project.roost("wait", "web", "--timeout", "60s", check=True)
    assert project.component("web")["run"] == 1


def test_a_startup_probe_that_never_passes_restarts_at_its_threshold(project: ProjectUnderTest) -> None:
    """S11, S24: after `failure_threshold` failures it counts as a failed start."""
    project.file("mood", "bad")
    server(project, startup={"failure_threshold": 3})
    project.roost("up", "--no-wait", check=True)
    told = eventually(lambda: [e for e in project.events() if e["kind"] == "restarting"])
    assert "startup" in told[0]["message"]


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ({"tcp": 1}, "refused"),
        ({"exec": ["sh", "-c", "echo the disk is warm >&2; exit 3"]}, "3"),
        ({"exec": ["sleep", "60"], **IMPATIENT}, "500 ms"),
        ({"exec": ["/no/such/program"]}, "/no/such/program"),
        ({"log": "never printed"}, "never printed"),
    ],
    ids=["tcp", "exec", "hanging", "missing", "log"],
)
def test_every_failing_probe_says_what_is_wrong(
    project: ProjectUnderTest, handler: dict[str, Any], said: str
) -> None:
    """S16, S14: the reason, `why` and `status --verbose` have the probe's own error."""
    project.components(web={"run": STAY, "probes": {"readiness": {**QUICK, **handler}}})
    done = project.roost("up", "--timeout", "1500ms", check=5)
    assert "web" in done.err
    project.wait_for(lambda s: said in s["components"][0]["reason"])
    assert said in project.roost("why", "web", check=True).out
    assert "readiness" in project.roost("status", "--verbose", check=True).out


def test_readiness_by_a_line_of_the_log(project: ProjectUnderTest) -> None:
    """S18: true from this run's first matching line, also for the second run."""
    gate = project.root / "gate"
    probe = {"log": "^open$", "period": "100ms"}
    project.components(web={"run": program("gate", gate), "probes": {"readiness": probe}})
    project.roost("up", "--no-wait", check=True)
    project.wait_state("web", "running")
    eventually(lambda: project.log_lines("web") == ["waiting"])
    assert project.component("web")["ready"] is False
    gate.touch()
    project.roost("wait", "web", "--timeout", "60s", check=True)
    gate.unlink()
    project.roost("restart", "web", "--no-wait", check=True)
    project.wait_for(lambda s: s["components"][0]["run"] == 2 and s["components"][0]["state"] == "running")
    time.sleep(0.3)
    assert project.component("web")["ready"] is False
    gate.touch()
    project.roost("wait", "web", "--timeout", "60s", check=True)


def test_status_shows_each_probe(project: ProjectUnderTest) -> None:
    """S26, S27: `--verbose`: last result, latency, counts; in JSON the same as fields."""
    server(project, readiness={}, liveness=STARTED)
    project.up()
    eventually(lambda: (project.component("web")["probes"]["liveness"] or {}).get("successes", 0) >= 2)
    probes = project.component("web")["probes"]
    assert set(probes) == {"readiness", "liveness"}
    for probe in probes.values():
        assert probe["ok"] is True
        assert probe["successes"] >= 1
        assert probe["failures"] == 0
        assert 0 < probe["latency_ms"] < 30_000
        assert probe["at"].endswith("Z")
    shown = project.roost("status", "--verbose", check=True).out
    assert "readiness" in shown and "liveness" in shown
    assert "ms" in shown


def test_usage_is_that_of_the_whole_tree(project: ProjectUnderTest) -> None:
    """P17: memory of a component with two children of 40 MiB, CPU of one whose child computes."""
    burn = "import os\nif os.fork() == 0:\n while True: pass\nimport time; time.sleep(999)"
    project.components(family={"run": program("children", 2, 40)}, busy={"run": [sys.executable, "-c", burn]})
    project.up()
    eventually(lambda: len(project.log_lines("family")) == 2)

    def measured() -> bool:
        family, busy = project.component("family"), project.component("busy")
        return (family["rss_bytes"] or 0) > 80 << 20 and (
            busy["cpu_percent"] or 0
        ) > 2  # its parent takes none

    eventually(measured, every=0.3)
    assert project.component("family")["rss_bytes"] < 400 << 20
    project.roost("stop", "busy", check=True)


def test_colors_appear_on_a_terminal_only(project: ProjectUnderTest) -> None:
    """S27: green for what is well, red for what failed; none in a pipe; NO_COLOR is honoured."""
    project.components(web={"run": STAY}, bad={"run": "exit 1", "restart": "never"})
    project.roost("up", check=1)
    project.wait_state("web", "running")
    assert "\x1b[" not in project.roost("status", check=True).out

    def on_a_terminal(**env: str) -> str:
        master, slave = os.openpty()
        child = subprocess.Popen([*roost_command(), "status"], cwd=project.root, stdin=slave, stdout=slave,
                                 stderr=slave, env={**project.env, "TERM": "xterm-256color", **env})  # fmt: skip
        os.close(slave)
        seen = b""
        try:
            while piece := os.read(master, 65536):
                seen += piece
        except OSError:
            pass
        os.close(master)
        assert child.wait(PATIENCE) == 0
        return seen.decode()

    shown = on_a_terminal()
    assert "\x1b[32" in shown or "\x1b[1;32" in shown, repr(shown)
    assert "\x1b[31" in shown or "\x1b[1;31" in shown, repr(shown)
    assert "\x1b[3" not in on_a_terminal(NO_COLOR="1")
