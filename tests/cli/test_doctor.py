"""`roost doctor`: each layer that is broken alone is named (S7)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.calling import roost
from cli.fake_daemon import FakeDaemon
from cli.snapshots import snapshot
from roost.cli.doctor import layers
from roost.cli.doctor.layers import Facts, Recorded, judge
from roost.platform import identity
from roost.platform.locks import Lock
from roost.platform.paths import ProjectPaths

Capture = pytest.CaptureFixture[str]

HEALTHY = Facts(
    daemon_lock=True,
    keeper_lock=True,
    answer=snapshot()["daemon"],
    endpoint="unix:/run/roost.sock",
    socket_there=True,
    announcement_there=True,
    announced=Recorded(99, True, "python"),
    pid_file_there=True,
    pid_file=Recorded(99, True, "python"),
)
DEAD = Facts(endpoint="unix:/run/roost.sock")


def problems(facts: Facts) -> list[str]:
    return [finding.layer for finding in judge(facts) if finding.status == "problem"]


def test_a_healthy_daemon_has_no_problem() -> None:
    """All layers agree."""
    assert problems(HEALTHY) == []


def test_a_project_that_is_down_has_no_problem() -> None:
    """Nothing runs and nothing was left behind."""
    assert problems(DEAD) == []


@pytest.mark.parametrize(
    ("broken", "layer"),
    [
        ({"daemon_lock": False}, "lock"),
        ({"keeper_lock": False}, "keeper"),
        ({"pid_file_there": False, "pid_file": None}, "pid file"),
        ({"pid_file": None}, "pid file"),
        ({"pid_file": Recorded(7, True, "vim")}, "pid file"),
        ({"announcement_there": False, "announced": None}, "announcement"),
        ({"announced": None}, "announcement"),
        ({"announced": Recorded(7, False, None)}, "process"),
        ({"announced": Recorded(99, False, "python")}, "start time"),
        ({"answer": None, "socket_there": False}, "endpoint"),
        ({"answer": None}, "endpoint"),
        ({"answer": None, "trouble": "it said nothing for 2 s"}, "endpoint"),
    ],
)
def test_one_broken_layer_of_a_running_daemon_is_named_alone(broken: dict[str, object], layer: str) -> None:
    """S7: lock, pid file, process, start time, endpoint: each is found when it alone is wrong."""
    assert problems(HEALTHY._replace(**broken)) == [layer]


@pytest.mark.parametrize(
    ("left", "layer"),
    [
        ({"pid_file_there": True, "pid_file": Recorded(7, False, None)}, "pid file"),
        ({"pid_file_there": True, "pid_file": Recorded(7, True, "vim")}, "pid file"),
        ({"pid_file_there": True}, "pid file"),
        ({"announcement_there": True, "announced": Recorded(7, False, None)}, "process"),
        ({"announcement_there": True, "announced": Recorded(7, False, "vim")}, "start time"),
        ({"announcement_there": True, "announced": Recorded(7, True, "python")}, "lock"),
        ({"announcement_there": True}, "announcement"),
        ({"socket_there": True}, "endpoint"),
        ({"keeper_lock": True}, "daemon"),
        ({"live_runs": {"api": 7}}, "components"),
    ],
)
def test_one_thing_that_was_left_behind_is_named_alone(left: dict[str, object], layer: str) -> None:
    """S3, S51, S75: stale files are told apart from what is alive, and strangers are named, not touched."""
    assert problems(DEAD._replace(**left)) == [layer]


def test_every_problem_comes_with_advice() -> None:
    """It says what it would do."""
    stale = DEAD._replace(socket_there=True, keeper_lock=True, live_runs={"api": 7})
    assert all(finding.advice for finding in judge(stale) if finding.status == "problem")


def test_a_stale_pid_file_with_a_recycled_pid_names_the_stranger(
    paths: ProjectPaths, capsys: Capture
) -> None:
    """S3: the pid in a stale file is now another program's: reported, never signalled."""
    os.makedirs(paths.state, mode=0o700)
    Path(paths.daemon_pid).write_text(f"{os.getpid()}\n", encoding="ascii")
    done = roost(capsys, "doctor")
    assert done.code == 1
    assert (
        f"its pid {os.getpid()} is now another program's ({identity.process_name(os.getpid())})" in done.out
    )


def test_the_layers_are_read_from_the_real_things(
    paths: ProjectPaths, daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a held lock, an announcement of a live process and somebody who answers, only what lacks is named."""
    monkeypatch.setattr(layers, "_PATIENCE", 60.0)
    os.makedirs(paths.state, mode=0o700)
    pid = os.getpid()
    daemon.snapshot["daemon"]["pid"] = pid
    lock = Lock(paths.daemon_lock)
    assert lock.take()
    entry = {"pid": pid, "start_time": identity.start_time(pid), "boot_id": identity.boot_id()}
    Path(paths.daemon_json).write_text(json.dumps(entry), encoding="utf-8")
    answer = json.loads(roost(capsys, "doctor", "--json").out)
    lock.release()
    assert [each["layer"] for each in answer["findings"] if each["status"] == "problem"] == [
        "keeper",
        "pid file",
    ]
    assert answer["ok"] is False


def test_surroundings_are_looked_at(paths: ProjectPaths, capsys: Capture) -> None:
    """An open state folder, an invalid configuration and a damaged state are problems; exit 1."""
    assert roost(capsys, "doctor").code == 0
    os.makedirs(paths.state)
    os.chmod(paths.state, 0o755)
    Path(paths.config).write_text("version: 1\n", encoding="utf-8")
    Path(paths.state_json + ".unreadable").write_text("{", encoding="utf-8")
    answer = json.loads(roost(capsys, "doctor", "--json").out)
    found = [each["layer"] for each in answer["findings"] if each["status"] == "problem"]
    assert found == ["configuration", "state folder", "state"]
    assert not os.path.exists(paths.run)


def test_doctor_changes_nothing(paths: ProjectPaths, capsys: Capture) -> None:
    """It makes no folder and leaves no file."""
    before = sorted(str(path) for path in Path(paths.root).parent.rglob("*"))
    roost(capsys, "doctor")
    assert sorted(str(path) for path in Path(paths.root).parent.rglob("*")) == before
