"""When probes look, what is reported, and that none waits for another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from roost.core.health import Result
from roost.core.model import Handler, HttpProbe, Probe, ProbeKind, TcpProbe
from roost.edges.clock import RealClock
from roost.edges.probes.answer import Context
from roost.edges.probes.log import LogWatch
from roost.edges.probes.runner import ProbeRunner
from support.virtual_loop import VirtualClock, run_virtual

STARTUP, LIVENESS, READINESS = ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS
NOTHING = Context(folder="/", environment=dict, lines=lambda: pytest.fail("no log probe here"))
OK, BAD = Result(ok=True, message="fine"), Result(ok=False, message="refused")


def probe(**values: float) -> Probe:
    return Probe(handler=TcpProbe(port="1"), **values)  # type: ignore[arg-type]


class Script:
    """Stands for the handlers: gives the next result of a list (the last for ever), after `takes` seconds."""

    def __init__(self, *results: Result, takes: float = 0.0) -> None:
        self.results, self.takes, self.looks, self.at_once = list(results), takes, 0, 0

    async def __call__(
        self, handler: Handler, context: Context, timeout: float, watch: LogWatch | None = None
    ) -> Result:
        self.looks += 1
        self.at_once += 1
        await asyncio.sleep(self.takes)
        self.at_once -= 1
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]


class Seen:
    """Collects what is reported, with its virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.rows: list[tuple[str, int, ProbeKind, float, bool, bool]] = []

    def __call__(self, name: str, run: int, kind: ProbeKind, result: Result) -> None:
        self.rows.append((name, run, kind, round(self.clock.now(), 3), result.ok, result.early))

    @property
    def times(self) -> list[float]:
        return [row[3] for row in self.rows]


def play(script: Script, scene: Callable[[ProbeRunner, Seen, VirtualClock], Awaitable[None]]) -> Seen:
    """Run a scene with a runner of scripted handlers in virtual time; what was reported."""

    async def whole() -> Seen:
        clock = VirtualClock()
        seen = Seen(clock)
        runner = ProbeRunner(clock, seen, check=script)
        await scene(runner, seen, clock)
        await runner.close()
        return seen

    return run_virtual(whole())


def test_a_liveness_probe_looks_every_period_and_a_long_look_shifts_nothing() -> None:
    """Periods count from start to start of a look, not from its end."""

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        runner.start("web", 1, {LIVENESS: probe(initial_delay=2)}, NOTHING, started_at=clock.now())
        await clock.sleep_until(40)

    assert play(Script(OK, takes=0.5), scene).times == [2.5, 12.5, 22.5, 32.5]


def test_a_thing_that_comes_up_is_seen_soon_whatever_the_period() -> None:
    """A readiness probe with a period of a minute does not keep `up` waiting for a minute."""

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        runner.start("web", 1, {READINESS: probe(period=60)}, NOTHING, started_at=clock.now())
        await clock.sleep_until(130)

    seen = play(Script(BAD, BAD, BAD, BAD, OK), scene)
    assert seen.times == [0.0, 0.1, 0.2, 0.3, 0.45, 60.45, 120.45]
    assert [row[5] for row in seen.rows] == [True] * 5 + [False] * 2


def test_a_probe_never_overlaps_itself() -> None:
    """A look that lasts longer than its period is followed by one look, not by those that were missed."""
    script = Script(OK, takes=25)

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        runner.start("web", 1, {LIVENESS: probe(timeout=30)}, NOTHING, started_at=clock.now())
        for second in range(80):
            await clock.sleep_until(second)
            assert script.at_once <= 1

    assert play(script, scene).times == [25, 50, 75]


def test_after_stop_nothing_is_reported() -> None:
    """What is under way when its component is stopped is cancelled and never arrives."""

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        both = {LIVENESS: probe(), READINESS: probe()}
        runner.start("web", 1, both, NOTHING, started_at=clock.now())
        await clock.sleep_until(5)
        runner.stop("web", [READINESS])
        await clock.sleep_until(15)
        runner.stop("web")
        runner.stop("web")
        await clock.sleep_until(60)

    rows = play(Script(OK, takes=8), scene).rows
    assert [(row[2], row[3]) for row in rows] == [(LIVENESS, 8)]


def test_a_new_run_is_probed_from_its_own_start() -> None:
    """Results carry their run; starting a newer one replaces the probes of the older, pace and all (P8)."""

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        slow = {LIVENESS: probe(initial_delay=3)}
        runner.start("web", 1, slow, NOTHING, started_at=clock.now())
        await clock.sleep_until(4)
        runner.start("web", 2, slow, NOTHING, started_at=clock.now())
        await clock.sleep_until(8)

    assert [(row[1], row[3]) for row in play(Script(OK), scene).rows] == [(1, 3), (2, 7)]


def test_starting_what_is_already_probed_changes_nothing() -> None:
    """The owner may say again what shall be probed: an unchanged probe keeps its pace, another is new."""

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        runner.start("web", 1, {STARTUP: probe(period=10)}, NOTHING, started_at=0.0)
        await clock.sleep_until(6)
        runner.start("web", 1, {STARTUP: probe(period=10)}, NOTHING, started_at=0.0)
        await clock.sleep_until(7)
        runner.start("web", 1, {STARTUP: probe(period=5)}, NOTHING, started_at=0.0)
        await clock.sleep_until(13)

    assert play(Script(OK), scene).times == [0, 7, 12]


def test_a_report_may_stop_its_own_probe() -> None:
    """The owner stops the startup probe from within the report that it has passed, and it stays stopped."""

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        runner._report = lambda *report: (seen(*report), runner.stop(report[0], [report[2]]))[0]
        runner.start("web", 1, {STARTUP: probe()}, NOTHING, started_at=0.0)
        await clock.sleep_until(100)

    assert play(Script(OK), scene).times == [0]


def test_a_thousand_probes_due_at_once_let_others_in_between() -> None:
    """They begin a few at each turn of the loop, so a request need not wait for all of them (P12)."""
    script = Script(OK)

    async def scene(runner: ProbeRunner, seen: Seen, clock: VirtualClock) -> None:
        for number in range(1000):
            runner.start(f"c{number}", 1, {LIVENESS: probe()}, NOTHING, started_at=0.0)
        most, before = 0, 0
        while script.looks < 1000:
            await asyncio.sleep(0)
            most, before = max(most, script.looks - before), script.looks
        assert most <= 16

    assert len(play(script, scene).rows) <= 1000


HANG = 60.0  # seconds that one looks which gets no answer


@pytest.mark.serial
def test_probes_that_hang_leave_the_others_on_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Of two hundred real probes fifty ask a server that never answers; the others do not wait for them (P12)."""
    lateness = asyncio.run(_two_hundred_of_which_fifty_hang())
    ordered = sorted(lateness)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    with capsys.disabled():
        print(f"\nprobe lateness, 150 beside 50 that hang: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    assert ordered[-1] < HANG / 4, "as late as one that waits until another has given up"


async def _two_hundred_of_which_fifty_hang() -> list[float]:
    """Seconds by which each of the first looks of the healthy probes was later than its period."""
    period = 0.3
    closing: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closing.append(writer)

    good = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    hung = await asyncio.start_server(say_nothing, "127.0.0.1", 0, backlog=512)
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/" for server in (good, hung)]
    done: dict[str, list[float]] = {}

    def report(name: str, run: int, kind: ProbeKind, result: Result) -> None:
        if name.startswith("good"):
            assert result.ok, result.message
            done.setdefault(name, []).append(time.monotonic() - result.latency_s)

    runner = ProbeRunner(RealClock(), report)
    began = time.monotonic()
    for number in range(200):
        name, url = (f"hung{number}", urls[1]) if number % 4 == 0 else (f"good{number}", urls[0])
        spread = period * number / 200
        asked = Probe(handler=HttpProbe(url=url), period=period, timeout=HANG, initial_delay=spread)
        runner.start(name, 1, {LIVENESS: asked}, NOTHING, started_at=began)
    async with asyncio.timeout(HANG):
        while len(done) < 150 or min(map(len, done.values())) < 4:
            await asyncio.sleep(0.05)
    await runner.close()
    for server in (good, hung):
        server.close()
    for writer in closing:
        writer.close()
    await asyncio.sleep(0)
    return [later - earlier - period for times in done.values() for earlier, later in pairwise(times)]
