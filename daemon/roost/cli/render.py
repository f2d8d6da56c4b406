"""Turns a status snapshot (INTERFACES.md §5, `status --json`) into text.  Pure: no stream, clock or file.

Light: this is all that a plain `roost status` needs beside json and a socket.
"""

from __future__ import annotations

from ..core.durations import duration
from .text import age, clip, count, harmless, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .look import Look

    Snapshot = Mapping[str, Any]

_STATE_COLORS = {"running": "green", "failed": "red", "stopped": "gray", "completed": "gray"}
_GIVEN_UP_WHEN_NARROW = ("LAST RESTART", "URL", "RESTARTS", "UPTIME", "PID", "HEALTH", "READY")
_SMALLEST_REASON = 16


def status_text(snapshot: Snapshot, look: Look, now: float, verbose: bool = False) -> str:
    """The whole answer of `roost status`: a line for the project, then a table with one row per component.

    `now` is wall time in seconds.  Ends with a newline.
    """
    lines = [header(snapshot, look), *_notes(snapshot, look)]
    components: Sequence[Snapshot] = snapshot["components"]
    if components:
        table = _table(components, look, now)
        lines.append(table[0])
        for component, row in zip(components, table[1:], strict=True):
            lines.append(row)
            lines += ["    | " + clip(line, _room(look), look.ellipsis) for line in _last_words(component)]
            if verbose:
                lines += ["    " + line for line in _details(component, look, now)]
    return "\n".join(lines) + "\n"


def _last_words(component: Snapshot) -> list[str]:
    """What one that has failed, or is about to be tried again, said last."""
    ended = component.get("last_exit") if component["state"] in ("failed", "backoff") else None
    return [harmless(line) for line in (ended or {}).get("last_lines") or ()]


def _room(look: Look) -> int:
    return 10_000 if look.width is None else max(1, look.width - 6)


def header(snapshot: Snapshot, look: Look) -> str:
    """`shop  green  daemon pid 4711, up 3 min 12 s, 5 of 6 ready`."""
    name = look.paint(harmless(snapshot["project"]["name"]), "bold")
    color = snapshot["color"]
    facts = ", ".join([*_daemon_facts(snapshot["daemon"]), readiness(snapshot["components"])])
    return f"{name}  {look.paint(color, color)}  {facts}"


def _daemon_facts(daemon: Snapshot) -> list[str]:
    if not daemon["running"]:
        return ["daemon not running"]
    facts = [f"daemon pid {daemon['pid']}"]
    if daemon.get("uptime_s") is not None:
        facts.append(f"up {duration(daemon['uptime_s'])}")
    if daemon.get("phase") not in (None, "running"):
        facts.append(daemon["phase"].replace("_", " "))
    return facts


def readiness(components: Sequence[Snapshot]) -> str:
    """`5 of 6 ready`: of the components that somebody wants; one that has nothing to do counts as ready."""
    wanted = [item for item in components if item["desired"] == "running"]
    if not wanted:
        return count(len(components), "component")
    ready = sum(
        1 for item in wanted if item["ready"] or item["state"] == "completed" or item.get("next_run_at")
    )
    return f"{ready} of {len(wanted)} ready"


def _notes(snapshot: Snapshot, look: Look) -> list[str]:
    if snapshot["project"].get("config_stale"):
        return [
            look.paint("roost.yaml has changed since it was applied; to apply it: roost reload", "yellow")
        ]
    return []


# -- the table ---------------------------------------------------------------------------------------


def _table(components: Sequence[Snapshot], look: Look, now: float) -> list[str]:
    """A heading and one line per component, columns aligned, narrowed to the look's width."""
    columns: dict[str, list[str]] = {
        title: [cell(component, look, now) for component in components] for title, cell in _COLUMNS.items()
    }
    if not any(columns["URL"]):
        del columns["URL"]
    widths = {title: max(len(title), *map(len, cells)) for title, cells in columns.items()}
    _narrow(columns, widths, look.width)
    heading = "  ".join(clip(title, widths[title]).ljust(widths[title]) for title in columns).rstrip()
    rows = [
        _row([(title, columns[title][place], widths[title]) for title in columns], component, look)
        for place, component in enumerate(components)
    ]
    return [look.paint(heading, "dim"), *rows]


def _narrow(columns: dict[str, list[str]], widths: dict[str, int], width: int | None) -> None:
    """Give up columns, the least needed first, until a piece of the reason fits beside the rest."""
    if width is None:
        return

    def room() -> int:
        return width - sum(widths[title] + 2 for title in columns if title != "REASON")

    needed = min(_SMALLEST_REASON, widths["REASON"])
    for title in _GIVEN_UP_WHEN_NARROW:
        if room() >= needed:
            break
        columns.pop(title, None)
    if room() > 0:
        widths["REASON"] = room()
    else:
        del columns["REASON"]


def _row(cells: list[tuple[str, str, int]], component: Snapshot, look: Look) -> str:
    parts = []
    for title, cell, width in cells:
        if title == "REASON":
            parts.append(clip(cell, width, look.ellipsis))
        else:
            parts.append(_painted(title, cell.ljust(width), component, look))
    return "  ".join(parts).rstrip()


def _painted(title: str, cell: str, component: Snapshot, look: Look) -> str:
    if title == "STATE":
        return look.paint(cell, state_color(component))
    if title in ("READY", "HEALTH") and cell.strip() in (look.tick, look.cross):
        return look.paint(cell, "green" if cell.strip() == look.tick else "red")
    return cell


def state_color(component: Snapshot) -> str:
    """The colour of a state's name, by the rules of the project's colour (INTERFACES.md §4)."""
    if component["state"] == "running":
        if component["health"] == "unhealthy":
            return "red"
        return "green" if component["ready"] else "yellow"
    return _STATE_COLORS.get(component["state"], "yellow")


def _ready(component: Snapshot, look: Look, now: float) -> str:
    if component["state"] in ("stopped", "completed"):
        return "-"
    return look.tick if component["ready"] else look.cross


def _health(component: Snapshot, look: Look, now: float) -> str:
    return {"healthy": look.tick, "unhealthy": look.cross}.get(component["health"], "-")


def _process(component: Snapshot, look: Look, now: float) -> str:
    if component.get("pid") is not None:
        return str(component["pid"])
    container = component.get("container")
    return container[:12] if container else "-"


def _uptime(component: Snapshot, look: Look, now: float) -> str:
    uptime = component.get("uptime_s")
    return "-" if uptime is None else duration(uptime)


def _reason(component: Snapshot, look: Look, now: float) -> str:
    return harmless(component.get("reason") or "")


def _url(component: Snapshot, look: Look, now: float) -> str:
    return harmless(component.get("url") or "")


_COLUMNS: dict[str, Callable[[Snapshot, Look, float], str]] = {
    "NAME": lambda component, look, now: component["name"],
    "STATE": lambda component, look, now: component["state"],
    "READY": _ready,
    "HEALTH": _health,
    "PID": _process,
    "UPTIME": _uptime,
    "RESTARTS": lambda component, look, now: str(component.get("restarts") or 0),
    "LAST RESTART": lambda component, look, now: age(component.get("last_restart_at"), now),
    "URL": _url,
    "REASON": _reason,
}


# -- what --verbose adds -----------------------------------------------------------------------------


def _details(component: Snapshot, look: Look, now: float) -> list[str]:
    lines = [_probe(kind, probe, look, now) for kind, probe in (component.get("probes") or {}).items()]
    for title, text in _facts(component, now):
        lines.append(f"{title:<12}  {harmless(text)}")
    return lines


def _probe(kind: str, probe: Snapshot, look: Look, now: float) -> str:
    """`readiness     ✓ HTTP 200  (2 s ago, 0.4 ms, 3 in a row ok, 0 in a row failed)`."""
    verdict = {True: look.paint(look.tick, "green"), False: look.paint(look.cross, "red")}
    mark = verdict.get(probe.get("ok"), "-")  # type: ignore[arg-type]
    if probe.get("at") is None:
        return f"{kind:<12}  {mark} not run yet"
    numbers = [age(probe["at"], now)]
    if probe.get("latency_ms") is not None:
        numbers.append(duration(probe["latency_ms"] / 1000))
    numbers.append(f"{probe.get('successes', 0)} in a row ok")
    numbers.append(f"{probe.get('failures', 0)} in a row failed")
    return f"{kind:<12}  {mark} {harmless(probe.get('message') or '')}  ({', '.join(numbers)})"


def _facts(component: Snapshot, now: float) -> list[tuple[str, str]]:
    """What is known of a component beyond its row, as titles and texts."""
    facts = [("kind", f"{component.get('kind') or '-'}, {component.get('type') or '-'}")]
    if component.get("status_text"):
        facts.append(("says", component["status_text"]))
    if component.get("image"):
        facts.append(("image", component["image"]))
    if component.get("run"):
        facts.append(("run", str(component["run"])))
    if component.get("depends_on"):
        facts.append(("depends on", ", ".join(component["depends_on"])))
    if component.get("ports"):
        facts.append(("ports", ", ".join(_port(port) for port in component["ports"])))
    if component.get("cpu_percent") is not None and component.get("rss_bytes") is not None:
        facts.append(("uses", f"{component['cpu_percent']:.1f} % CPU, {size(component['rss_bytes'])} memory"))
    for title, key in (("next restart", "next_restart_at"), ("next run", "next_run_at")):
        if component.get(key):
            facts.append((title, component[key]))
    if component.get("last_exit"):
        facts.append(
            (
                "last exit",
                f"{exit_text(component['last_exit'])}, {age(component['last_exit'].get('at'), now)}",
            )
        )
    if component.get("last_error"):
        error = component["last_error"]
        facts.append(("last error", f"{error.get('message')} ({age(error.get('at'), now)})"))
    if component.get("log"):
        facts.append(("log", component["log"]))
    return facts


def _port(port: Snapshot) -> str:
    number = port["port"] if port.get("target") is None else f"{port['port']}:{port['target']}"
    return f"{port['name']} {number}" if port.get("name") else str(number)


def exit_text(last_exit: Snapshot) -> str:
    """`code 1`, `SIGKILL`, or `code unknown`."""
    if not last_exit.get("known", True):
        return "code unknown"
    number = last_exit.get("signal")
    return f"code {last_exit.get('code')}" if number is None else _signal_name(number)


def _signal_name(number: int) -> str:
    import signal  # only --verbose asks for it

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
