"""`why` and `status --watch` through the command: a reason for every state there is (P10)."""

from __future__ import annotations

import json
import re
import time

import pytest

from e2e.harness import ProjectUnderTest, eventually

STAY = ["sleep", "600"]


@pytest.fixture
def every_state(project: ProjectUnderTest) -> ProjectUnderTest:
    """One component for each thing that there is to be told."""
    project.components(
        backing={"run": "exit 3", "restart": {"backoff": {"initial": "300s", "max": "600s"}}},
        spent={"run": "exit 4", "restart": {"backoff": {"initial": 0}, "limit": {"max": 2, "within": "10m"}}},
        missing={"run": ["no-such-program"], "restart": "never"},
        crashed={"run": "exit 5", "restart": "never"},
        stopped={"run": STAY},
        optional={"run": STAY, "profiles": ["extra"]},
        done={"type": "task", "run": "true"},
        slow={
            "run": STAY,
            "probes": {"readiness": {"exec": ["sh", "-c", "echo not yet; exit 1"], "timeout": "30s"}},
        },
        waiting={"run": STAY, "depends_on": ["slow"]},
        idle={"run": STAY, "autostart": False},
    )
    project.roost("up", "--no-wait", check=True)
    for name, state in (
        ("backing", "backoff"),
        ("spent", "failed"),
        ("missing", "failed"),
        ("done", "completed"),
        ("crashed", "failed"),
    ):
        project.wait_state(name, state)
    project.roost("stop", "stopped", check=True)
    project.wait_for(
        lambda s: any("not yet" in one["reason"] for one in s["components"] if one["name"] == "slow")
    )
    return project


def test_why_has_an_answer_for_every_state(every_state: ProjectUnderTest) -> None:
    """P10, S16, S23: with the time left of a back-off, the exits that used a limit up, the file that is missing."""
    expected = {
        "backing": r"backing \(backoff\): exit code 3; restart 1 of 10 in 5 min; .+ left",
        "spent": r"spent \(failed\): gave up after 2 restarts within 10 min; last: exit code 4; "
        r"before: 2 like it\n  run 1 after \S+ \w+: exit code 4\n  run 2 after \S+ \w+: exit code 4",
        "missing": r"missing \(failed\): failed: there is no program no-such-program in any folder of its PATH",
        "crashed": r"crashed \(failed\): failed: exit code 5",
        "stopped": r"stopped \(stopped\): stopped by request",
        "optional": r"optional \(stopped\): disabled by profile \(it takes part only with --profile extra\)",
        "done": r"done \(completed\): completed \(exit code 0\)",
        "idle": r"idle \(stopped\): not started yet",
    }
    for name, pattern in expected.items():
        said = every_state.roost("why", name, check=True).out.strip()
        assert re.fullmatch(pattern, said), said
    chain = every_state.roost("why", "waiting", "--json", check=True).json["chain"]
    assert [link["component"] for link in chain] == ["waiting", "slow"]
    assert "not yet" in chain[0]["reason"] and "not yet" in chain[1]["reason"]


def test_the_exits_that_used_a_limit_up_outlive_the_daemon(project: ProjectUnderTest) -> None:
    """P10, P8, S23: code, signal and cause of each life, also told by the next daemon, and by the files."""
    lives = "case $ROOST_RUN in 1) exit 7;; 2) kill -SEGV $$;; 3) exec sleep 600;; *) exit 9;; esac"
    hung = ["sh", "-c", "[ $ROOST_RUN != 3 ] || { echo hung; exit 1; }"]
    project.components(
        frail={
            "run": lives,
            "restart": {"backoff": {"initial": 0}, "limit": {"max": 3, "within": "1h"}},
            "probes": {"liveness": {"exec": hung, "period": 0.2, "timeout": "20s", "failure_threshold": 1}},
        }
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_state("frail", "failed")
    on_disk = project.state / "state.json"
    eventually(lambda: json.loads(on_disk.read_bytes())["components"]["frail"]["state"] == "failed")

    def told() -> list[tuple[int, int | None, int | None, str | None]]:
        (link,) = project.roost("why", "frail", "--json", check=True).json["chain"]
        assert "gave up after 3 restarts within 1 h; last: exit code 9; before: " in link["reason"]
        return [(one["run"], one["code"], one["signal"], one["cause"]) for one in link["exits"]]

    before = told()
    assert [life[:3] for life in before] == [(1, 7, None), (2, None, 11), (3, None, None)]
    assert re.fullmatch("liveness probe failed: .*hung", str(before[2][3]))
    first = project.status()["daemon"]["pid"]
    project.kill(first)
    project.wait_for(lambda s: s["daemon"]["running"] and s["daemon"]["pid"] != first)
    assert told() == before
    project.kill_both()
    assert told() == before


def test_the_time_left_of_a_backoff_runs_down(every_state: ProjectUnderTest) -> None:
    """P10: it is that of the moment in which one asks."""

    def left() -> str:
        return every_state.roost("why", "backing", check=True).out

    before = left()
    eventually(lambda: left() != before, what="less time is left")


def test_status_watch_redraws_by_event(project: ProjectUnderTest) -> None:
    """A change is shown when it happens, and while nothing happens nothing is asked of the daemon."""
    project.components(web={"run": STAY})
    project.up()
    first = project.component("web")["pid"]
    watching = project.start_roost("status", "--watch", "--json")
    assert watching.stdout is not None

    def requests() -> int:
        return int(project.roost("daemon", "health", "--json", check=True).json["requests"])

    try:
        assert json.loads(watching.stdout.readline())["components"][0]["pid"] == first
        before, at_once = requests(), requests()
        time.sleep(1.0)  # in which a watch that polls would ask
        assert requests() - at_once == at_once - before, "it asks for nothing by itself"
        project.kill(first)
        pid = first
        while pid in (first, None):
            pid = json.loads(watching.stdout.readline())["components"][0]["pid"]
        assert pid == project.component("web")["pid"]
    finally:
        watching.kill()
        watching.communicate()
