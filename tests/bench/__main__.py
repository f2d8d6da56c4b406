"""`python -m tests.bench`: Roost beside supervisor, circus and pm2 on the same components, in one run.

Works in temporary folders; the peers are installed on demand into .work/bench.  Linux only.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from . import figures, killed, measures, probing, reading, rpc
from .install import NotInstalled
from .managers import Manager, Roost
from .peers import Circus, Pm2, Supervisor

MANAGERS: dict[str, type[Manager]] = {kind.name: kind for kind in (Roost, Supervisor, Circus, Pm2)}
SECTIONS = ("stack", "thousand", "rpc", "intake", "reading", "probes", "killed")
Step = tuple[str, Callable[[], dict[str, float]]]


def main() -> int:
    """Measure, print the table, and write it where asked."""
    options = _options()
    effort = measures.QUICK if options.quick else measures.Effort()
    results: dict[str, dict[str, float]] = {name: {} for name in options.managers}
    if "stack" in options.sections:
        results[figures.NO_MANAGER] = measures.bare_python(effort.calls)
    if "intake" in options.sections:
        results.setdefault(figures.NO_MANAGER, {})
        for count in (1, 10):
            results[figures.NO_MANAGER] |= measures.direct_intake(
                count, effort.intake_megabytes, effort.rounds
            )
    for name in options.managers:
        for title, step in _steps(MANAGERS[name], options.sections, effort):
            print(f"{name}: {title} …", file=sys.stderr, flush=True)
            results[name] |= _guarded(f"{name}: {title}", step)
        _derive(results[name])
    _print(results, options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("managers", nargs="*", help=f"of {', '.join(MANAGERS)} (all)")
    parser.add_argument("--sections", default=",".join(SECTIONS), help=f"of {','.join(SECTIONS)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter looks")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there, too")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    options.managers = options.managers or list(MANAGERS)
    options.sections = options.sections.split(",")
    if unknown := {*options.managers} - {*MANAGERS} | {*options.sections} - {*SECTIONS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def _steps(kind: type[Manager], sections: list[str], effort: measures.Effort) -> list[Step]:
    steps: list[Step] = []
    if "stack" in sections:
        for count in (1, 10, 50):
            steps.append((f"{count} components", functools.partial(measures.stack, kind, count, effort)))
        for count in (1, 50):  # after the stacks: the median of several rounds replaces their one
            steps.append((f"up of {count}", functools.partial(measures.ups, kind, count, effort.rounds)))
    if "thousand" in sections:
        steps.append(("1,000 components", lambda: measures.stack(kind, 1000, effort)))
    if "rpc" in sections and kind is not Pm2:
        steps.append(("round trips", lambda: rpc.round_trips(kind, effort.round_trips)))
    if "intake" in sections:
        size = effort.intake_megabytes
        for count in (1, 10):
            steps.append(
                (
                    f"log intake from {count}",
                    functools.partial(measures.intake, kind, count, size, effort.rounds),
                )
            )
    if "reading" in sections and kind is Roost:
        for size in effort.log_megabytes:
            title = f"reading a log of {size} MB"
            steps.append((title, functools.partial(reading.queries, size, effort.calls)))
        for pause in reading.PAUSES:
            title = f"following a line each {pause * 1000:g} ms"
            steps.append((title, functools.partial(reading.following, pause, effort.followed)))
    if "probes" in sections and kind is Roost:
        steps.append(("probes", lambda: probing.lateness(effort.probes, effort.probing)))
    if "killed" in sections:
        steps.append(("killed", lambda: killed.manager_killed(kind)))
        if kind is Roost:
            steps.append(("daemon killed", lambda: killed.back_after("daemon", effort.kills)))
            steps.append(("keeper killed", lambda: killed.back_after("keeper", effort.kills)))
    return steps


def _guarded(title: str, step: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The step's figures; none, with a line that says why, when it failed (the others go on)."""
    try:
        return step()
    except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError, NotInstalled) as error:
        print(f"{title}: no figures: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return {}


def _derive(values: dict[str, float]) -> None:
    if "rss_50" in values and "rss_1000" in values:
        values["rss_each"] = (values["rss_1000"] - values["rss_50"]) * 1000 / 950


def _print(results: dict[str, dict[str, float]], options: argparse.Namespace) -> None:
    table = figures.rows(results)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, load {load:.1f} at the end")
    print(figures.as_text(table))
    if options.markdown:
        Path(options.markdown).write_text(figures.as_markdown(table) + "\n")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
