"""`reload`: validated first, then only what changed is touched."""

from __future__ import annotations

import sys
from typing import Any

from e2e.harness import ProjectUnderTest, eventually, is_running

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]


def names(answer: dict[str, Any]) -> dict[str, list[str]]:
    """The lists of the answer that are not empty."""
    return {key: sorted(value) for key, value in answer.items() if isinstance(value, list) and value}


def test_an_invalid_configuration_leaves_everything_untouched(project: ProjectUnderTest) -> None:
    """S54: a cycle, then a syntax error: exit 2, all positions named, same pids, same configuration."""
    project.components(web={"run": STAY}, api={"run": STAY})
    project.up()
    before, hash_before = project.pids(), project.status()["project"]["config_hash"]
    project.components(web={"run": STAY, "depends_on": ["api"]}, api={"run": STAY, "depends_on": ["web"]})
    done = project.roost("reload", check=2)
    assert "web" in done.err and "api" in done.err
    assert "→" in done.err or "->" in done.err, done.err
    project.write("version: 1\ncomponents: {web: {run: [true}\n")
    done = project.roost("reload", check=2)
    assert "roost.yaml:" in done.err
    assert "Traceback" not in done.err
    assert project.pids() == before
    assert project.status()["project"]["config_hash"] == hash_before


def test_only_what_changed_restarts(project: ProjectUnderTest) -> None:
    """S55, S56, S57: unchanged keeps its pid, changed restarts, removed ends, added runs; by hash."""
    project.components(same={"run": STAY}, changed={"run": STAY}, removed={"run": STAY})
    project.up()
    before = project.pids()
    first_hash = project.status()["project"]["config_hash"]
    assert project.status()["project"]["config_stale"] is False
    project.components(same={"run": STAY}, changed={"run": STAY, "env": {"NEW": "1"}}, added={"run": STAY})
    assert project.status()["project"]["config_stale"] is True

    planned = project.roost("reload", "--dry-run", "--json", check=True).json
    assert planned["applied"] is False
    lists = {"unchanged": ["same"], "changed": ["changed"], "added": ["added"], "removed": ["removed"]}
    assert names(planned) == lists
    assert project.pids() == before

    done = project.roost("reload", "--json", check=True).json
    assert done["applied"] is True
    assert names(done) == lists
    after = project.wait_for(
        lambda s: (
            {one["name"]: one["state"] for one in s["components"]}
            == {"same": "running", "changed": "running", "added": "running"}
        )
    )
    now = project.pids()
    assert now["same"] == before["same"]
    assert now["changed"] != before["changed"]
    eventually(lambda: not is_running(before["removed"]), what="the end of removed")
    assert after["project"]["config_hash"] != first_hash
    assert after["project"]["config_stale"] is False
    told = [event for event in project.events() if event["kind"] == "reloaded"]
    assert len(told) == 1
    assert "changed" in told[0]["message"]


def test_a_reload_without_changes_does_nothing(project: ProjectUnderTest) -> None:
    """S55: same pids, and it says that nothing changed."""
    project.components(web={"run": STAY})
    project.up()
    before = project.pids()
    done = project.roost("reload", check=True)
    assert "nothing" in done.out.lower()
    assert project.pids() == before


def test_new_probes_and_limits_apply_without_a_restart(project: ProjectUnderTest) -> None:
    """S55: what does not concern the process itself is taken over in place: same pid, new probe."""
    project.components(web={"run": STAY})
    project.up()
    pid = project.pids()["web"]
    probe = {"exec": ["true"], "period": "100ms"}
    project.components(web={"run": STAY, "probes": {"readiness": probe}, "restart": "on-failure"})
    project.roost("reload", check=True)
    eventually(lambda: (project.component("web")["probes"].get("readiness") or {}).get("ok"))
    assert project.pids()["web"] == pid


def test_a_stopped_component_stays_stopped_over_a_reload(project: ProjectUnderTest) -> None:
    """S55, P8: a changed component that a person had stopped is not started by `reload`."""
    project.components(web={"run": STAY}, api={"run": STAY})
    project.up()
    project.roost("stop", "web", check=True)
    project.components(web={"run": STAY, "env": {"NEW": "1"}}, api={"run": STAY})
    project.roost("reload", check=True)
    assert project.component("web")["state"] == "stopped"


def test_a_killed_daemon_goes_on_with_what_was_applied(project: ProjectUnderTest) -> None:
    """S57, P8: roost.yaml was edited (even broken) and not reloaded: a new daemon keeps what runs."""
    project.components(web={"run": STAY})
    project.up()
    before = project.pids()
    project.write("version: 1\ncomponents: {other: {run: [sleep, '99']}, bad: {}}\n")
    project.kill(before[":daemon"])
    status = project.wait_for(lambda s: s["daemon"]["running"] and s["daemon"]["pid"] != before[":daemon"])
    assert [one["name"] for one in status["components"]] == ["web"]
    assert status["project"]["config_stale"] is True
    assert project.pids()["web"] == before["web"]
    project.down()
    assert not is_running(before["web"])


def test_after_everything_has_ended_the_file_as_it_is_counts(project: ProjectUnderTest) -> None:
    """S58, S57: ended by a signal, edited, brought up: the new configuration runs, not the old one."""
    project.components(web={"run": STAY})
    project.up()
    pids = project.pids()
    project.kill(pids[":keeper"], 15)
    eventually(lambda: not any(map(is_running, pids.values())))
    project.components(api={"run": STAY})
    project.up()
    assert set(project.pids()) == {":daemon", ":keeper", "api"}
