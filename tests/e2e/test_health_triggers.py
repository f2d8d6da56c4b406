"""What sets something off beside exits and probes: schedules, watched files, memory, hooks."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from e2e.harness import SOON, ProjectUnderTest, eventually

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]


def kinds(project: ProjectUnderTest, name: str) -> list[str]:
    return [event["kind"] for event in project.events() if event["component"] == name]


def watched(project: ProjectUnderTest, *folders: Path) -> None:
    """Wait until the daemon watches these folders; the system shows its watches (Linux) and sends no word."""
    if sys.platform != "linux":
        time.sleep(2)
        return
    facts = Path(f"/proc/{project.pids()[':daemon']}/fdinfo")
    wanted = {f"ino:{folder.stat().st_ino:x} " for folder in folders}

    def look() -> bool:
        shown = ""
        for file in facts.iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                shown += file.read_text()
        return all(one in shown for one in wanted)

    eventually(look, what="a watch of " + ", ".join(map(str, folders)))


def save(project: ProjectUnderTest, name: str, text: str) -> None:
    """Change a file in one go, as editors do."""
    project.file("saving", text).replace(project.root / name)


def test_a_scheduled_task_runs_when_its_time_comes(project: ProjectUnderTest) -> None:
    """`schedule`: `up` does not wait for it; "next run at …" before the first, `completed` between runs, green."""
    project.components(
        web={"run": STAY},
        backup={"type": "task", "run": "echo saved", "schedule": {"every": "2s"}},
        nightly={"type": "task", "run": "echo done", "schedule": "0 3 * * *"},
    )
    assert project.up().seconds < SOON
    shown = project.component("nightly")
    assert (shown["state"], shown["desired"], shown["run"]) == ("stopped", "running", 0)
    assert shown["reason"].startswith("next run at ")
    assert shown["next_run_at"]
    eventually(lambda: len(project.log_lines("backup")) >= 2, what="two runs")
    between = project.wait_state("backup", "completed")
    assert "next run at" in between["reason"] and between["next_run_at"]
    project.wait_for(lambda s: s["color"] == "green", what="green between two runs")
    eventually(lambda: project.roost("status", "--check").code == 0)

    before = project.pids()
    project.kill(before[":daemon"])
    runs = len(project.log_lines("backup"))
    eventually(lambda: len(project.log_lines("backup")) >= runs + 2, what="the schedule goes on")

    project.roost("stop", "backup", check=True)
    assert project.component("backup")["next_run_at"] is None
    project.roost("start", "nightly", check=True)
    assert project.log_lines("nightly") == ["done"], "a person may run it before its time"
    assert "next run at" in project.component("nightly")["reason"]


def test_changed_files_restart_what_watches_them(project: ProjectUnderTest) -> None:
    """`watch`: the reason names the file; ignored files change nothing; a replaced file is noticed too."""
    project.file("src/app.py", "1")
    project.file("settings.ini", "1")
    watch = {"paths": ["src", "settings.ini"], "ignore": ["*.css"], "debounce": "200ms"}
    project.components(web={"run": STAY, "watch": watch}, other={"run": STAY})
    project.up()
    other = project.pids()["other"]
    watched(project, project.root / "src", project.root)
    project.file("src/style.css", "x")
    with (project.root / "src/app.py").open("r+") as file:
        file.write("2")  # in one go: what is emptied first and then written is changed twice
    project.wait_for(lambda s: s["components"][0]["run"] == 2 and s["components"][0]["ready"])
    save(project, "settings.ini", "2")
    project.wait_for(lambda s: s["components"][0]["run"] == 3 and s["components"][0]["ready"])
    reasons = [e["message"] for e in project.events() if e["kind"] == "restarting"]
    assert reasons == ["changed: src/app.py", "changed: settings.ini"]
    assert project.component("web")["restarts"] == 2
    assert project.pids()["other"] == other


def test_a_chain_begins_with_a_changed_file(project: ProjectUnderTest) -> None:
    """A watched build that failed is built again when its source changes, and its followers run again."""
    project.file("src/main.c", "bad")
    project.components(
        build={"type": "task", "run": "grep -q good src/main.c && echo built", "watch": "src"},
        tests={
            "type": "task",
            "run": "echo tested",
            "depends_on": {"build": {"condition": "completed", "rerun": True}},
        },
    )
    assert project.roost("up").code == 1
    watched(project, project.root / "src")
    save(project, "src/main.c", "good")
    project.wait_for(lambda s: [c["state"] for c in s["components"]] == ["completed", "completed"])
    save(project, "src/main.c", "good too")
    project.wait_for(lambda s: [c["run"] for c in s["components"]] == [3, 2])


def test_too_much_memory_is_a_reason_to_restart(project: ProjectUnderTest) -> None:
    """`limits.memory`: of the whole tree, sustained, with the figures in the reason."""
    child = "import time; x = bytearray(90 * 1024 * 1024); time.sleep(3600)"
    grow = f"test -e grown || {{ touch grown; {sys.executable} -c '{child}' & }}; exec sleep 3600"
    project.components(web={"run": ["bash", "-c", grow], "limits": {"memory": "60MB"}})
    project.up()
    project.wait_for(lambda s: s["components"][0]["run"] == 2 and s["components"][0]["pid"])
    gone = next(event for event in project.events() if event["kind"] == "restarting")
    assert "MB of memory with all its processes, more than its limit of 60 MB" in gone["message"]
    assert "overgrown" in kinds(project, "web")


def test_hooks_run_beside_and_tell_only_failures(project: ProjectUnderTest) -> None:
    """`hooks`: each at its turn with what it needs to know; a slow one delays nothing, a failed one is an event."""
    note = 'echo "$ROOST_COMPONENT:$ROOST_EXIT_CODE:$ROOST_REASON" >> '
    project.components(
        job={
            "type": "task",
            "run": "exit 3",
            "hooks": {"on_exit": f"{note} exits", "on_failed": f"{note} failures"},
        },
        web={"run": STAY, "hooks": {"on_ready": "echo no such luck; exit 4"}},
        slow={"run": STAY, "hooks": {"on_ready": "sleep 600"}},
    )
    done = project.roost("up")
    assert (done.code, done.seconds < SOON) == (1, True), str(done)
    exits, failures = project.root / "exits", project.root / "failures"
    for file, text in ((exits, "job:3:exit code 3\n"), (failures, "job:3:failed: exit code 3\n")):
        eventually(lambda file=file: file.exists() and file.read_text(), what=f"the hook of {file.name}")  # type: ignore[misc]
        assert file.read_text() == text
    failed = eventually(
        lambda: [e for e in project.events() if e["kind"] == "hook_failed"], what="the failed hook's event"
    )
    assert [(e["component"], e["data"]["code"], e["data"]["output"]) for e in failed] == [
        ("web", 4, "no such luck")
    ]
    assert project.down().seconds < SOON, "a hook that hangs does not hold up the end"
