"""What single commands ask the daemon, and what they make of its answers."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.calling import roost
from cli.fake_daemon import FakeDaemon, RpcFailure
from cli.snapshots import component, snapshot
from roost.platform.paths import ProjectPaths

Capture = pytest.CaptureFixture[str]
Tell = Callable[..., None]


# -- up ----------------------------------------------------------------------------------------------


def test_up_on_a_running_project_prints_the_facts(daemon: FakeDaemon, capsys: Capture) -> None:
    """S5, S34: success, with pid, uptime and component count."""
    daemon.answers["project.up"] = lambda params, tell: {"components": [component("db")], "failed": []}
    done = roost(capsys, "up", "db", "--timeout", "5s")
    assert done.code == 0
    assert done.out.splitlines()[0] == "shop is running: daemon pid 99, uptime 2 min, 2 components"
    assert daemon.asked_for("project.up") == {
        "names": ["db"],
        "wait": True,
        "timeout": 5.0,
        "env": None,
        "profiles": [],
    }


def test_up_shows_each_component_as_it_comes(daemon: FakeDaemon, capsys: Capture) -> None:
    """Plain lines where there is no terminal: one for each component, when it is there, and once."""

    def up(params: Any, tell: Tell) -> Any:
        tell(component=component("db", state="starting", ready=False))
        tell(component=component("db"))
        tell(component=component("db"))
        return {"components": [component("db"), component("job", state="completed", pid=None)], "failed": []}

    daemon.answers["project.up"] = up
    lines = roost(capsys, "up").out.splitlines()[1:]
    assert [line.rpartition(" (")[0] for line in lines] == ["✓ db ready", "✓ job completed"]


def test_up_names_what_failed_and_shows_its_last_lines(daemon: FakeDaemon, capsys: Capture) -> None:
    """A failure is exit 1, with the component, the reason, its last lines and where to look."""
    failure = {"name": "api", "reason": "exit code 1", "last_lines": ["no module\x1b[2J named x"]}
    daemon.answers["project.up"] = lambda params, tell: {"components": [], "failed": [failure]}
    done = roost(capsys, "up")
    assert done.code == 1
    assert "api failed: exit code 1\n    | no module named x\n" in done.err
    assert "roost why api" in done.err


def test_up_at_the_time_out_says_that_everything_goes_on(daemon: FakeDaemon, capsys: Capture) -> None:
    """Exit 5, and nothing is undone."""
    daemon.fail("project.up", -32003, "api is not ready", kind="timeout")
    done = roost(capsys, "up")
    assert done.code == 5
    assert "everything goes on" in done.err


def test_up_interrupted_says_that_everything_goes_on(daemon: FakeDaemon, capsys: Capture) -> None:
    """Ctrl-C while waiting ends the waiting alone: exit 130."""
    import _thread

    def up(params: Any, tell: Tell) -> Any:
        _thread.interrupt_main()
        raise RpcFailure(-32000, "nobody reads this")

    daemon.answers["project.up"] = up
    done = roost(capsys, "up")
    assert done.code == 130
    assert "everything goes on" in done.err


@pytest.mark.skipif(os.name == "nt", reason="starts a real keeper, as POSIX does")
def test_up_with_an_invalid_configuration_starts_nothing(paths: ProjectPaths, capsys: Capture) -> None:
    """S33: all problems, exit 2; the keeper, which is being loaded meanwhile, makes no folder and no socket."""
    Path(paths.config).write_text("version: 1\ncomponents: {a: {rnu: x}}\n", encoding="utf-8")
    done = roost(capsys, "up")
    assert not os.path.exists(paths.state) and not os.path.exists(paths.run)
    assert done.code == 2
    assert "roost.yaml:2:" in done.err and "rnu" in done.err


def test_up_goes_on_with_the_next_daemon(daemon: FakeDaemon, capsys: Capture) -> None:
    """P6: a daemon that is replaced while `up` waits is no failure: its successor is asked the same."""
    asked: list[Any] = []

    def up(params: Any, tell: Tell) -> Any:
        asked.append(params)
        if len(asked) == 1:
            daemon.drop_clients()
        return {"components": [component("db")], "failed": []}

    daemon.answers["project.up"] = up
    assert roost(capsys, "up").code == 0
    assert len(asked) == 2


def test_an_environment_that_is_not_text_is_named(
    daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P20: bytes that are no UTF-8 cannot travel; they are left out, and one is told."""
    monkeypatch.setenv("ODD", "\udcff")
    daemon.answers["project.up"] = lambda params, tell: {"components": [], "failed": []}
    done = roost(capsys, "up", "--env")
    assert done.code == 0
    assert "ODD" in done.err and "ODD" not in daemon.asked_for("project.up")["env"]


def test_up_can_replace_the_environment(
    daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up --env` gives the components the environment of this shell."""
    monkeypatch.setenv("COLOUR", "blue")
    daemon.answers["project.up"] = lambda params, tell: {"components": [], "failed": []}
    roost(capsys, "up", "--env", "--no-wait")
    asked = daemon.asked_for("project.up")
    assert asked["env"]["COLOUR"] == "blue"
    assert (asked["wait"], asked["timeout"]) == (False, None)


# -- start, stop, down -------------------------------------------------------------------------------


def test_stop_names_the_dependents_that_go_on(daemon: FakeDaemon, capsys: Capture) -> None:
    """S49: `stop` of one leaves the others running and names those that need it."""
    stopped = component("db", state="stopped", ready=False, pid=None)
    daemon.answers["component.stop"] = lambda params, tell: {"components": [stopped], "dependents": ["api"]}
    done = roost(capsys, "stop", "db")
    assert done.code == 0
    assert done.out.startswith("- db stopped")
    assert "api" in done.err


def test_down_shows_whom_it_waits_for_and_sees_that_all_is_gone(daemon: FakeDaemon, capsys: Capture) -> None:
    """S48, P5: while it waits it names those that are not down yet; at the end nobody answers any more."""

    def shutdown(params: Any, tell: Tell) -> Any:
        tell(waiting_for=["api", "db"])
        tell(waiting_for=["db"])
        daemon.listen_no_more()
        return {"stopped": ["api", "db"], "killed": []}

    daemon.answers["daemon.shutdown"] = shutdown
    done = roost(capsys, "down")
    assert (done.code, done.out) == (0, "down: 2 components stopped\n")
    assert done.err == "waiting for api, db\nwaiting for db\n"


def test_down_names_what_was_killed(daemon: FakeDaemon, capsys: Capture) -> None:
    """Past --timeout all is killed and named: exit 1."""

    def shutdown(params: Any, tell: Tell) -> Any:
        daemon.listen_no_more()
        return {"stopped": ["api"], "killed": ["db"]}

    daemon.answers["daemon.shutdown"] = shutdown
    done = roost(capsys, "down", "--timeout", "250ms")
    assert done.code == 1
    assert "killed" in done.err and "db" in done.err
    assert daemon.asked_for("daemon.shutdown") == {"timeout": 0.25}


def test_down_that_leaves_a_daemon_says_so(
    daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S48: one that still answers 5 s later is a failure, not a success."""
    monkeypatch.setattr("roost.cli.takedown.PATIENCE", 0.0)
    daemon.answers["daemon.shutdown"] = lambda params, tell: {"stopped": [], "killed": []}
    done = roost(capsys, "down")
    assert done.code == 1
    assert "still" in done.err


# -- exec, wait, events, why -------------------------------------------------------------------------


def test_exec_passes_bytes_and_code_on(daemon: FakeDaemon, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The command's output comes unchanged on its own stream, and its exit code is ours."""
    from roost.cli.__main__ import run

    def execute(params: Any, tell: Tell) -> Any:
        tell(stream="stdout", data=base64.b64encode(b"\xff\x00out").decode())
        tell(stream="stderr", data=base64.b64encode(b"err").decode())
        return {"code": 7, "signal": None}

    daemon.answers["component.exec"] = execute
    assert run(["exec", "db", "--", "ls", "-l", "--", "x"]) == 7
    assert capfdbinary.readouterr() == (b"\xff\x00out", b"err")
    assert daemon.asked_for("component.exec") == {"name": "db", "command": ["ls", "-l", "--", "x"]}


def test_exec_ended_by_a_signal_is_128_and_its_number(daemon: FakeDaemon, capsys: Capture) -> None:
    """As in a shell."""
    daemon.answers["component.exec"] = lambda params, tell: {"code": None, "signal": 9}
    assert roost(capsys, "exec", "db", "true").code == 137


def changes(*statuses: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    first = snapshot(component("db", state="starting", ready=False), component("api"))
    return [
        ("status.snapshot", first),
        *(("status.changed", {"color": "yellow", "components": [status]}) for status in statuses),
    ]


@pytest.mark.parametrize(
    ("status", "goal", "code"),
    [
        (component("db"), "ready", 0),
        (component("db", state="completed", ready=False), "ready", 0),
        (component("db", state="completed", ready=False), "completed", 0),
        (component("db", state="stopped", ready=False), "stopped", 0),
        (component("db", state="failed", ready=False), "ready", 1),
        (component("db", state="failed", ready=False), "completed", 1),
        (component("db", state="failed", ready=False), "stopped", 0),
    ],
)
def test_wait_ends_when_it_is_decided(
    status: dict[str, Any], goal: str, code: int, daemon: FakeDaemon, capsys: Capture
) -> None:
    """`wait` ends in the instant in which its goal is reached, or cannot be reached any more."""
    daemon.streams["status.stream"] = changes(status)
    assert roost(capsys, "wait", "db", "--for", goal).code == code


def test_wait_gives_up_at_its_time_out(daemon: FakeDaemon, capsys: Capture) -> None:
    """Exit 5, naming what is missing."""
    daemon.streams["status.stream"] = changes()
    done = roost(capsys, "wait", "api", "db", "--timeout", "50ms")
    assert done.code == 5
    assert "db starting" in done.err and "api" not in done.err


class Late(list[Any]):
    """What is said by a daemon that a busy machine holds up in between."""

    def __iter__(self) -> Iterator[Any]:
        time.sleep(0.3)
        return super().__iter__()


def test_wait_names_what_is_missing_though_its_time_was_up_at_once(
    daemon: FakeDaemon, capsys: Capture
) -> None:
    """Exit 5: a daemon that is slow to say the first word is heard all the same."""
    daemon.streams["status.stream"] = Late(changes())
    done = roost(capsys, "wait", "db", "--timeout", "50ms")
    assert done.code == 5
    assert "db starting" in done.err


def test_wait_for_an_unknown_name_is_four(daemon: FakeDaemon, capsys: Capture) -> None:
    """It would never come."""
    daemon.streams["status.stream"] = changes()
    assert roost(capsys, "wait", "nobody").code == 4


def test_watch_shows_each_change_once(daemon: FakeDaemon) -> None:
    """What is watched is the snapshot with every change in it, and without what is gone."""
    from roost.cli.watching import merged

    whole = snapshot(component("a"), component("b"), component("c"))
    changed = {"color": "red", "components": [component("b", state="failed")], "removed": ["c"]}
    now = merged(whole, changed)
    assert now["color"] == "red"
    assert [(one["name"], one["state"]) for one in now["components"]] == [("a", "running"), ("b", "failed")]


EVENT = {
    "seq": 7, "at": "2026-01-01T00:00:00.5Z", "kind": "exited", "component": "api", "run": 2,
    "message": "exit code 1", "data": {"last_lines": ["boom\x07"]},
}  # fmt: skip


def test_events_are_lines_with_their_last_words(daemon: FakeDaemon, capsys: Capture) -> None:
    """S24: an event shows time, kind, component and reason, and the last lines below it."""
    daemon.answers["events.query"] = lambda params, tell: {"events": [EVENT], "more": False}
    done = roost(capsys, "events", "--utc", "-n", "5")
    assert done.out == "2026-01-01 00:00:00.500Z  exited          api           exit code 1\n    | boom^G\n"
    assert json.loads(roost(capsys, "events", "--json").out) == EVENT


def test_events_and_reasons_are_known_without_a_daemon(paths: ProjectPaths, capsys: Capture) -> None:
    """`events` and `why` answer from the files."""
    os.makedirs(paths.state)
    Path(paths.events).write_text(json.dumps(EVENT) + "\n", encoding="utf-8")
    state = {
        "version": 1,
        "components": {
            "db": {
                "state": "failed",
                "reason": "exit code 3",
                "desired": "running",
                "history": [[1.0, 0.5, 1, 5.0, 3, None, None], [2.0, 0.02, 2, 6.0, 4, None, None]],
            },
            "api": {"state": "waiting", "reason": "waiting for db", "desired": "running"},
        },
    }
    Path(paths.state_json).write_text(json.dumps(state), encoding="utf-8")
    assert "exit code 1" in roost(capsys, "events").out
    done = roost(capsys, "why", "api", "--json")
    assert done.code == 0
    chain = json.loads(done.out)["chain"]
    assert [(link["component"], link["reason"]) for link in chain] == [
        ("api", "it was waiting when the daemon ended"),
        ("db", "exit code 3"),
    ]
    assert [(one["run"], one["code"]) for one in chain[1]["exits"]] == [(1, 3), (2, 4)]
    assert "    run 2 after 20 ms: exit code 4\n" in roost(capsys, "why", "api").out
    assert roost(capsys, "why", "nobody").code == 4


def test_reload_says_what_it_did(daemon: FakeDaemon, capsys: Capture) -> None:
    """S55: changed, added, removed and unchanged components by name."""
    answer = {"applied": True, "unchanged": ["a"], "changed": ["b"], "added": ["c"], "removed": ["d"]}
    daemon.answers["config.reload"] = lambda params, tell: answer
    done = roost(capsys, "reload")
    assert done.out == "changed    b\nadded      c\nremoved    d\nunchanged  a\n"
    assert json.loads(roost(capsys, "reload", "--json").out) == answer
    assert daemon.asked_for("config.reload") == {"dry_run": False}


# -- check, init, schema, demo -----------------------------------------------------------------------


def test_check_reports_all_problems_one_a_line(paths: ProjectPaths, capsys: Capture) -> None:
    """S68: every problem is a line of data, with file, line and column; exit 2."""
    Path("bad.yaml").write_text("version: 2\ncomponents:\n  a: {rnu: x}\n  b: {run: x, tipe: y}\n", "utf-8")
    done = roost(capsys, "check", "bad.yaml")
    assert done.code == 2
    lines = done.out.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("bad.yaml:") for line in lines)
    assert roost(capsys, "check").code == 0


def test_the_schema_is_one(paths: ProjectPaths, capsys: Capture) -> None:
    """P16: `schema` prints a JSON Schema that is one."""
    import jsonschema

    schema = json.loads(roost(capsys, "schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_init_writes_a_valid_file_and_keeps_git_clean_once(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S81: `.roost/` is added to .gitignore once, however often `init` is called; nothing is overwritten."""
    root = home / "My Shop"
    (root / ".git").mkdir(parents=True)
    (root / ".gitignore").write_text("*.log", encoding="utf-8")
    monkeypatch.chdir(root)
    assert roost(capsys, "init").code == 0
    assert roost(capsys, "check").code == 0
    assert (root / ".gitignore").read_text(encoding="utf-8") == "*.log\n.roost/\n"
    (root / "roost.yaml").write_text("mine", encoding="utf-8")
    again = roost(capsys, "init")
    assert again.code == 1
    assert (root / "roost.yaml").read_text(encoding="utf-8") == "mine"
    (root / "roost.yaml").unlink()
    roost(capsys, "init")
    assert (root / ".gitignore").read_text(encoding="utf-8").count(".roost") == 1


def test_init_outside_of_git_writes_no_gitignore(home: Path, capsys: Capture) -> None:
    """A folder without git gets a roost.yaml and nothing else."""
    (home / "plain").mkdir()
    assert roost(capsys, "-C", str(home / "plain"), "init").code == 0
    assert [path.name for path in (home / "plain").iterdir()] == ["roost.yaml"]


def test_the_demo_is_a_valid_project_of_python_alone(home: Path, capsys: Capture) -> None:
    """The demo has at least five components, a task among them, and is run by this very Python."""
    from roost.cli.commands import demo
    from roost.config.loading import load

    folder = home / "a demo"
    demo.write(str(folder))
    found = load(str(folder / "roost.yaml"), os.environ)
    assert found.project is not None, found.problems
    components = found.project.components.values()
    assert len(components) >= 5
    assert [one.name for one in components if one.type == "task"] == ["prepare", "report"]
    assert all(isinstance(one.run, tuple) and one.run[0] == sys.executable for one in components)
    assert all((folder / str(one.run[1])).is_file() for one in components if one.run)
    demo.write(str(folder))


def test_the_demo_never_overwrites_a_project(paths: ProjectPaths, capsys: Capture) -> None:
    """A folder with something else in it is refused."""
    before = Path(paths.config).read_text(encoding="utf-8")
    assert roost(capsys, "demo", paths.root).code == 1
    assert Path(paths.config).read_text(encoding="utf-8") == before


# -- help, completion, projects ----------------------------------------------------------------------


def test_help_lists_every_command_without_importing_it(capsys: Capture) -> None:
    """`roost --help` is quick: it knows the commands by its table."""
    import subprocess

    from roost.cli.app import COMMANDS

    program = (
        "import sys; from roost.cli.__main__ import run; run(['--help']); "
        "print(*[m for m in sys.modules if m.startswith('roost.cli.commands.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stderr.strip() == ""
    assert set(COMMANDS) <= {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}


@pytest.mark.parametrize("name", list(__import__("roost.cli.app", fromlist=["COMMANDS"]).COMMANDS))
def test_every_command_explains_itself(name: str, capsys: Capture) -> None:
    """Each command of the table has its module, its help, and that name."""
    done = roost(capsys, name, "--help")
    assert done.code == 0
    assert f"roost {name}" in done.out.splitlines()[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_its_script(shell: str, capsys: Capture) -> None:
    """`completion SHELL` prints a script that asks roost itself."""
    done = roost(capsys, "completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "_ROOST_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("shell", "words", "index"), [("bash", "roost logs a", "2"), ("powershell", "roost logs a", "2")]
)
def test_component_names_are_completed_from_the_daemon(
    shell: str, words: str, index: str, daemon: FakeDaemon, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a shell offers after `roost logs a` are the components that begin so."""
    monkeypatch.setenv("_ROOST_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", index)
    monkeypatch.setenv("COMP_WORD", "a")
    done = roost(capsys)
    assert [line.removeprefix("plain,") for line in done.out.split()] == ["api"]


def test_projects_are_listed_with_their_state(
    daemon: FakeDaemon, paths: ProjectPaths, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`projects --json`: name, folder, whether it runs, color and summary."""
    from roost.cli.commands import projects
    from roost.client import register

    monkeypatch.setattr(projects, "_PATIENCE", 60.0)
    assert json.loads(roost(capsys, "projects", "--json").out) == []
    register.remember("shop", paths.root)
    assert json.loads(roost(capsys, "projects", "--json").out) == [
        {"name": "shop", "root": paths.root, "running": True, "color": "green", "summary": "2 of 2 ready"}
    ]
    daemon.close()
    os.unlink(daemon.endpoint_path)
    entry = json.loads(roost(capsys, "projects", "--json").out)[0]
    assert (entry["running"], entry["color"]) == (False, "gray")
