"""What follows what: replicas, profiles, `restart: true`, `rerun: true`, external components, failing lines."""

from __future__ import annotations

import socket
import sys
from typing import Any

from e2e.harness import ProjectUnderTest, eventually, free_port

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]


def states(project: ProjectUnderTest) -> dict[str, str]:
    return {one["name"]: one["state"] for one in project.status()["components"]}


def kinds(project: ProjectUnderTest, name: str) -> list[str]:
    return [event["kind"] for event in project.events() if event["component"] == name]


def reason(project: ProjectUnderTest, name: str) -> str:
    chain: list[dict[str, Any]] = project.roost("why", name, "--json", check=True).json["chain"]
    return " / ".join(f"{link['component']}: {link['reason']}" for link in chain)


def test_replicas_are_components_of_their_own(project: ProjectUnderTest) -> None:
    """INTERFACES §3: NAME-1 … NAME-n with ROOST_REPLICA each; NAME stands for all of them."""
    show = "import os, time; print('I am', os.environ['ROOST_REPLICA'], flush=True); time.sleep(3600)"
    project.components(
        worker={"run": [sys.executable, "-c", show], "replicas": 3},
        web={"run": STAY, "depends_on": ["worker"]},
    )
    project.up()
    assert states(project) == {
        "worker-1": "running",
        "worker-2": "running",
        "worker-3": "running",
        "web": "running",
    }
    eventually(lambda: project.log_lines("worker-2") == ["I am 2"], what="the replica's number")
    assert project.component("worker-3")["group"] == "worker"
    project.roost("stop", "worker", check=True)
    assert set(states(project).values()) == {"stopped", "running"}
    assert states(project)["web"] == "running"


def test_a_component_with_profiles_takes_part_only_with_one(project: ProjectUnderTest) -> None:
    """`up --profile`; without it `why` says so, and a start is refused with what to do."""
    project.components(web={"run": STAY}, debug={"run": STAY, "profiles": ["dev"]})
    project.up()
    assert states(project) == {"web": "running", "debug": "stopped"}
    assert "disabled by profile" in reason(project, "debug")
    assert "disabled by profile" in project.roost("why", "debug", check=True).out
    refused = project.roost("start", "debug")
    assert refused.code == 1
    assert "roost up --profile dev" in refused.err
    assert project.roost("up", "--profile", "deev").code != 0

    project.up("--profile", "dev")
    assert states(project) == {"web": "running", "debug": "running"}
    before = project.pids()
    project.kill(before[":daemon"])
    eventually(
        lambda: project.pids().get(":daemon", before[":daemon"]) != before[":daemon"], what="the next daemon"
    )
    assert states(project) == {"web": "running", "debug": "running"}, "the choice outlives the daemon"

    project.down()
    project.up()
    assert states(project) == {"web": "running", "debug": "stopped"}, "and ends with the project"


def test_a_dependent_restarts_with_what_it_depends_on(project: ProjectUnderTest) -> None:
    """`restart: true`: a new pid for the follower, none for the other dependent."""
    project.components(
        db={"run": STAY},
        api={"run": STAY, "depends_on": {"db": {"restart": True}}},
        web={"run": STAY, "depends_on": ["db"]},
    )
    project.up()
    before = project.pids()
    project.roost("restart", "db", check=True)
    project.wait_for(
        lambda s: {c["name"]: c["run"] for c in s["components"] if c["pid"]} == {"db": 2, "api": 2, "web": 1}
    )
    after = project.pids()
    assert after["web"] == before["web"]
    restarting = [e for e in project.events() if e["component"] == "api" and e["kind"] == "restarting"]
    assert [event["message"] for event in restarting] == ["db has restarted"]


def test_a_chain_runs_again_when_its_source_completes_again(project: ProjectUnderTest) -> None:
    """`rerun: true`: build → tests → server, by the start of build alone."""
    project.components(
        build={"type": "task", "run": "echo built"},
        tests={
            "type": "task",
            "run": "echo tested",
            "depends_on": {"build": {"condition": "completed", "rerun": True}},
        },
        server={"run": STAY, "depends_on": {"tests": {"condition": "completed", "restart": True}}},
    )
    project.up()
    project.roost("start", "build", check=True)
    project.wait_for(
        lambda s: {c["name"]: c["run"] for c in s["components"]} == {"build": 2, "tests": 2, "server": 2}
    )
    project.wait_state("server", "running")
    assert project.log_lines("tests") == ["tested", "tested"]


def test_what_is_external_is_watched_and_never_touched(project: ProjectUnderTest) -> None:
    """S79: waited for, shown as it is, and still there after `down`."""
    port = free_port()
    project.components(
        ollama={
            "external": True,
            "probes": {
                "liveness": {"tcp": port, "period": "100ms", "timeout": "30s", "failure_threshold": 1}
            },
        },
        web={"run": STAY, "depends_on": ["ollama"]},
    )
    late = project.roost("up", "--timeout", "1s")
    assert late.code == 5, str(late)
    assert states(project) == {"ollama": "waiting", "web": "waiting"}
    eventually(lambda: f"connection refused on 127.0.0.1:{port}" in reason(project, "web"))
    assert project.status()["color"] == "yellow"
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(4096)  # nobody accepts what the probe opens
        project.up()
        shown = project.component("ollama")
        assert (shown["state"], shown["ready"], shown["health"]) == ("running", True, "healthy")
        assert (shown["kind"], shown["pid"], shown["run"]) == ("external", None, 0)
        assert project.status()["color"] == "green"
        refused = project.roost("signal", "ollama", "TERM")
        assert refused.code == 1 and "external" in refused.err, str(refused)
    project.wait_state("ollama", "waiting")
    assert states(project)["web"] == "running", "what runs is left alone"
    project.down()


def test_a_failing_line_in_the_log_restarts_a_service(project: ProjectUnderTest) -> None:
    """`log: {fail: …}` as liveness; the reason shows the line, and a new daemon does not judge it again."""
    script = "echo up; while ! test -e bad; do sleep 0.05; done; rm bad; echo FATAL: lost it; exec sleep 3600"
    probe = {"log": {"fail": "^FATAL"}, "failure_threshold": 1, "period": "1s"}
    project.components(
        web={"run": script, "probes": {"liveness": probe}, "restart": {"backoff": {"initial": "0s"}}}
    )
    project.up()
    project.file("bad", "")
    project.wait_for(lambda s: s["components"][0]["run"] == 2 and s["components"][0]["pid"])
    gone = [event for event in project.events() if event["kind"] == "restarting"]
    assert "FATAL: lost it" in gone[0]["message"]
    assert kinds(project, "web").count("started") == 2
