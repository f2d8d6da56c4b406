"""Which figures the benchmark has, their aims (REQUIREMENTS P21–P28), and the tables made of them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Values = Mapping[str, float]  # figure → value, of one manager
Results = Mapping[str, Values]  # manager → its figures; "direct" is the program without any manager
NO_MANAGER = "direct"


@dataclass(frozen=True)
class Figure:
    """One row.  `aim` bounds Roost's value: from above, or, where `more_is_better`, from below."""

    key: str
    title: str
    unit: str
    aim: float | None = None
    source: str = ""
    more_is_better: bool = False
    times_best_peer: float | None = None  # a further aim: so many times the best peer's value
    times_direct: float | None = None  # a further aim: so much of what the program reaches alone

    def bound(self, results: Results) -> float | None:
        """The number that Roost's value is held against, given what the others reached in this run."""
        bounds = [] if self.aim is None else [self.aim]
        peers = self.of_peers(results)
        if self.times_best_peer is not None and peers:
            bounds.append(self.times_best_peer * max(peers))
        if self.times_direct is not None and self.key in results.get(NO_MANAGER, {}):
            bounds.append(self.times_direct * results[NO_MANAGER][self.key])
        if not bounds:
            return None
        return max(bounds) if self.more_is_better else min(bounds)

    def of_peers(self, results: Results) -> list[float]:
        """The values of everyone but Roost and the bare program."""
        others = (values for name, values in results.items() if name not in ("roost", NO_MANAGER))
        return [values[self.key] for values in others if self.key in values]

    def is_met(self, results: Results) -> bool | None:
        """Whether Roost reached its aim; None where there is no aim or no value."""
        bound, value = self.bound(results), results.get("roost", {}).get(self.key)
        if bound is None or value is None:
            return None
        return value >= bound if self.more_is_better else value <= bound

    def ratio(self, results: Results) -> float | None:
        """How many times better than the best peer Roost is."""
        peers, value = self.of_peers(results), results.get("roost", {}).get(self.key)
        if not peers or not value:
            return None
        return value / max(peers) if self.more_is_better else min(peers) / value


FIGURES = (
    Figure("up_1", "up of 1 component, until it has started", "ms"),
    Figure("up_50", "up of 50 components, until the last has started", "ms", 400, "P28"),
    Figure("up_1000", "up of 1,000 components, until the last has started", "ms", 10_000, "P26"),
    Figure("up_command_50", "the same with 50, until the command returns", "ms"),
    Figure("restart_p50", "kill -9 to restarted, beyond the program's own start, p50", "ms", 5, "P21"),
    Figure("restart_max", "… slowest", "ms"),
    Figure("status_10", "status from the shell, 10 components, p50", "ms", 40, "P23"),
    Figure("status_1000", "status from the shell, 1,000 components, p50", "ms", 60, "P23"),
    Figure("rpc_alone_p50", "an RPC round trip, p50", "ms"),
    Figure("rpc_alone_p99", "… p99", "ms"),
    Figure("rpc_alone_rate", "requests on one connection", "a second", None, "", True),
    Figure("rpc_p50", "an RPC round trip, 50 other connections open, p50", "ms", 0.15, "P22"),
    Figure("rpc_p99", "… p99", "ms", 1, "P22"),
    Figure("rpc_rate", "requests on one connection, 50 others open", "a second", 10_000, "P22", True),
    Figure("rss_50", "memory of the manager with 50 components", "MB", 40, "P25"),
    Figure("rss_1000", "memory of the manager with 1,000 components", "MB"),
    Figure("rss_each", "memory for each further component", "KB", 40, "P25"),
    Figure("idle_50", "idle CPU with 50 components", "% of a core", 0.05, "P27"),
    Figure("idle_1000", "idle CPU with 1,000 components", "% of a core", 2, "P26"),
    Figure("intake_1", "log intake from 1 component", "MB/s", None, "P24", True, 1.5, 0.6),
    Figure("intake_10", "log intake from 10 components", "MB/s", None, "P24", True, 1.5, 0.6),
    Figure("intake_cpu_1", "CPU time of the manager for each GB, 1 component", "s"),
    Figure("intake_cpu_10", "CPU time of the manager for each GB, 10 components", "s"),
    Figure("intake_ping_1", "slowest of the daemon's answers meanwhile, 1 component", "ms", 10, "P24"),
    Figure("intake_ping_10", "slowest of the daemon's answers meanwhile, 10 components", "ms", 10, "P24"),
    Figure("intake_rss_1", "memory of the manager meanwhile, at most, 1 component", "MB"),
    Figure("intake_rss_10", "memory of the manager meanwhile, at most, 10 components", "MB"),
    *(
        Figure(f"logs_{key}_{size}", title.format(size), "ms", aim, source)
        for key, title, aim, source in (
            ("n", "logs -n 1000 from the shell, of a log of {} MB, p50", None, ""),
            ("since", "logs --since from the shell, 1,000 lines, of a log of {} MB, p50", None, ""),
            ("rpc", "logs.query of the last 1,000 lines, of a log of {} MB, p50", 50, "S45"),
            ("rpc_since", "logs.query since a moment, 1,000 lines, of a log of {} MB, p50", 50, "S45"),
        )
        for size in (1, 100, 1024)
    ),
    *(
        Figure(f"logs_rss_{size}", f"memory of keeper and daemon while a log of {size} MB is read", "MB")
        for size in (1, 100, 1024)
    ),
    Figure("follow_100_p50", "from writing to the follower, a line each 100 ms, p50", "ms"),
    Figure("follow_100_p99", "… p99", "ms"),
    Figure("follow_2_p50", "from writing to the follower, a line each 2 ms, p50", "ms"),
    Figure("follow_2_p99", "… p99", "ms"),
    Figure("probes_late_p50", "probes of which a tenth hang: how late the others are, p50", "ms"),
    Figure("probes_late_p99", "… p99", "ms"),
    Figure("probes_late_max", "… latest", "ms"),
    Figure("probes_cpu", "… CPU meanwhile", "% of a core"),
    Figure("down_50", "down of 50 components, until nothing is left", "ms"),
    Figure("down_1000", "down of 1,000 components, until nothing is left", "ms"),
    Figure("killed_alive", "manager killed -9: components of 10 that live on", "", 10, "P2", True),
    Figure("killed_doubled", "… second copies after its restart", "", 0, "P2"),
    Figure("killed_lost", "… lines written by a component and not in its log", "", 0, "P2"),
    Figure("killed_left", "… processes left after it was restarted and brought down", "", 0, "P2"),
    Figure("back_daemon_p50", "daemon killed -9 to its first answer, p50", "ms", 2000, "P1"),
    Figure("back_daemon_p99", "… p99", "ms", 2000, "P1"),
    Figure("back_keeper_p50", "keeper killed -9 to the first answer of a daemon under a new one, p50", "ms"),
    Figure("back_keeper_p99", "… p99", "ms"),
)


def shown(value: float | None) -> str:
    """A value with as many digits as it deserves."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    for digits, limit in ((3, 0.1), (2, 10), (1, 100)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def rows(results: Results) -> list[list[str]]:
    """The table, its header first: only figures that somebody has a value for."""
    names = [name for name in results if name != NO_MANAGER] + [
        name for name in results if name == NO_MANAGER
    ]
    table = [["figure", "unit", *names, "× best peer", "aim", "met"]]
    for figure in FIGURES:
        if not any(figure.key in values for values in results.values()):
            continue
        values = [shown(results[name].get(figure.key)) for name in names]
        table.append([figure.title, figure.unit, *values, *_judgement(figure, results)])
    return table


def _judgement(figure: Figure, results: Results) -> tuple[str, str, str]:
    bound, ratio = figure.bound(results), figure.ratio(results)
    sign = "≥" if figure.more_is_better else "≤"
    aim = "" if bound is None else f"{figure.source} {sign} {shown(bound)}"
    met = {None: "", True: "yes", False: "NO"}[figure.is_met(results)]
    return ("" if ratio is None else f"{ratio:.1f}", aim, met)


def as_text(table: Iterable[list[str]]) -> str:
    """Columns in line: the first two to the left, figures to the right."""
    lines = list(table)
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_markdown(table: Iterable[list[str]]) -> str:
    """The same as a Markdown table."""
    header, *lines = table
    rule = ["---" if column < 2 else "---:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))
