"""What the keeper tells, in our own words: frames become events for the machine and entries for the record."""

from __future__ import annotations

import os

from ..core.memory import size
from ..core.states import Exit, Exited
from ..edges.keeper_link import Frame
from ..platform.signals import signal_number
from ..records.times import rfc3339
from .chronicle import Chronicle


def exit_of(frame: Frame) -> tuple[str, Exited]:
    """The keeper's `exited` as an event for the machine."""
    ended = Exit(
        run=int(frame["run"]),
        code=frame.get("code"),
        signal=_number(frame.get("signal")),
        known=bool(frame.get("known", True)),
        at=float(frame["mono"]),
        wall=float(frame["at"]),
        uptime=float(frame["uptime"]),
    )
    return str(frame["name"]), Exited(ended)


def tell_start(chronicle: Chronicle, keeper: Frame, version: str) -> None:
    """A daemon is up: in place of another one, or beside a keeper that is new and may have taken over runs."""
    ended = (keeper.get("daemon") or {}).get("last_exit")
    message = f"daemon {version} is up"
    if ended is None:
        _tell_keeper(chronicle, keeper)
    elif ended.get("replaced"):
        message += " in place of the one before it, which was asked to go; every component was left running"
    else:
        message += "; the one before it ended unexpectedly, every component was left running"
    chronicle.tell("daemon_started", message, data={"pid": os.getpid(), "before": ended and _end(ended)})


def _tell_keeper(chronicle: Chronicle, keeper: Frame) -> None:
    adopted = [run for run in keeper.get("runs", ()) if run.get("adopted") and not run["ended"]]
    names = [str(run["name"]) for run in adopted]
    message = f"keeper {keeper.get('version')} is up"
    if names:
        message += f"; {len(names)} that an earlier one had started go on"
    chronicle.tell("keeper_started", message, data={"pid": keeper.get("pid"), "adopted": names})
    for run in adopted:
        message = f"goes on with pid {run['pid']} under another keeper"
        data = {"pid": run["pid"]}
        chronicle.tell("adopted", message, component=str(run["name"]), run=int(run["run"]), data=data)


def _end(ended: Frame) -> dict[str, object]:
    """How a daemon ended, in the words of the interface."""
    return {
        "code": ended.get("code"),
        "signal": _number(ended.get("signal")),
        "at": rfc3339(int(float(ended["at"]) * 1e9)),
        "uptime_s": round(float(ended["uptime"]), 3),
    }


def tell_leftovers(chronicle: Chronicle, frame: Frame) -> None:
    """Descendants that outlived their component, by name and pid, and what became of them (P4)."""
    found = [f"{one['name']} (pid {one['pid']})" for one in frame["processes"]]
    verb = "ended" if frame["action"] == "ended" else "left running"
    chronicle.tell(
        "leftover",
        f"descendants that outlived it were {verb}: {', '.join(found)}",
        component=str(frame["name"]),
        run=int(frame["run"]),
        data={"processes": frame["processes"], "action": frame["action"]},
    )


def tell_log_trouble(chronicle: Chronicle, frame: Frame) -> None:
    """A log that cannot be written, or can again, and how much was not kept (D5)."""
    text = "its log is written again" if frame["resolved"] else "its log cannot be written"
    lost = f"; {frame['lost']} bytes were not kept" if frame.get("lost") else ""
    chronicle.tell(
        "log_trouble",
        f"{text}: {frame['message']}{lost}",
        component=str(frame["name"]),
        data={"errno": frame.get("errno"), "lost": frame.get("lost"), "resolved": frame["resolved"]},
    )


def tell_logs_removed(chronicle: Chronicle, frame: Frame) -> None:
    """Old logs that went because all of them together were too large (P14)."""
    files: dict[str, int] = frame["files"]
    each = ", ".join(f"{count} of {name}" for name, count in sorted(files.items()))
    chronicle.tell(
        "logs_removed",
        f"old log files of {size(frame['size'])} were removed, because all logs together may have "
        f"{size(frame['limit'])} (limits.logs in roost.yaml): {each}",
        data={"files": files, "size": frame["size"], "limit": frame["limit"]},
    )


def tell_terminal_lost(chronicle: Chronicle, frame: Frame) -> None:
    """A component goes on without anybody at its terminal (keeper/terminals.py)."""
    name = str(frame["name"])
    chronicle.tell(
        "terminal_lost",
        "keeper and daemon were killed, and its terminal cannot be taken over here: what it writes is not seen "
        f"any more, and it waits once its terminal is full; to give it another: roost restart {name}",
        component=name,
        run=int(frame["run"]),
    )


def _number(signal: object) -> int | None:
    """The keeper names signals; people and programs get the number that `os.WTERMSIG` would give."""
    return None if signal is None else signal_number(str(signal))
