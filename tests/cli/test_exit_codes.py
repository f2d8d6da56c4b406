"""The exit codes of the contract, and where data and words go (INTERFACES.md §5)."""

from __future__ import annotations

import json

import pytest

from cli.calling import roost
from cli.fake_daemon import FakeDaemon
from cli.snapshots import component, snapshot
from roost.cli import session
from roost.platform.paths import ProjectPaths

Capture = pytest.CaptureFixture[str]


def test_status_without_a_daemon_shows_everything_and_says_how_to_start(
    paths: ProjectPaths, capsys: Capture
) -> None:
    """S28, S66: exit 3, every component as last known, a start hint."""
    done = roost(capsys, "status")
    assert done.code == 3
    assert {line.split()[0] for line in done.out.splitlines()[2:]} == {"db", "api"}
    assert "roost up" in done.err


def test_check_is_green_or_one(daemon: FakeDaemon, capsys: Capture) -> None:
    """`status --check` exits 0 only if the color is green; with names, only theirs counts."""
    assert roost(capsys, "status", "--check").code == 0
    failed = component("api", state="failed", ready=False, health="unknown", pid=None)
    daemon.snapshot = snapshot(component("db"), failed, color="red")
    assert roost(capsys, "status", "--check").code == 1
    assert roost(capsys, "status", "--check", "db").code == 0
    assert roost(capsys, "status", "--check", "api").code == 1


@pytest.mark.parametrize(
    "line",
    [
        ["start", "db"], ["stop", "db"], ["restart", "db"], ["signal", "db"], ["exec", "db", "--", "true"],
        ["wait", "db"], ["reload"], ["daemon", "status"], ["daemon", "health"], ["daemon", "restart"],
        ["call", "ping"], ["call", "project.status"], ["status", "--watch"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_needs_a_daemon_says_so(line: list[str], paths: ProjectPaths, capsys: Capture) -> None:
    """S53: without a daemon exit 3, how to start it and where its log is, and no stack trace."""
    done = roost(capsys, *line)
    assert (done.code, done.out) == (3, "")
    assert "roost up" in done.err and paths.daemon_log in done.err
    assert "Traceback" not in done.err


def test_down_without_a_daemon_is_done_already(paths: ProjectPaths, capsys: Capture) -> None:
    """`down` of what is down is a success."""
    done = roost(capsys, "down")
    assert (done.code, done.out) == (0, "nothing is running\n")


@pytest.mark.parametrize(
    ("code", "kind", "wanted"),
    [
        (-32001, "no_such_component", 4), (-32003, "timeout", 5), (-32002, "invalid_config", 2),
        (-32602, "invalid_params", 2), (-32601, "no_such_method", 2), (-32004, "conflict", 1),
        (-32008, "shutting_down", 3), (-32603, "internal", 1), (-32000, "failed", 1),
    ],
)  # fmt: skip
def test_each_error_of_the_interface_has_its_exit_code(
    code: int, kind: str, wanted: int, daemon: FakeDaemon, capsys: Capture
) -> None:
    """The message and the hint of an error go to standard error, its kind decides the exit code."""
    daemon.fail("component.get", code, "so it is", kind=kind, hint="do this")
    done = roost(capsys, "call", "component.get", '{"name": "x"}')
    assert (done.code, done.out) == (wanted, "")
    assert done.err == "roost: so it is\n  do this\n"


def test_an_error_without_a_kind_is_understood_by_its_number(daemon: FakeDaemon, capsys: Capture) -> None:
    """A method that an older daemon does not know is wrong usage."""
    assert roost(capsys, "call", "no.such").code == 2


def test_a_command_that_does_not_exist_is_wrong_usage(paths: ProjectPaths, capsys: Capture) -> None:
    """It is named in the answer, and the exit code is 2."""
    done = roost(capsys, "statsu")
    assert done.code == 2
    assert "statsu" in done.err


def test_a_near_name_is_suggested(paths: ProjectPaths, capsys: Capture) -> None:
    """An error says what to do."""
    assert "did you mean `roost status`?" in roost(capsys, "statsu").err
    assert "did you mean 'api'?" in roost(capsys, "logs", "ap").err


@pytest.mark.parametrize(
    "line",
    [
        ["up", "--timeout", "soon"], ["up", "--profile", "x"], ["up", "--rebuild"], ["logs", "-n", "x"],
        ["logs", "--since", "yesterday"], ["logs", "--grep", "("], ["logs", "--stream", "both"], ["start"],
        ["logs", "--run", "0"], ["logs", "--raw", "--json"], ["logs", "-f", "--until", "5m"], ["wait"],
        ["call", "ping", "{"], ["call", "ping", "3"], ["exec", "db"], ["exec", "db", "--"],
        ["completion", "tcsh"], ["daemon", "explode"], ["check", "nowhere.yaml"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_two(line: list[str], paths: ProjectPaths, capsys: Capture) -> None:
    """Wrong usage is refused before anything is done, with exit code 2 and a word on what is wrong."""
    done = roost(capsys, *line)
    assert done.code == 2
    assert done.err


def test_no_project_is_two(home: object, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Without a roost.yaml anywhere upwards: exit 2, and what to do."""
    monkeypatch.chdir(str(home))
    for line in (["status"], ["up"], ["logs"], ["down"]):
        done = roost(capsys, *line)
        assert done.code == 2
        assert "roost init" in done.err


def test_the_project_is_found_by_option_variable_and_from_below(
    paths: ProjectPaths, daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-C wins over ROOST_PROJECT, which wins over the nearest folder upwards."""
    import os

    below = os.path.join(paths.root, "a", "b")
    os.makedirs(below)
    monkeypatch.chdir(below)
    assert roost(capsys, "status").code == 0
    monkeypatch.chdir("/")
    monkeypatch.setenv("ROOST_PROJECT", paths.root)
    assert roost(capsys, "status").code == 0
    monkeypatch.setenv("ROOST_PROJECT", "/nowhere")
    assert roost(capsys, "status").code == 2
    assert roost(capsys, "-C", paths.root, "status").code == 0


def test_someone_who_is_not_the_owner_is_refused(
    paths: ProjectPaths, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P18: under sudo, say, every command is refused, naming the owner."""
    from roost.platform import owners

    monkeypatch.setattr(owners, "foreign_owner", lambda path: "alice")
    for line in (["status"], ["up"], ["logs"], ["down"], ["start", "db"]):
        done = roost(capsys, *line)
        assert (done.code, done.out) == (1, "")
        assert "alice" in done.err


def test_ctrl_c_is_130(daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted: exit 130 and nothing else."""

    def interrupted(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session.Session, "call", interrupted)
    done = roost(capsys, "start", "db")
    assert (done.code, done.out) == (130, "")


def test_json_is_exactly_what_the_interface_answers(daemon: FakeDaemon, capsys: Capture) -> None:
    """P16: --json prints the result of the call, with fields that this command has never heard of."""
    daemon.snapshot["later"] = {"ü": 1}
    assert json.loads(roost(capsys, "status", "--json").out) == daemon.snapshot
    daemon.answers["daemon.health"] = lambda params, progress: {"status": "healthy", "later": 1}
    assert json.loads(roost(capsys, "daemon", "health", "--json").out) == {"status": "healthy", "later": 1}
