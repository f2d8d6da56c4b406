"""The layers by which a daemon is known: lock, announcement, pid file, process, start time, endpoint (S7).

`look` gathers facts and changes nothing; `judge` is pure and names each layer that is broken, alone.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from ...client import fast
from ...client.errors import DaemonNotRunning, RoostError
from ...core.durations import duration
from ...platform import identity, locks
from ...platform.paths import ProjectPaths
from ..remains import live_runs
from .finding import Finding, ok, problem

_PATIENCE = 2.0
_REPAIRS = "the daemon notices it and makes it anew within 10 s; if it stays so: roost daemon restart"
_CLEANS = "harmless: the next roost up replaces it"


class Recorded(NamedTuple):
    """A process as a file names it, and what has become of it: `name` is the program with its pid now."""

    pid: int
    alive: bool
    name: str | None


class Facts(NamedTuple):
    """What was found.  `answer` is `daemon.status`; `trouble`: why there is none though somebody is there."""

    daemon_lock: bool = False
    keeper_lock: bool = False
    answer: dict[str, Any] | None = None
    trouble: str | None = None
    endpoint: str = ""
    socket_there: bool = False
    announcement_there: bool = False
    announced: Recorded | None = None
    pid_file_there: bool = False
    pid_file: Recorded | None = None
    live_runs: dict[str, int] = {}


def look(paths: ProjectPaths) -> Facts:
    """The facts of this moment."""
    answer, trouble = _ask(paths)
    return Facts(
        daemon_lock=locks.is_held(paths.daemon_lock),
        keeper_lock=locks.is_held(paths.keeper_lock),
        answer=answer,
        trouble=trouble,
        endpoint=paths.endpoint,
        socket_there=os.path.exists(paths.endpoint.partition(":")[2]),
        announcement_there=os.path.exists(paths.daemon_json),
        announced=_announced(paths.daemon_json),
        pid_file_there=os.path.exists(paths.daemon_pid),
        pid_file=_pid_file(paths.daemon_pid),
        live_runs=live_runs(paths),
    )


def _ask(paths: ProjectPaths) -> tuple[dict[str, Any] | None, str | None]:
    try:
        return fast.call(paths, "daemon.status", timeout=_PATIENCE, connect_timeout=_PATIENCE), None
    except DaemonNotRunning:
        return None, None
    except RoostError as error:
        return None, error.message


def _announced(path: str) -> Recorded | None:
    """The process that daemon.json names, judged by pid, start time and boot id together (P3)."""
    try:
        with open(path, "rb") as file:
            entry = json.load(file)
        pid, start_time, boot_id = int(entry["pid"]), int(entry["start_time"]), str(entry["boot_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Recorded(pid, identity.is_alive(pid, start_time, boot_id), identity.process_name(pid))


def _pid_file(path: str) -> Recorded | None:
    """The process that daemon.pid names; a pid alone proves nothing, so it is alive only as somebody."""
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read(32))
    except (OSError, ValueError):
        return None
    name = identity.process_name(pid) if pid > 0 else None
    return Recorded(pid, name is not None, name)


def judge(facts: Facts) -> list[Finding]:
    """What is right and what is wrong about them."""
    if facts.answer is not None:
        return _running(facts, facts.answer)
    if facts.daemon_lock or facts.trouble:
        return _mute(facts)
    return _absent(facts)


# -- a daemon answers --------------------------------------------------------------------------------


def _running(facts: Facts, answer: dict[str, Any]) -> list[Finding]:
    pid = answer["pid"]
    uptime = duration(answer.get("uptime_s") or 0.0)
    found = [ok("endpoint", f"the daemon answers on {facts.endpoint} (pid {pid}, up {uptime})")]
    found += [
        problem("daemon", what, "see daemon.log; it goes on meanwhile") for what in answer.get("problems", ())
    ]
    if facts.daemon_lock:
        found.append(ok("lock", "daemon.lock is held"))
    else:
        found.append(
            problem(
                "lock", "the daemon answers, but nobody holds daemon.lock (was .roost deleted?)", _REPAIRS
            )
        )
    found.append(_keeper(facts))
    found.append(_announcement(facts, pid))
    found.append(_pid_file_of_running(facts, pid))
    return found


def _keeper(facts: Facts) -> Finding:
    if facts.keeper_lock:
        return ok("keeper", "keeper.lock is held")
    return problem(
        "keeper",
        "the daemon answers, but nobody holds keeper.lock",
        "the daemon starts a new keeper; " + _REPAIRS,
    )


def _announcement(facts: Facts, pid: int) -> Finding:
    if not facts.announcement_there:
        return problem("announcement", "daemon.json is not there", _REPAIRS)
    if facts.announced is None:
        return problem("announcement", "daemon.json cannot be read or understood", _REPAIRS)
    if facts.announced.pid != pid:
        return problem(
            "process", f"daemon.json names pid {facts.announced.pid}, but pid {pid} answers", _REPAIRS
        )
    if not facts.announced.alive:
        return problem(
            "start time", f"daemon.json has another start time than the daemon with pid {pid}", _REPAIRS
        )
    return ok("announcement", f"daemon.json names the daemon (pid {pid}, with its start time)")


def _pid_file_of_running(facts: Facts, pid: int) -> Finding:
    if facts.pid_file is not None and facts.pid_file.pid == pid:
        return ok("pid file", f"daemon.pid names the daemon (pid {pid})")
    if facts.pid_file is not None:
        what = f"daemon.pid names pid {facts.pid_file.pid}, but the daemon is pid {pid}"
    elif facts.pid_file_there:
        what = "daemon.pid does not hold a number"
    else:
        what = "daemon.pid is not there"
    return problem("pid file", what, "nothing but people reads it; " + _REPAIRS)


# -- a daemon is there, but does not answer ----------------------------------------------------------


def _mute(facts: Facts) -> list[Finding]:
    who = f" (pid {facts.announced.pid})" if facts.announced and facts.announced.alive else ""
    if facts.trouble:
        what = f"the daemon{who} does not answer: {facts.trouble}"
        advice = (
            "it may be stopped or overloaded; see daemon.log; if it stays so, end that process: "
            "the keeper starts another"
        )
    elif facts.socket_there:
        what = f"the daemon{who} holds its lock, but nobody listens on {facts.endpoint}"
        advice = "it is starting or ending; if it stays so, see daemon.log"
    else:
        what = f"the daemon{who} holds its lock, but {facts.endpoint} is not there (was it deleted?)"
        advice = "the daemon notices it and makes it anew within 10 s"
    found = [problem("endpoint", what, advice)]
    found.append(
        ok("lock", "daemon.lock is held")
        if facts.daemon_lock
        else problem("lock", "nobody holds daemon.lock", _REPAIRS)
    )
    if not facts.keeper_lock:
        found.append(_keeper(facts))
    return found


# -- no daemon ---------------------------------------------------------------------------------------


def _absent(facts: Facts) -> list[Finding]:
    found = [_keeper_alone(facts)]
    if facts.socket_there:
        found.append(
            problem("endpoint", f"nobody listens on {facts.endpoint}, which was left behind", _CLEANS)
        )
    if facts.announcement_there:
        found.append(_stale_announcement(facts))
    if facts.pid_file_there:
        found.append(_stale_pid_file(facts))
    if facts.live_runs and not facts.keeper_lock:
        names = ", ".join(f"{name} (pid {pid})" for name, pid in facts.live_runs.items())
        advice = "they keep running; roost up takes them over, and roost down then stops them"
        found.append(problem("components", f"without keeper and daemon run on: {names}", advice))
    return found


def _keeper_alone(facts: Facts) -> Finding:
    if not facts.keeper_lock:
        return ok("daemon", "not running (roost up starts it)")
    return problem(
        "daemon",
        "the keeper runs, but its daemon does not",
        "it starts the daemon again after 0, 1, 2, 5, 10, 30 s; why it ended is in daemon.log and keeper.log",
    )


def _stale_announcement(facts: Facts) -> Finding:
    if facts.announced is None:
        return problem("announcement", "daemon.json was left behind and cannot be understood", _CLEANS)
    pid, alive, name = facts.announced
    if alive:
        return problem(
            "lock", f"the daemon of daemon.json (pid {pid}) lives, but does not hold its lock", _REPAIRS
        )
    if name is not None:
        return problem(
            "start time",
            f"daemon.json was left behind; its pid {pid} is now another program's ({name})",
            "that program is not ours and is never touched; " + _CLEANS,
        )
    return problem("process", f"daemon.json was left behind; its process (pid {pid}) is gone", _CLEANS)


def _stale_pid_file(facts: Facts) -> Finding:
    if facts.pid_file is None:
        return problem("pid file", "daemon.pid was left behind and does not hold a number", _CLEANS)
    pid, _, name = facts.pid_file
    if name is not None:
        return problem(
            "pid file",
            f"daemon.pid was left behind; its pid {pid} is now another program's ({name})",
            "that program is not ours and is never touched; " + _CLEANS,
        )
    return problem("pid file", f"daemon.pid was left behind; its process (pid {pid}) is gone", _CLEANS)


__all__ = ["Facts", "Recorded", "judge", "look"]
