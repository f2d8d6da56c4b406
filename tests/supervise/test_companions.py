"""Schedules, watched files, memory and hooks beside the supervisor, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import pytest
from msgspec.structs import replace

from roost.core.model import Backoff, Hooks, Limit, Policy, Restart, Schedule, Spec, Type, Watch
from roost.core.states import Component, State, Tell, Unwanted
from roost.edges.facts import Usage
from roost.edges.probes.command import Finished
from roost.supervise import hooks as hooks_module
from roost.supervise.hooks import Hooks as HookRunner
from roost.supervise.loop import Supervisor
from roost.supervise.memory import PERIOD, MemoryGuard
from roost.supervise.schedules import Schedules
from roost.supervise.watching import Watching
from support.fake_world import FakeWorld, project, supervise
from support.virtual_loop import EPOCH, VirtualClock, run_virtual

MB = 1024 * 1024


# -- schedule ---------------------------------------------------------------------------------------------


def scheduled(every: float = 60.0, policy: Policy = Policy.NEVER) -> Spec:
    return Spec(
        name="backup",
        run=("true",),
        type=Type.TASK,
        schedule=Schedule(every=every),
        restart=Restart(policy=policy),
    )


class MovableClock(VirtualClock):
    """A virtual clock whose wall somebody sets, or which slept while the machine did."""

    shift = 0.0

    def wall(self) -> float:
        return super().wall() + self.shift


def starts(world: FakeWorld) -> list[float]:
    return [at for at, _, _ in world.spawned]


def test_a_task_runs_each_time_that_its_schedule_says() -> None:
    """`every: 1m`: from one start to the next, not from its end."""

    async def scenario() -> None:
        supervisor, world = supervise(scheduled())
        schedules = Schedules(supervisor, world.clock)
        supervisor.start(["backup"], "up", again=False)
        for _ in range(3):
            await asyncio.sleep(70)
            world.end("backup")
        assert starts(world) == [60, 120, 180]
        assert supervisor.components["backup"].state is State.COMPLETED

        supervisor.apply("backup", Unwanted(reason="stop"))
        await asyncio.sleep(600)
        assert len(world.spawned) == 3
        schedules.close()

    run_virtual(scenario())


def test_a_long_run_leaves_out_the_times_that_it_overlaps() -> None:
    """Never two at once; told as an event each time."""

    async def scenario() -> None:
        supervisor, world = supervise(scheduled())
        Schedules(supervisor, world.clock)
        supervisor.start(["backup"], "up", again=False)
        await asyncio.sleep(200)
        world.end("backup")
        await asyncio.sleep(60)

        assert starts(world) == [60, 240]
        assert [told.kind for _, told in world.told].count("skipped") == 2

    run_virtual(scenario())


def test_what_was_missed_in_a_sleep_runs_once() -> None:
    """After eight hours with the lid closed: one run, soon, with a reason that says why."""

    async def scenario() -> None:
        supervisor, world = supervise(scheduled(every=3600))
        clock = MovableClock()
        Schedules(supervisor, clock)
        supervisor.start(["backup"], "up", again=False)
        await asyncio.sleep(100)
        clock.shift = 8 * 3600.0
        await asyncio.sleep(40)
        assert len(world.spawned) == 1 and world.spawned[0][0] <= 130
        world.end("backup")
        await asyncio.sleep(3500)
        assert len(world.spawned) == 1
        await asyncio.sleep(100)
        assert len(world.spawned) == 2

    run_virtual(scenario())


def test_a_clock_that_is_set_back_makes_a_new_plan() -> None:
    """Not a day of silence after a day's correction, and no extra run."""

    async def scenario() -> None:
        supervisor, world = supervise(scheduled(every=600))
        clock = MovableClock()
        Schedules(supervisor, clock)
        supervisor.start(["backup"], "up", again=False)
        await asyncio.sleep(100)
        clock.shift = -24 * 3600.0
        await asyncio.sleep(40)
        assert world.spawned == []
        assert supervisor.components["backup"].next_run == pytest.approx(clock.wall() + 600, abs=31)
        await asyncio.sleep(601)

        assert len(world.spawned) == 1

    run_virtual(scenario())


def test_a_run_that_came_due_while_the_daemon_was_away_is_made_up_for() -> None:
    """The plan outlives the daemon; the next one sees that its time has passed."""

    async def scenario() -> None:
        supervisor, world = supervise(scheduled())
        planned = Component(spec=scheduled(), desired="running", next_run=EPOCH - 3600)  # type: ignore[arg-type]
        supervisor.restore({"backup": planned})
        Schedules(supervisor, world.clock)
        await asyncio.sleep(1)

        assert len(world.spawned) == 1

    run_virtual(scenario())


def test_a_reload_may_change_a_schedule() -> None:
    """The new one holds from the moment in which it is applied."""

    async def scenario() -> None:
        supervisor, world = supervise(scheduled(every=3600))
        Schedules(supervisor, world.clock)
        supervisor.start(["backup"], "up", again=False)
        await asyncio.sleep(10)
        supervisor.reload(project(scheduled(every=30)))
        await asyncio.sleep(31)

        assert starts(world) == [40]

    run_virtual(scenario())


# -- watch ------------------------------------------------------------------------------------------------


class FakeWatcher:
    """Stands for the system's watching: the test says what has changed."""

    def __init__(self) -> None:
        self.reports: list[Callable[[frozenset[str]], None]] = []
        self.stopped = 0

    def __call__(
        self, paths: Iterable[str], report: Callable[[frozenset[str]], None], trouble: Callable[[str], None]
    ) -> FakeWatcher:
        self.reports.append(report)
        return self

    def stop(self) -> None:
        self.stopped += 1

    def change(self, *paths: str) -> None:
        self.reports[-1](frozenset(paths))


def watching(spec: Spec) -> tuple[Supervisor, FakeWorld, FakeWatcher, list[str]]:
    supervisor, world = supervise(spec)
    files, told = FakeWatcher(), list[str]()
    Watching(
        supervisor,
        world.clock,
        lambda _name, why: told.append(why),
        lambda _name, why: told.append(why),
        "/project/.roost",
        files,
    )
    return supervisor, world, files, told


def watched(**changes: object) -> Spec:
    given = {
        "name": "web",
        "run": ("true",),
        "watch": Watch(paths=("/project/src",), debounce=0.5),
        **changes,
    }
    return Spec(**given)  # type: ignore[arg-type]


def test_changed_files_restart_once_they_are_quiet() -> None:
    """Debounced: a save of ten files is one restart, and its reason names them."""

    async def scenario() -> None:
        supervisor, world, files, _ = watching(watched())
        supervisor.start(["web"], "up")
        await asyncio.sleep(0)
        for n in range(10):
            files.change(f"/project/src/{n}.py")
            await asyncio.sleep(0.2)
        assert world.stopped == []
        await asyncio.sleep(0.3)
        assert [name for _, name, _ in world.stopped] == ["web"]
        assert supervisor.components["web"].reason == "changed: src/0.py and 9 more"
        world.end("web")
        assert (world.live, supervisor.components["web"].history) == ({"web": 2}, ())

    run_virtual(scenario())


def test_a_run_that_began_after_the_change_is_not_restarted_for_it() -> None:
    """Somebody was quicker than the debounce; a change after that counts again."""

    async def scenario() -> None:
        supervisor, world, files, _ = watching(watched())
        supervisor.start(["web"], "up")
        await asyncio.sleep(0)
        files.change("/project/src/a.py")
        supervisor.restart(["web"], "by hand")
        world.end("web")
        await asyncio.sleep(2)
        assert (world.live, len(world.stopped)) == ({"web": 2}, 1)
        files.change("/project/src/b.py")
        await asyncio.sleep(2)
        assert len(world.stopped) == 2
        assert supervisor.components["web"].reason == "changed: src/b.py"

    run_virtual(scenario())


def test_what_does_not_count_restarts_nothing() -> None:
    """Ignored files, and files that are somewhere else."""

    async def scenario() -> None:
        supervisor, world, files, _ = watching(watched())
        supervisor.start(["web"], "up")
        await asyncio.sleep(0)
        files.change("/project/src/__pycache__/a.pyc", "/project/other", "/project/.roost/logs/web.log")
        await asyncio.sleep(5)

        assert world.stopped == []

    run_virtual(scenario())


def test_a_component_that_writes_into_its_own_watched_folder_makes_no_storm() -> None:
    """Ten restarts in a minute, then it is put off with an event that says so."""

    async def scenario() -> None:
        supervisor, world, files, told = watching(watched())
        supervisor.start(["web"], "up")
        await asyncio.sleep(0)
        for _ in range(40):
            files.change("/project/src/out.js")
            await asyncio.sleep(1)
            if world.stopped and world.stopped[-1][2] == world.live.get("web"):
                world.end("web")
        assert len(world.spawned) == 11
        assert len(told) == 1 and "put off" in told[0] and "src/out.js" in told[0]
        await asyncio.sleep(60)
        assert len(world.stopped) == 11, "put off, not dropped"

    run_virtual(scenario())


def test_a_component_that_was_removed_and_comes_back_begins_anew() -> None:
    """Nothing is remembered of what is gone: its next life has the whole limit before it."""

    async def scenario() -> None:
        supervisor, world, files, told = watching(watched())
        supervisor.start(["web"], "up")
        for life in (1, 2):
            await asyncio.sleep(0)
            for _ in range(8):
                files.change("/project/src/out.js")
                await asyncio.sleep(1)
                world.end("web")
            assert len(world.stopped) == life * 8
            supervisor.reload(project())
            world.end("web")
            await asyncio.sleep(0)
            world.stopped.pop()  # its removal
            assert not supervisor.components
            supervisor.reload(project(watched()))
        assert told == []

    run_virtual(scenario())


def test_a_changed_file_brings_back_what_had_failed() -> None:
    """A build that failed is run again when its source has changed, without forgiving the restart limit."""

    async def scenario() -> None:
        restart = Restart(limit=Limit(max=1, within=600), backoff=Backoff(initial=0))
        supervisor, world, files, _ = watching(watched(restart=restart))
        supervisor.start(["web"], "up")
        world.end("web", code=1)
        world.end("web", code=1)
        assert supervisor.components["web"].state is State.FAILED
        await asyncio.sleep(0)
        files.change("/project/src/a.py")
        await asyncio.sleep(1)
        assert world.live == {"web": 3}
        world.end("web", code=1)
        assert supervisor.components["web"].state is State.FAILED

    run_virtual(scenario())


def test_files_are_watched_only_while_their_component_is_wanted() -> None:
    """`stop` ends the watching; another `watch` after a reload begins anew."""

    async def scenario() -> None:
        supervisor, world, files, _ = watching(watched())
        assert files.reports == []
        supervisor.start(["web"], "up")
        await asyncio.sleep(0)
        assert (len(files.reports), files.stopped) == (1, 0)
        supervisor.reload(project(watched(watch=Watch(paths=("/project/lib",)))))
        await asyncio.sleep(0)
        assert (len(files.reports), files.stopped, world.stopped) == (2, 1, [])
        supervisor.stop(["web"], "by hand")
        await asyncio.sleep(0)
        assert files.stopped == 2

    run_virtual(scenario())


# -- memory -----------------------------------------------------------------------------------------------


class FakeFacts:
    """Says what the test wants it to say about every tree."""

    rss: int | None = 0

    def refresh(self) -> bool:
        return True

    def usage(self, roots: Iterable[int]) -> Usage:
        return Usage(None, self.rss)


def test_a_tree_that_stays_over_its_limit_is_restarted_with_the_figure() -> None:
    """INTERFACES §3 `limits`: sustained, with both figures, and it counts towards the limit."""

    async def scenario() -> None:
        supervisor, world = supervise(Spec(name="web", run=("true",), memory_limit=100 * MB))
        facts = FakeFacts()
        guard = MemoryGuard(supervisor, world.clock, facts)  # type: ignore[arg-type]
        supervisor.start(["web"], "up")
        look = lambda: guard.judge(list(supervisor.components.values()))  # noqa: E731
        facts.rss = 150 * MB
        look()
        facts.rss = 50 * MB
        look()
        facts.rss = 150 * MB
        look()
        assert world.stopped == [], "a peak of a moment ends nothing"
        look()
        assert [name for _, name, _ in world.stopped] == ["web"]
        world.end("web", code=143)
        web = supervisor.components["web"]
        assert (web.state, len(web.history)) == (State.BACKOFF, 1)
        assert "uses 150 MB of memory with all its processes, more than its limit of 100 MB" in web.reason
        guard.close()

    run_virtual(scenario())


def test_a_limit_that_was_raised_during_a_look_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a look finds is judged by the rules at its end, and so is a run that began meanwhile."""

    async def scenario() -> None:
        spec = Spec(name="web", run=("true",), memory_limit=100 * MB)
        supervisor, world = supervise(spec)
        facts, loop = FakeFacts(), asyncio.get_running_loop()
        facts.rss = 150 * MB
        looks: list[asyncio.Future[bool]] = []

        def look(*_: object) -> asyncio.Future[bool]:
            looks.append(loop.create_future())
            return looks[-1]

        monkeypatch.setattr(loop, "run_in_executor", look)
        guard = MemoryGuard(supervisor, world.clock, facts)  # type: ignore[arg-type]
        supervisor.start(["web"], "up")
        await asyncio.sleep(PERIOD + 0.1)
        looks[-1].set_result(True)
        await asyncio.sleep(PERIOD + 0.1)
        supervisor.reload(project(replace(spec, memory_limit=200 * MB)))
        looks[-1].set_result(True)
        await asyncio.sleep(PERIOD + 0.1)
        assert (len(looks), world.stopped) == (3, [])
        guard.close()

    run_virtual(scenario())


def test_nobody_looks_where_nothing_has_a_limit() -> None:
    """P27: a project without limits pays nothing; one with a limit has one look a period."""

    async def scenario() -> list[float]:
        supervisor, world = supervise(
            Spec(name="web", run=("true",)), Spec(name="big", run=("true",), memory_limit=MB)
        )
        looks: list[float] = []
        guard = MemoryGuard(supervisor, world.clock, FakeFacts())  # type: ignore[arg-type]
        guard.judge = lambda _components: looks.append(world.clock.now())  # type: ignore[method-assign]
        guard._facts.refresh = lambda: True  # type: ignore[method-assign]
        supervisor.start(["web"], "up")
        await asyncio.sleep(60)
        assert looks == []
        supervisor.start(["big"], "up")
        await asyncio.sleep(PERIOD / 2)
        guard.close()
        return looks

    assert run_virtual(scenario()) == []


# -- hooks ------------------------------------------------------------------------------------------------


class FakeRuns:
    """Stands for the commands: notes each with its variables, and ends as the test says."""

    def __init__(self, code: int = 0, takes: float = 0.0) -> None:
        self.code, self.takes = code, takes
        self.seen: list[tuple[str, str, str, str]] = []

    async def __call__(self, argv: list[str], folder: str, environment: Mapping[str, str]) -> Finished:
        names = ("ROOST_COMPONENT", "ROOST_EXIT_CODE", "ROOST_REASON")
        self.seen.append((argv[-1], *(environment[name] for name in names)))  # type: ignore[arg-type]
        await asyncio.sleep(self.takes)
        return Finished(self.code, b"first\nit went wrong\n")


class HookedWorld(FakeWorld):
    """A fake world that tells hooks what it is told."""

    hooks: HookRunner

    def tell(self, component: Component, what: Tell) -> None:
        super().tell(component, what)
        self.hooks.turn(component, what)


def hooked(runs: FakeRuns, spec: Spec) -> tuple[Supervisor, HookedWorld, list[str], HookRunner]:
    world, told = HookedWorld(VirtualClock()), list[str]()
    world.hooks = HookRunner(
        lambda one: one,
        lambda one, _run: {"ROOST_COMPONENT": one.name},
        lambda _name, _run, what, facts: told.append(f"{what} {facts.get('output', '')}"),
        runs,
    )
    supervisor = Supervisor(project(spec), world.clock, world)
    world.apply = supervisor.apply
    return supervisor, world, told, world.hooks


HOOKED = Spec(
    name="web",
    run=("true",),
    restart=Restart(policy=Policy.NEVER),
    hooks=Hooks(on_ready=("r",), on_exit=("e",), on_failed=("f",)),
)


def test_hooks_run_at_the_turns_of_a_life_in_order() -> None:
    """INTERFACES §3 `hooks`: with ROOST_COMPONENT, ROOST_EXIT_CODE and ROOST_REASON."""

    async def scenario() -> None:
        runs = FakeRuns()
        supervisor, world, told, _ = hooked(runs, HOOKED)
        supervisor.start(["web"], "up")
        world.end("web", code=3)
        await asyncio.sleep(1)

        assert runs.seen == [
            ("r", "web", "", "ready"),
            ("e", "web", "3", "exit code 3"),
            ("f", "web", "3", "failed: exit code 3"),
        ]
        assert told == []

    run_virtual(scenario())


def test_a_hook_delays_nothing_and_has_its_time() -> None:
    """A hook that hangs is ended after its time-out, while its component lives on as if there were none."""

    async def scenario() -> None:
        runs = FakeRuns(takes=10_000)
        supervisor, _, told, hooks = hooked(runs, HOOKED)
        supervisor.start(["web"], "up")
        await asyncio.sleep(1)
        assert supervisor.components["web"].ready
        await asyncio.sleep(hooks_module.TIMEOUT)
        assert told == ["its hook on_ready: killed: it took longer than 30 s "]
        await hooks.close()

    run_virtual(scenario())


def test_what_a_failed_hook_wrote_is_told() -> None:
    """Output goes into an event on failure only."""

    async def scenario() -> None:
        supervisor, _, told, _ = hooked(FakeRuns(code=2), HOOKED)
        supervisor.start(["web"], "up")
        await asyncio.sleep(1)

        assert told == ["its hook on_ready: exit code 2 first\nit went wrong"]

    run_virtual(scenario())


def test_at_the_end_a_hook_has_a_moment_and_no_more() -> None:
    """S48: `down` is not held up by a hook, and leaves none behind."""

    async def scenario() -> None:
        runs = FakeRuns(takes=10_000)
        supervisor, world, _, hooks = hooked(runs, HOOKED)
        supervisor.start(["web"], "up")
        await asyncio.sleep(0.1)
        began = world.clock.now()
        await hooks.close()

        assert world.clock.now() - began == pytest.approx(hooks_module.GRACE)

    run_virtual(scenario())
