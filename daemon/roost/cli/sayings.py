"""Turns the smaller answers of the interface (events, why, health, reload, exits) into text.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from ..core.durations import duration
from .logview import clock_text
from .look import Look
from .render import state_color
from .text import harmless, size

Answer = Mapping[str, Any]

_EVENT_COLORS = {
    "ready": "green", "started": "green", "completed": "green", "adopted": "green",
    "unready": "yellow", "restarting": "yellow", "drift": "yellow", "leftover": "yellow",
    "gave_up": "red", "exited": "yellow", "failed": "red",
}  # fmt: skip


def event_line(event: Answer, look: Look, zone: tzinfo | None) -> str:
    """`2026-03-01 12:30:05.123  restarting   api  exit code 1; restart 3 of 10 in 4 s`, last lines below."""
    kind = look.paint(f"{event['kind']:<14}", _EVENT_COLORS.get(event["kind"], "cyan"))
    parts = [
        clock_text(event["at"], zone),
        kind,
        f"{event.get('component') or '-':<12}",
        harmless(event["message"]),
    ]
    lines = ["  ".join(parts).rstrip()]
    for line in (event.get("data") or {}).get("last_lines") or []:
        lines.append("    | " + harmless(line))
    return "\n".join(lines) + "\n"


def why_text(answer: Answer, look: Look) -> str:
    """The chain, nearest first, each step further to the right, and below each the ends that used its limit up."""
    if answer["ready"] and not answer["chain"]:
        return f"{answer['component']} is ready\n"
    arrow = "└ " if look.unicode else "- "
    lines = []
    for depth, link in enumerate(answer["chain"]):
        lead = "  " * (depth - 1) + arrow if depth else ""
        lines.append(f"{lead}{link['component']} ({link['state']}): {harmless(link['reason'])}")
        indent = "  " * (depth + 1)
        lines += [
            f"{indent}run {exit['run'] or '?'} {harmless(exit['text'])}" for exit in link.get("exits", ())
        ]
    return "\n".join(lines) + "\n"


def health_text(health: Answer) -> str:
    """`roost daemon health`, one fact a line (S60)."""
    counts = health["components"]
    facts = [
        ("status", "; ".join([health["status"], *health.get("problems", ())])),
        ("uptime", _known(health["uptime_s"], duration)),
        ("memory", _known(health["rss_bytes"], size)),
        ("keeper memory", _known(health["keeper_rss_bytes"], size)),
        ("CPU", _known(health["cpu_percent"], lambda percent: f"{percent:.1f} %")),
        ("connections", str(health["connections"])),
        ("requests", str(health["requests"])),
        ("errors, last hour", str(health["errors_last_hour"])),
        (
            "components",
            f"{counts['running']} running, {counts['backoff']} in back-off, {counts['failed']} failed",
        ),
    ]
    return facts_text(facts)


def daemon_text(daemon: Answer) -> str:
    """`roost daemon status`, one fact a line."""
    facts = [
        ("daemon", "running" if daemon["running"] else "not running"),
        ("phase", daemon.get("phase")),
        ("pid", daemon.get("pid")),
        ("keeper pid", daemon.get("keeper_pid")),
        ("version", daemon.get("version")),
        ("uptime", _known(daemon.get("uptime_s"), duration)),
        ("started at", daemon.get("started_at")),
        ("reconciled at", daemon.get("reconciled_at")),
        ("environment", daemon.get("environment")),
        ("endpoint", daemon.get("endpoint")),
    ]
    return facts_text([(title, str(value)) for title, value in facts if value is not None])


def facts_text(facts: Sequence[tuple[str, str]]) -> str:
    """Titles and values in two columns."""
    width = max(len(title) for title, _ in facts)
    return "".join(f"{title:<{width}}  {harmless(value)}\n" for title, value in facts)


def _known(value: Any, show: Any) -> str:
    return "unknown" if value is None else str(show(value))


def reload_text(answer: Answer, dry_run: bool) -> str:
    """What a reload did, or with `--dry-run` would do."""
    lines = ["roost reload would do this:"] if dry_run else []
    for title in ("changed", "updated", "added", "removed"):
        if answer.get(title):
            lines.append(f"{title:<10} {', '.join(answer[title])}")
    if len(lines) == dry_run:
        lines.append("nothing differs from what runs")
    lines.append(f"{'unchanged':<10} {', '.join(answer['unchanged']) or '-'}")
    return "\n".join(lines) + "\n"


def component_line(component: Answer, look: Look) -> str:
    """`✓ db  ready` or `✗ api  failed: …`: one component as it has just become."""
    color = state_color(component)
    if component["state"] == "completed" or (component["state"] == "running" and component["ready"]):
        mark, word = look.tick, "completed" if component["state"] == "completed" else "ready"
        color = "green"
    elif component["state"] == "failed":
        mark, word = look.cross, "failed"
    else:
        mark, word = "-", component["state"]
    reason = harmless(component.get("reason") or "").removeprefix(f"{word}: ")
    tail = f": {reason}" if word not in ("ready", "completed", "stopped", "running") and reason else ""
    return f"{look.paint(mark, color)} {component['name']} {word}{tail}"
