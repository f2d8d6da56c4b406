"""From `up` to `down`: what the command starts, what it says, and that nothing is left when it is over."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import (
    COMMAND_TIMEOUT,
    NEVER_READY,
    PATIENCE,
    SOON,
    Completed,
    ProjectUnderTest,
    call,
    eventually,
    free_port,
    is_running,
    program,
    roost_command,
)

STAY = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(3600)"]
NEVER_LATE = {"timeout": "10m"}  # a stop that waits out its time is not finished when the test's patience is
WITHOUT_POLLING = 5.0  # seconds: less than the watchdog's ten; how quick it is, is in the benchmark


def endpoint_path(project: ProjectUnderTest) -> Path:
    """The socket that `status` names."""
    kind, _, path = project.status()["daemon"]["endpoint"].partition(":")
    assert kind == "unix"
    return Path(path)


def plain(done: Completed) -> None:
    """Whatever went wrong was said in words: no stack trace."""
    assert "Traceback" not in done.out + done.err, str(done)


def of_kind(project: ProjectUnderTest, kind: str, component: str | None = None) -> list[dict[str, Any]]:
    """The events of one kind, oldest first."""
    return [e for e in project.events() if e["kind"] == kind and component in (None, e["component"])]


# -- up -------------------------------------------------------------------------------------------------


def test_up_returns_inside_a_command_substitution(project: ProjectUnderTest) -> None:
    """S32, S33: `x=$(roost up 2>&1)` ends although everything goes on; the daemon outlives that shell."""
    project.components(web={"run": STAY})
    script = 'x=$("$0" up 2>&1); echo "code $?"; echo "$x"'
    done = call(["sh", "-c", script, roost_command()[0]], cwd=project.root, env=project.env)
    assert done.out.startswith("code 0"), str(done)
    pids = project.pids()
    assert set(pids) == {":daemon", ":keeper", "web"}
    assert all(is_running(pid) for pid in pids.values())
    assert "web" in done.out


def test_the_stack_outlives_the_terminal_that_started_it(project: ProjectUnderTest) -> None:
    """S32: `up` on a terminal of its own; the terminal goes, keeper, daemon and component keep their pids."""
    import fcntl
    import termios

    project.components(web={"run": STAY})
    master, slave = os.openpty()
    child = subprocess.Popen(
        [*roost_command(), "up"],
        cwd=project.root,
        env={**project.env, "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while os.read(master, 65536):
            pass
    assert child.wait(PATIENCE) == 0
    before = project.pids()
    os.close(master)  # the hang-up
    assert set(before) == {":daemon", ":keeper", "web"}
    for pid in before.values():
        assert os.getsid(pid) != child.pid
    time.sleep(0.2)
    assert project.pids() == before


def test_up_on_a_running_project_says_so_and_starts_nothing(project: ProjectUnderTest) -> None:
    """S5, S34: exit 0; pid, uptime and number of components are printed; the processes are the same."""
    project.components(web={"run": STAY}, api={"run": STAY})
    project.up()
    before = project.pids()
    again = project.up()
    assert str(before[":daemon"]) in again.out
    assert "uptime" in again.out
    assert "2 components" in again.out
    assert project.pids() == before
    assert len(of_kind(project, "started")) == 2


def test_twenty_simultaneous_ups_make_one_daemon(project: ProjectUnderTest) -> None:
    """S2, S72: all twenty succeed without a word of a crash; one daemon, each component started once."""
    project.components(web={"run": STAY}, once={"type": "task", "run": "echo done"})
    calls = [project.start_roost("up") for _ in range(20)]
    answers = [(one.communicate(timeout=COMMAND_TIMEOUT), one.returncode) for one in calls]
    for (out, err), code in answers:
        said = (out + err).decode()
        assert code == 0, said
        assert "Traceback" not in said
    pids = project.pids()
    eventually(lambda: project.log_lines("web"), what="the first line of web")
    assert project.log_lines("web") == ["here"]
    assert project.log_lines("once") == ["done"]
    assert len(of_kind(project, "daemon_started")) == 1
    eventually(  # the keepers of those who were not first know that they are not wanted, and are about to end
        lambda: {one.pid for one in project.leftovers()} == set(pids.values()), what="one of each"
    )


def test_up_with_an_invalid_configuration_starts_nothing(project: ProjectUnderTest) -> None:
    """S33: it fails with exit code 2 and the position; no keeper, no daemon, no state is left."""
    project.write("version: 1\ncomponents:\n  web: {runn: [sleep, '9']}\n")
    done = project.roost("up", check=2)
    plain(done)
    assert re.search(r"roost\.yaml:3:\d+: ", done.err), done.err
    assert "run" in done.err
    eventually(lambda: not project.leftovers(), what="the keeper that was being loaded has ended")
    assert not project.state.exists()
    assert not list(project.home.rglob("*")), "nor anything in the user's folders"


def test_up_names_what_failed_with_its_last_lines(project: ProjectUnderTest) -> None:
    """S33: a component that ends at once: exit 1, its name, its exit code and the last lines of its log."""
    project.components(
        broken={
            "run": "echo the very last words; exit 7",
            "restart": "never",
            "probes": NEVER_READY,
        },
        web={"run": STAY},
    )
    done = project.roost("up", check=1)
    plain(done)
    assert "broken" in done.err
    assert "7" in done.err
    assert "the very last words" in done.err
    assert project.wait_state("web", "running")


def test_up_that_times_out_leaves_everything_going_on(project: ProjectUnderTest) -> None:
    """S33: exit 5 at `--timeout`; what is not ready yet goes on and becomes ready later."""
    gate = project.root / "open"
    probe = {"exec": ["test", "-e", str(gate)], "period": "100ms"}
    project.components(slow={"run": STAY, "probes": {"readiness": probe}})
    done = project.roost("up", "--timeout", "500ms", check=5)
    plain(done)
    assert "slow" in done.err
    assert done.seconds < SOON
    gate.touch()
    project.roost("wait", "slow", "--timeout", "60s", check=True)


def test_interrupting_up_leaves_everything_going_on(project: ProjectUnderTest) -> None:
    """Ctrl-C ends `up` with 130; the component goes on."""
    probe = {"exec": ["false"], "period": "100ms"}
    project.components(slow={"run": STAY, "probes": {"readiness": probe}})
    waiting = project.start_roost("up")
    project.wait_state("slow", "running")
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 130, (out + err).decode()
    assert b"Traceback" not in out + err
    assert project.component("slow")["state"] == "running"


def test_up_no_wait_returns_before_anything_is_ready(project: ProjectUnderTest) -> None:
    """S32: `--no-wait` returns at once, exit 0 (waiting, it would end at the time-out, with 5)."""
    probe = {"exec": ["false"], "period": "100ms"}
    project.components(slow={"run": STAY, "probes": {"readiness": probe}})
    project.roost("up", "--no-wait", check=True)
    assert project.wait_state("slow", "running")["ready"] is False


def test_up_by_name_starts_what_it_needs_and_nothing_else(project: ProjectUnderTest) -> None:
    """P9: `up api` starts api and the db that it depends on, not the unrelated other."""
    project.components(
        db={"run": STAY, "autostart": False}, api={"run": STAY, "depends_on": ["db"]}, other={"run": STAY}
    )
    project.up("api")
    states = {one["name"]: one["state"] for one in project.status()["components"]}
    assert states == {"db": "running", "api": "running", "other": "stopped"}


def test_dependents_start_in_the_instant_their_condition_holds(project: ProjectUnderTest) -> None:
    """P9: a task's dependents start by its end and not before: long before the watchdog's look, or a poll.

    One look in time would be luck; that all of a chain are late is no busy machine.
    """
    steps = ["a", "b", "c", "d", "e"]
    tasks: dict[str, dict[str, Any]] = {name: {"type": "task", "run": "sleep 0.2"} for name in steps}
    for before, name in pairwise(steps):
        tasks[name]["depends_on"] = {before: "completed"}
    beside = {f"at_once_{name}": {"run": STAY, "depends_on": {name: "started"}} for name in steps[:3]}
    project.components(**tasks, **beside)
    project.up()
    first = {(e["component"], e["kind"]): e["at"] for e in reversed(project.events())}
    after = [seconds_between(first[a, "completed"], first[b, "started"]) for a, b in pairwise(steps)]
    with_it = [
        seconds_between(first[name, "started"], first[f"at_once_{name}", "started"]) for name in steps[:3]
    ]
    for late in (after, with_it):
        assert min(late) >= 0
        assert min(late[1:]) < WITHOUT_POLLING, late


def test_a_gate_fails_at_once_when_what_it_waits_for_has_failed(project: ProjectUnderTest) -> None:
    """P9: `up` does not wait out its time for a dependent of a task that failed; it names the task."""
    project.components(
        migrate={"type": "task", "run": "echo no such table; exit 3"},
        api={"run": STAY, "depends_on": {"migrate": "completed"}},
    )
    done = project.roost("up", "--timeout", "10m", check=1)
    assert done.seconds < SOON
    assert "migrate" in done.err
    assert "no such table" in done.err
    chain = project.roost("why", "api", "--json", check=True).json["chain"]
    assert [link["component"] for link in chain] == ["api", "migrate"]
    assert chain[1]["state"] == "failed"


def seconds_between(earlier: str, later: str) -> float:
    """Of two RFC 3339 times."""
    from datetime import datetime

    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


# -- down -----------------------------------------------------------------------------------------------


def test_down_leaves_nothing(project: ProjectUnderTest) -> None:
    """S8, S48: children and double-forked descendants end, too; pid file, daemon.json and socket are gone."""
    project.components(
        family={"run": program("children", 2, 1), "stop": NEVER_LATE},
        escaped={"run": program("double_fork"), "stop": NEVER_LATE},
        web={"run": STAY, "depends_on": ["family"], "stop": NEVER_LATE},
    )
    project.up()
    socket = endpoint_path(project)
    assert socket.is_socket()
    eventually(lambda: len(project.log_lines("family")) == 2 and project.log_lines("escaped"))
    told = project.log_lines("family") + project.log_lines("escaped")
    descendants = [project.learn(int(line.split()[1])) for line in told]
    assert len(descendants) == 3
    pids = project.pids()
    done = project.down()
    assert [name for name, pid in pids.items() if is_running(pid)] == []
    assert [pid for pid in descendants if is_running(pid)] == []
    assert not (project.state / "daemon.pid").exists()
    assert not (project.state / "daemon.json").exists()
    assert not socket.exists()
    assert done.seconds < SOON, "somebody was not ended by TERM, but by its time-out"


def test_down_stops_dependents_first_and_names_whom_it_waits_for(project: ProjectUnderTest) -> None:
    """S25, P5: reverse order; one that ignores TERM is waited for by name, then killed after its own time."""
    project.components(
        db={"run": STAY},
        web={"run": program("ignore_term"), "stop": {"timeout": "1s"}, "depends_on": ["db"]},
    )
    project.up()
    eventually(lambda: project.log_lines("web"))
    pids = project.pids()
    done = project.down()
    assert not is_running(pids["web"])
    assert "waiting for web" in done.out + done.err
    assert 1 <= done.seconds < SOON
    ended = [event["component"] for event in of_kind(project, "exited")]
    assert ended == ["web", "db"]
    last = of_kind(project, "exited", "web")[-1]
    assert last["data"]["signal"] == signal.SIGKILL


def test_down_with_a_time_limit_kills_and_names_the_rest(project: ProjectUnderTest) -> None:
    """S48: past `--timeout` all is killed and named, exit 1, and nothing is left."""
    project.components(stubborn={"run": program("ignore_term"), "stop": NEVER_LATE})
    project.up()
    eventually(lambda: project.log_lines("stubborn"))
    pids = project.pids()
    done = project.roost("down", "--timeout", "500ms", check=1)
    plain(done)
    assert "stubborn" in done.err
    assert done.seconds < SOON
    assert not any(is_running(pid) for pid in pids.values())


def test_down_without_anything_running_says_so(project: ProjectUnderTest) -> None:
    """S48: nothing to do is no error."""
    project.components(web={"run": STAY})
    assert "nothing" in project.roost("down", check=True).out


def test_nothing_restarts_while_everything_stops(project: ProjectUnderTest) -> None:
    """S25: during `down` an exit is no reason for a restart, nor is one that was due already."""
    quick = {"backoff": {"initial": "300ms"}}
    project.components(
        slow={"run": program("ignore_term"), "stop": {"timeout": "1s"}},
        crashing={"run": "exit 1", "restart": quick},
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_state("crashing", "backoff")
    project.wait_state("slow", "running")
    project.down()
    events = project.events()
    stopped = next(i for i, e in enumerate(events) if e["kind"] == "stopped" and e["component"] == "crashing")
    later = [e["kind"] for e in events[stopped:] if e["kind"] in ("started", "restarting")]
    assert later == []


@pytest.mark.parametrize("who", [":daemon", ":keeper"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_to_daemon_or_keeper_is_a_down_that_keeps_wishes(
    project: ProjectUnderTest, who: str, number: signal.Signals
) -> None:
    """S58, S6: all ends in good order, dependents first; the next `up` wants again what was wanted before."""
    project.components(
        db={"run": STAY}, web={"run": STAY, "depends_on": ["db"]}, idle={"run": STAY, "autostart": False}
    )
    project.up()
    project.roost("start", "idle", check=True)
    pids = project.pids()
    project.kill(pids[who], number)
    eventually(lambda: not any(map(is_running, pids.values())), what=f"the end after {number.name}")
    status = project.status()
    assert status["daemon"]["running"] is False
    assert {one["name"]: one["desired"] for one in status["components"]} == {
        "db": "running",
        "web": "running",
        "idle": "running",
    }
    ended = [event["component"] for event in of_kind(project, "exited")]
    assert ended.index("web") < ended.index("db")
    project.up()
    assert project.wait_state("idle", "running")


# -- foreground and sessions ----------------------------------------------------------------------------


def test_foreground_shows_the_logs_and_ends_everything_at_control_c(project: ProjectUnderTest) -> None:
    """S63: `up --foreground` prints what components write; Ctrl-C stops everything in order."""
    project.components(db={"run": STAY}, web={"run": program("counter"), "depends_on": ["db"]})
    front = project.start_roost("up", "--foreground")
    assert front.stdout is not None
    seen = b""
    while b"out 3" not in seen:
        piece = os.read(front.stdout.fileno(), 65536)
        assert piece, "the foreground ended early"
        seen += piece
    pids = project.pids()
    front.send_signal(signal.SIGINT)
    out, err = front.communicate(timeout=PATIENCE)
    assert front.returncode in (0, 130), (out + err).decode()
    assert b"Traceback" not in err
    assert not any(is_running(pid) for pid in pids.values())
    assert [event["component"] for event in of_kind(project, "exited")] == ["web", "db"]


def test_each_command_is_a_session_of_its_own(project: ProjectUnderTest) -> None:
    """S59: up, status, logs and down, each from a separate process, in separate process sessions."""
    project.components(web={"run": program("counter")})
    project.up()
    assert "running" in project.roost("status", check=True).out
    eventually(lambda: len(project.log_lines("web")) > 10)
    assert len(project.roost("logs", "-n", 10, check=True).out.splitlines()) == 10
    project.down()
    assert project.roost("status").code == 3


def test_status_without_a_daemon_shows_what_was_last_known(project: ProjectUnderTest) -> None:
    """S28, S66: exit 3, a start hint, every component; as JSON the same fields as with a daemon."""
    project.components(web={"run": STAY}, bad={"run": "exit 4", "restart": "never", "probes": NEVER_READY})
    before = project.roost("status", check=3)
    assert "roost up" in before.out + before.err
    assert "web" in before.out
    project.roost("up", check=1)
    running = project.status()
    project.down()
    done = project.roost("status", check=3)
    plain(done)
    assert "roost up" in done.out + done.err
    assert "web" in done.out
    stopped = project.status()
    assert stopped["daemon"]["running"] is False
    assert stopped["color"] == "gray"
    assert set(stopped["components"][0]) == set(running["components"][0])
    exits = {one["name"]: one["last_exit"] for one in stopped["components"]}
    assert exits["bad"]["code"] == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("start", "web"),
        ("reload",),
        ("why", "nobody"),
        ("call", "ping"),
        ("daemon", "status"),
        ("exec", "web", "--", "true"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_needs_a_daemon_says_that_there_is_none(
    project: ProjectUnderTest, arguments: tuple[str, ...]
) -> None:
    """S53, S28: exit code 3 (4 for an unknown name), a plain sentence and the command that starts it."""
    project.components(web={"run": STAY})
    done = project.roost(*arguments)
    plain(done)
    assert done.code in ((3, 4) if "nobody" in arguments else (3,)), str(done)
    assert done.err.strip()


def test_a_crashed_daemon_that_is_not_back_yet_is_said_plainly(project: ProjectUnderTest) -> None:
    """S53: cannot connect, the log's path, the command that starts it again, exit 3, no stack trace."""
    project.components(web={"run": STAY})
    project.up()
    pids = project.pids()
    project.kill(pids[":keeper"], signal.SIGSTOP)  # so that it cannot bring the daemon back
    try:
        project.kill(pids[":daemon"], signal.SIGKILL)
        eventually(lambda: not is_running(pids[":daemon"]))
        done = project.roost("stop", "web", check=3)
        plain(done)
        assert "cannot connect" in done.err
        assert str(project.state / "daemon.log") in done.err
        assert "roost up" in done.err
    finally:
        project.kill(pids[":keeper"], signal.SIGCONT)
    project.wait_for(lambda status: status["daemon"]["running"], what="the daemon back")
    assert project.pids()["web"] == pids["web"]


# -- crashes --------------------------------------------------------------------------------------------


def test_a_killed_component_runs_again_by_itself(project: ProjectUnderTest) -> None:
    """S9, S21: after `kill -9` it is back with another pid, a second run and one restart counted."""
    project.components(web={"run": STAY, "restart": {"backoff": {"initial": "50ms"}}}, other={"run": STAY})
    project.up()
    before = project.pids()
    project.kill(before["web"])
    project.wait_for(lambda _: (one := project.component("web"))["run"] == 2 and one["ready"])
    web = project.component("web")
    assert web["pid"] != before["web"]
    assert web["restarts"] == 1
    assert web["last_restart_at"] is not None
    assert web["last_exit"]["signal"] == signal.SIGKILL
    assert web["last_exit"]["code"] is None
    assert project.component("other")["pid"] == before["other"]


def test_the_backoff_doubles_and_every_attempt_is_told(project: ProjectUnderTest) -> None:
    """S22, S24, S76: the default delays begin 1, 2, 4 s; each has reason, attempt, code, last lines."""
    project.components(web={"run": "echo bang; exit 9"})
    project.roost("up", "--no-wait", check=True)
    attempts = eventually(lambda: found if len(found := of_kind(project, "restarting")) >= 3 else [])
    assert [event["data"]["delay_s"] for event in attempts[:3]] == [1, 2, 4]
    assert [event["data"]["attempt"] for event in attempts[:3]] == [1, 2, 3]
    assert all("9" in event["message"] for event in attempts)
    ended = of_kind(project, "exited", "web")[0]
    assert ended["data"]["code"] == 9
    assert ended["data"]["last_lines"] == ["bang"]
    web = project.wait_state("web", "backoff")
    assert web["next_restart_at"] is not None
    assert "9" in web["last_error"]["message"]
    assert web["last_error"]["at"]


def test_the_delay_stops_growing_at_its_maximum(project: ProjectUnderTest) -> None:
    """S22: initial × factor, up to max and not beyond."""
    backoff = {"initial": "20ms", "factor": 2, "max": "100ms"}
    project.components(web={"run": "exit 1", "restart": {"backoff": backoff}})
    project.roost("up", "--no-wait", check=True)
    project.wait_state("web", "failed")
    delays = [round(event["data"]["delay_s"], 3) for event in of_kind(project, "restarting")]
    assert delays == [0.02, 0.04, 0.08] + [0.1] * 7


def test_ten_restarts_and_no_eleventh_until_a_person_starts_it(project: ProjectUnderTest) -> None:
    """S23: the eleventh is not made; the reason names limit and cause; `start` clears it."""
    flag = project.root / "good"
    script = f"test -e '{flag}' && exec sleep 3600; exit 5"
    here = {"readiness": {"exec": ["test", "-e", str(flag)], "period": "100ms"}}
    restart = {"backoff": {"initial": "1ms", "max": "1ms"}}
    project.components(web={"run": script, "restart": restart, "probes": here})
    done = project.roost("up", check=1)
    assert "web" in done.err
    web = project.wait_state("web", "failed")  # `up` gave up at the second crash in a row, the policy later
    assert (web["state"], web["run"], web["restarts"]) == ("failed", 11, 10)
    assert "10" in web["reason"]
    assert "10 min" in web["reason"] or "10m" in web["reason"]
    assert len(of_kind(project, "restarting")) == 10
    assert len(of_kind(project, "gave_up")) == 1
    assert project.status()["color"] == "red"
    flag.touch()
    project.roost("start", "web", check=True)
    assert project.component("web")["state"] == "running"
    assert project.status()["color"] == "green"


def test_the_window_of_the_limit_slides(project: ProjectUnderTest) -> None:
    """S23: more restarts than `max` in all, but never more than `max` within the window: it goes on."""
    limit = {"max": 3, "within": "1s"}
    restart = {"backoff": {"initial": "10ms", "max": "10ms"}, "limit": limit}
    project.components(web={"run": "sleep 0.4; exit 1", "restart": restart})
    project.roost("up", "--no-wait", check=True)
    web = eventually(lambda: one if (one := project.component("web"))["restarts"] >= 6 else None)
    assert web["state"] != "failed"


def test_the_limit_survives_a_new_daemon(project: ProjectUnderTest) -> None:
    """P8: exits before and after `daemon restart` count together: the third crash is one too many."""
    restart = {"backoff": {"initial": "10ms"}, "limit": {"max": 2, "within": "10m"}}
    project.components(web={"run": STAY, "restart": restart})
    project.up()
    for run in (1, 2):
        project.kill(project.pids()["web"])
        project.wait_for(
            lambda _, run=run: project.component("web")["run"] == run + 1 and project.pids().get("web")
        )  # type: ignore[misc]
    pid = project.pids()["web"]
    project.roost("daemon", "restart", check=True)
    assert project.pids()["web"] == pid
    project.kill(pid)
    assert "2 restarts" in project.wait_state("web", "failed")["reason"]


def test_wishes_survive_a_new_daemon(project: ProjectUnderTest) -> None:
    """P8: what a person stopped stays stopped, what was started stays, after the daemon was killed."""
    project.components(web={"run": STAY}, api={"run": STAY}, idle={"run": STAY, "autostart": False})
    project.up()
    project.roost("stop", "api", check=True)
    project.roost("start", "idle", check=True)
    before = project.pids()
    project.kill(before[":daemon"])
    project.wait_for(lambda s: s["daemon"]["running"] and s["daemon"]["pid"] != before[":daemon"])
    after = project.status()
    assert {one["name"]: (one["desired"], one["state"]) for one in after["components"]} == {
        "web": ("running", "running"),
        "api": ("stopped", "stopped"),
        "idle": ("running", "running"),
    }
    now = project.pids()
    assert {k: v for k, v in now.items() if k != ":daemon"} == {
        k: v for k, v in before.items() if k != ":daemon"
    }


def test_a_component_in_backoff_does_not_delay_another(project: ProjectUnderTest) -> None:
    """S20: with one in a long back-off and one hanging in its probe, another restarts at once."""
    port = free_port()
    project.components(
        sleeping={"run": "exit 1", "restart": {"backoff": {"initial": "10m", "max": "10m"}}},
        hung={"run": STAY, "probes": {"readiness": {"exec": ["sleep", "3600"], "timeout": "10m"}}},
        web={
            "run": program("http_server", port, "mood"),
            "restart": {"backoff": {"initial": "10ms"}},
            "probes": {"readiness": {"http": f"http://127.0.0.1:{port}/", "period": "100ms"}},
        },
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_state("sleeping", "backoff")
    project.roost("wait", "web", "--timeout", "60s", check=True)
    project.kill(project.pids()["web"])
    project.wait_for(lambda _: (one := project.component("web"))["run"] == 2 and one["ready"])
    assert project.component("sleeping")["state"] == "backoff"


# -- output before exits --------------------------------------------------------------------------------


def test_all_output_is_in_the_log_before_the_exit_is_told(project: ProjectUnderTest) -> None:
    """S65: twenty quick printers; at the moment of each `exited` event the log has all 4000 lines."""
    code = (
        "import sys; [print('line', n, file=(sys.stderr if n % 3 == 0 else sys.stdout)) for n in range(4000)]"
    )
    printers = {f"p{n}": {"type": "task", "run": [sys.executable, "-c", code]} for n in range(20)}
    project.components(first={"run": STAY}, **{k: {**v, "autostart": False} for k, v in printers.items()})
    project.up()
    follower = project.start_roost("events", "-f", "-n", 1, "--json")
    assert follower.stdout is not None
    try:
        assert follower.stdout.readline(), "from the last event on it hears all"
        project.roost("start", "--no-wait", *printers, check=True)
        exits: dict[str, int] = {}
        for line in follower.stdout:
            event = json.loads(line)
            if event["kind"] == "exited":
                exits[event["component"]] = len(project.log_lines(event["component"]))
            if len(exits) == 20:
                break
    finally:
        follower.kill()
        follower.communicate()
    assert exits == dict.fromkeys(printers, 4000)


def test_a_task_with_an_exit_code_that_counts_as_success_completes(project: ProjectUnderTest) -> None:
    """`success_exit_codes` decides what completed means; another code is a failure, and `up` says which."""
    project.components(
        fine={"type": "task", "run": "exit 3", "restart": {"policy": "never", "success_exit_codes": [0, 3]}},
        bad={"type": "task", "run": "exit 4", "restart": {"policy": "never", "success_exit_codes": [0, 3]}},
    )
    done = project.roost("up", check=1)
    assert "bad" in done.err
    assert "fine failed" not in done.err
    assert project.wait_state("fine", "completed")
    assert project.component("bad")["state"] == "failed"
