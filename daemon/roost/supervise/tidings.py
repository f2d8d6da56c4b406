"""What the keeper tells, in our own words: frames become events for the machine and entries for the record."""

from __future__ import annotations

from ..core.memory import size
from ..core.states import Exit, Exited
from ..edges.keeper_link import Frame
from ..platform.signals import signal_number
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
