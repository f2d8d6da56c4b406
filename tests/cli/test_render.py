"""What `roost status` prints, as exact text."""

from __future__ import annotations

import re

import pytest

from cli.snapshots import NOW, component, snapshot
from roost.cli.look import Look
from roost.cli.render import status_text

PLAIN = Look()


def text(*components: dict[str, object], look: Look = PLAIN, verbose: bool = False, **more: object) -> str:
    return status_text(snapshot(*components, **more), look, NOW, verbose)  # type: ignore[arg-type]


def test_every_fact_of_a_component_has_its_column() -> None:
    """S26: state, health, pid, uptime, restart count and last restart stand in one row."""
    row = component("api", restarts=3, last_restart_at="2025-12-31T23:59:56Z", reason="all is well")
    assert text(row) == (
        "shop  green  daemon pid 99, up 2 min, 1 of 1 ready\n"
        "NAME  STATE    READY  HEALTH  PID   UPTIME  RESTARTS  LAST RESTART  REASON\n"
        "api   running  ✓      ✓       4711  1 min   3         4 s ago       all is well\n"
    )


def test_a_stopped_component_has_no_pid() -> None:
    """S49: a stopped component is shown so, with "-" for its pid."""
    row = component("db", state="stopped", desired="stopped", ready=False, health="unknown", pid=None,
                    uptime_s=None, reason="stopped by a person")  # fmt: skip
    assert text(row).splitlines()[2].split() == [
        "db", "stopped", "-", "-", "-", "-", "0", "-", "stopped", "by", "a", "person",
    ]  # fmt: skip


def test_an_unhealthy_component_is_crossed_and_red() -> None:
    """S27: what fails its liveness probe is marked ✗ and red on a terminal."""
    row = component(health="unhealthy", ready=False)
    out = text(row, look=Look(color=True), color="red")
    assert "\x1b[31mrunning" in out
    assert out.count("✗") == 2


@pytest.mark.parametrize(
    ("state", "code"),
    [("waiting", 33), ("starting", 33), ("backoff", 33), ("stopping", 33), ("failed", 31), ("stopped", 90)],
)
def test_states_have_the_colours_of_the_contract(state: str, code: int) -> None:
    """S27: yellow for what is on its way, red for what is lost, gray for what nobody wants."""
    assert f"\x1b[{code}m{state}" in text(component(state=state, ready=False), look=Look(color=True))


def test_without_colour_there_is_no_escape() -> None:
    """S27: text for a file or a pipe is plain."""
    assert "\x1b" not in text(component())


def test_what_a_component_says_cannot_command_the_terminal() -> None:
    """P20: a reason with escape sequences in it is shown without them."""
    out = text(component(reason="\x1b[2Jgone\x07\x1b]0;title\x07!"))
    assert out.splitlines()[2].endswith("gone^G!")


def test_an_encoding_without_ticks_gets_words() -> None:
    """A stream that cannot show ✓ gets plain ASCII."""
    out = text(component("a"), component("b", ready=False), look=Look(unicode=False))
    assert out.isascii()
    assert re.search(r"^a .*yes", out, re.M)
    assert re.search(r"^b .*NO", out, re.M)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    """A narrow terminal loses columns and the end of the reason, never the name and the state."""
    rows = [component("api", reason="r" * 200, url="http://localhost:1/"), component("db", restarts=12)]
    lines = text(*rows, look=Look(width=width)).splitlines()[1:]
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith("api   running")


def test_verbose_shows_each_probe_with_result_time_latency_and_counts() -> None:
    """S27: `--verbose` shows for each probe its last result, its age, its latency and its counts."""
    probe = {
        "ok": False, "message": "connection refused", "at": "2025-12-31T23:59:58Z", "latency_ms": 0.4,
        "successes": 0, "failures": 2,
    }  # fmt: skip
    out = text(component(probes={"liveness": probe, "readiness": {"ok": None, "at": None}}), verbose=True)
    assert (
        "    liveness      ✗ connection refused  (2 s ago, 0.4 ms, 0 in a row ok, 2 in a row failed)\n" in out
    )
    assert "    readiness     - not run yet\n" in out


def test_the_last_exit_is_told_only_as_far_as_it_is_known() -> None:
    """P2: a code that nobody could learn is called unknown."""
    ended = {"code": None, "signal": None, "at": "2025-12-31T23:59:58Z", "run": 1, "known": False}
    assert "last exit     code unknown, 2 s ago" in text(component(last_exit=ended), verbose=True)
    killed = {**ended, "known": True, "signal": 9}
    assert "last exit     SIGKILL, 2 s ago" in text(component(last_exit=killed), verbose=True)


def test_what_has_failed_has_its_last_words_below() -> None:
    """S76, P20: in `failed` and `backoff` alone, harmless, no wider than the terminal."""
    ended = {"code": 1, "signal": None, "at": "2025-12-31T23:59:58Z", "run": 1, "known": True}
    ended["last_lines"] = ["\x1b[31mTraceback\x1b[0m", "x" * 200]
    for state in ("failed", "backoff"):
        lines = text(component(state=state, last_exit=ended), look=Look(width=60)).splitlines()
        assert lines[3:] == ["    | Traceback", "    | " + "x" * 53 + "…"]
    assert "Traceback" not in text(component(last_exit=ended))


def test_without_a_daemon_the_header_says_so() -> None:
    """S28: the status of a project without a daemon is still a table, and says that none is running."""
    out = text(component(state="stopped", ready=False), color="gray", running=False)
    assert out.startswith("shop  gray  daemon not running, ")


def test_a_changed_configuration_is_pointed_at() -> None:
    """S57: status says that roost.yaml is no longer what runs, and how to apply it."""
    stale = snapshot(component())
    stale["project"]["config_stale"] = True
    assert "roost reload" in status_text(stale, PLAIN, NOW).splitlines()[1]


def test_completed_tasks_count_as_ready() -> None:
    """A finished task is not something that one still waits for."""
    task = component("migrate", type="task", state="completed", ready=False, pid=None)
    assert "2 of 2 ready" in text(task, component())
