"""The log probe on a run's lines as they come, and the runner's looks when the log has grown."""

from __future__ import annotations

import asyncio

from roost.core.health import Result
from roost.core.model import LogProbe, Probe, ProbeKind
from roost.edges.probes.answer import Context
from roost.edges.probes.log import LogWatch
from roost.edges.probes.runner import ProbeRunner
from support.virtual_loop import VirtualClock, run_virtual

READINESS, LIVENESS = ProbeKind.READINESS, ProbeKind.LIVENESS


class Lines:
    """A run's log: what is put in, piece by piece, comes out."""

    def __init__(self, *pieces: list[str]) -> None:
        self.pieces = list(pieces)
        self.limits: list[int] = []

    def read(self, limit: int) -> list[str]:
        self.limits.append(limit)
        return self.pieces.pop(0) if self.pieces else []


def context(lines: Lines) -> Context:
    return Context(folder="/", environment=dict, lines=lambda: lines)


def test_a_log_probe_is_true_from_the_first_matching_line_on() -> None:
    """Before it, the answer names the pattern; after it, the probe stays true and reads no more (S18)."""
    lines = Lines(["booting"], [], ["listening on 80"], ["bye"])
    watch = LogWatch(LogProbe(pattern=r"listening on \d+"), lines)
    answers = [watch.answer() for _ in range(4)]
    assert [answer.ok for answer in answers] == [False, False, True, True]
    assert answers[0].message == r"no matching line yet for /listening on \d+/"
    assert answers[2].message == r"a line matches /listening on \d+/: listening on 80"
    assert lines.pieces == [["bye"]]


def test_with_fail_each_piece_with_a_matching_line_is_a_failure() -> None:
    """A matching line fails the look that reads it, and that one alone (S19)."""
    lines = Lines(["fine"], ["x", "panic: nil"], ["fine"], [])
    watch = LogWatch(LogProbe(pattern="panic", fail=True), lines)
    answers = [watch.answer() for _ in range(4)]
    assert [answer.ok for answer in answers] == [True, False, True, True]
    assert answers[1].message == "a line matches /panic/: panic: nil"


def test_a_new_daemon_does_not_judge_old_lines_again() -> None:
    """P1: what was written before its start was judged by the one before; what comes after counts."""
    lines = Lines(["panic: old"], ["panic: older still"], [], ["panic: new"])
    watch = LogWatch(LogProbe(pattern="panic", fail=True), lines, resumed=True)
    assert [watch.answer().ok for _ in range(4)] == [True, True, True, False]
    ready = LogWatch(LogProbe(pattern="ready"), Lines(["ready"]), resumed=True)
    assert ready.answer().ok, "a line that made it ready still does"


def test_what_is_read_and_shown_of_a_log_is_bounded() -> None:
    """A look asks for a bounded piece, and a huge line is cut in the sentence (P12)."""
    lines = Lines(["ready " + "x" * 1_000_000])
    answer = LogWatch(LogProbe(pattern="ready"), lines).answer()
    assert len(answer.message) < 300
    assert lines.limits == [256 * 1024]


def test_a_matching_line_is_seen_when_the_log_grows_not_a_period_later() -> None:
    """What the keeper says about growth makes a log probe true in that instant (P9)."""

    async def scene() -> list[tuple[float, bool]]:
        clock, lines, seen = VirtualClock(), Lines(), list[tuple[float, bool]]()
        runner = ProbeRunner(clock, lambda *report: seen.append((round(clock.now(), 3), report[3].ok)))
        probe = Probe(handler=LogProbe(pattern="ready"), period=1000, initial_delay=500)
        runner.start("web", 1, {READINESS: probe}, context(lines), started_at=0.0)
        await clock.sleep_until(1)
        assert runner.wants_log("web")
        runner.grew("web")
        await clock.sleep_until(2)
        assert seen == []
        lines.pieces = [["ready"]]
        runner.grew("web")
        assert not runner.wants_log("web")
        await runner.close()
        return seen

    assert run_virtual(scene()) == [(2.0, True)]


def test_a_log_probe_that_is_behind_reads_on_by_itself() -> None:
    """After a flood the rest is read piece by piece without waiting for more growth (P12)."""

    async def scene() -> float:
        clock, seen = VirtualClock(), asyncio.Event()
        lines = Lines(*[["noise"] * 100 for _ in range(50)], ["ready"])

        def report(name: str, run: int, kind: ProbeKind, result: Result) -> None:
            if result.ok:
                seen.set()

        runner = ProbeRunner(clock, report)
        probe = Probe(handler=LogProbe(pattern="ready"), period=1000)
        runner.start("web", 1, {READINESS: probe}, context(lines), started_at=0.0)
        await seen.wait()
        at = clock.now()
        await runner.close()
        return at

    assert run_virtual(scene()) < 1


def test_a_failing_line_is_reported_at_once_and_a_quiet_period_is_a_success() -> None:
    """A liveness probe on a log fails when the line comes and succeeds after a period without one (S19)."""

    async def scene() -> list[tuple[float, bool]]:
        clock, lines, seen = VirtualClock(), Lines(), list[tuple[float, bool]]()
        runner = ProbeRunner(clock, lambda *report: seen.append((round(clock.now(), 3), report[3].ok)))
        probe = Probe(handler=LogProbe(pattern="panic", fail=True), period=10)
        runner.start("web", 1, {LIVENESS: probe}, context(lines), started_at=0.0)
        await clock.sleep_until(4)
        lines.pieces = [["panic"]]
        runner.grew("web")
        await clock.sleep_until(20)
        await runner.close()
        return seen

    assert run_virtual(scene()) == [(0.0, True), (4.0, False), (14.0, True)]
