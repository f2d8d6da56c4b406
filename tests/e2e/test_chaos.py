"""Chaos: anything of ours may die at any moment, and after each round the promises are looked at again.

Seeded and bounded: `ROOST_CHAOS_ROUNDS` rounds (12 by default, 200 with `--all`), `ROOST_SEED` repeats one.
From 100 rounds on (or with `ROOST_CHAOS_CLOCK=1`) the wall clock is stepped, too.
It prints rounds, kills, restarts and lines checked; a failure names the seed and what was done before.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

import roost
from e2e.clocks import WallClock
from e2e.disks import ROOT, fill, mounted
from e2e.harness import GRACE, ProjectUnderTest, eventually, is_running, program
from roost.api.types import TerminalAttached, TerminalOutput

ROUNDS = int(os.environ.get("ROOST_CHAOS_ROUNDS", "12"))
DOWN_EACH = 10  # rounds
CLOCK = bool(os.environ.get("ROOST_CHAOS_CLOCK", ROUNDS >= 100 and "1"))
SEED = int(os.environ.get("ROOST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(os.name != "posix", reason="on Windows a job object ends the components (P2)"),
]

QUICK = {"backoff": {"initial": 0.05, "max": 0.2}, "limit": {"max": 100_000, "within": 600}}
BIG = {"max_size": "500MB"}
COUNTERS = ("quiet", "chatty", "steady", "careful", "titled", "needy", "seated")
KILLABLE = ("quiet", "steady", "careful", "titled", "needy", "seated", "stubborn", "forking", "daemonish")


def stack(note: str) -> dict[str, dict[str, Any]]:
    """Fourteen components of every temper; `note` is what a reload changes."""
    return {
        "quiet": {"run": program("counter", "--rate", 1)},
        "chatty": {"run": program("counter", "--rate", 3000), "log": BIG},
        "steady": {"run": program("counter", "--rate", 100), "restart": QUICK},
        "careful": {"run": program("close_descriptors"), "restart": QUICK},
        "titled": {"run": program("hide_environment"), "restart": QUICK},
        "stubborn": {"run": program("ignore_term"), "restart": QUICK, "stop": {"timeout": 0.3}},
        "forking": {"run": program("children", 2, 1), "restart": QUICK},
        "daemonish": {"run": program("double_fork"), "restart": QUICK},
        "mortal": {"run": program("exit_after", 3, 0.4), "restart": QUICK},
        "once": {"type": "task", "run": program("exit_after", 0, 0.1)},
        "needy": {
            "run": program("counter", "--rate", 10),
            "restart": QUICK,
            "depends_on": {"quiet": "ready", "once": "completed"},
        },
        "noted": {"run": program("show", note), "restart": QUICK},
        "seated": {"run": program("counter", "--rate", 300), "restart": QUICK, "tty": True},
        "typed": {"run": program("typist"), "restart": QUICK, "tty": True},
    }


class Chaos:
    """The driver: does something at random, remembers whom it may have touched, then looks at everything."""

    def __init__(self, project: ProjectUnderTest) -> None:
        self.project = project
        self.chance = random.Random(SEED)
        self.done: list[str] = []
        self.counts: Counter[str] = Counter()
        self.touched: set[str] = set()
        self.pids: dict[str, int] = {}
        self.notes = 0
        self.may_have_lost = False  # the machine was so busy that the disk was full for longer than was meant
        self.clock = WallClock(project, wanted=CLOCK)

    # -- what may happen ---------------------------------------------------------------------------------

    def act(self) -> None:
        """One thing, or two at once."""
        acts: list[Callable[[], None]] = [
            self.kill_daemon,
            self.kill_keeper,
            self.kill_both,
            self.kill_component,
            self.freeze_daemon,
            self.command,
            self.reload,
            self.fill_disk,
            self.step_clock,
        ]
        weights = [3, 3, 2, 3, 1, 3, 1, ROOT, 3 * self.clock.can_step]
        for act in self.chance.choices(acts, weights, k=self.chance.choice([1, 1, 2])):
            time.sleep(self.chance.uniform(0, 0.3))
            self.done.append(act.__name__)
            self.counts[act.__name__] += 1
            act()

    def _kill(self, who: str, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(KeyError, ProcessLookupError, AssertionError):
            self.project.kill(self.project.pids()[who], number)
            self.counts["kills"] += number == signal.SIGKILL

    def kill_daemon(self) -> None:
        self._kill(":daemon")

    def kill_keeper(self) -> None:
        self._kill(":keeper")

    def kill_both(self) -> None:
        pids = self.project.pids()
        plan = ((":daemon", signal.SIGSTOP), (":keeper", signal.SIGKILL), (":daemon", signal.SIGKILL))
        for who, number in plan:  # each of them: a keeper that is dead already must leave no daemon frozen
            with contextlib.suppress(KeyError, ProcessLookupError, AssertionError):
                self.project.kill(pids[who], number)
                self.counts["kills"] += number == signal.SIGKILL

    def kill_component(self) -> None:
        name = self.chance.choice(KILLABLE)
        self.touched.add(name)
        pid = self.project.pids().get(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, AssertionError):
                self.project.kill(pid)
                self.counts["kills"] += 1
                eventually(lambda: not is_running(pid), what="its end")  # until then all seems well

    def freeze_daemon(self) -> None:
        daemon = self.project.pids().get(":daemon")
        for number in (signal.SIGSTOP, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError, AssertionError):
                self.project.kill(daemon or 0, number)
            time.sleep(0.3)

    def command(self) -> None:
        name = self.chance.choice(KILLABLE)
        self.touched.add(name)
        verb = self.chance.choice(["restart", "stop", "start"])
        self.project.roost(verb, name, "--timeout", "60s")
        if verb == "stop":
            self.project.roost("start", name, "--timeout", "60s")

    def reload(self) -> None:
        self.notes += 1
        self.touched.add("noted")
        self.project.components(**stack(f"note {self.notes}"))
        self.project.roost("reload")

    def fill_disk(self) -> None:
        """No room for a while, but not for so long (5 s) that lines may be dropped."""
        begun = time.monotonic()
        fill(self.project)
        time.sleep(self.chance.uniform(0.3, 1.5))
        (self.project.root / "ballast").unlink()
        self.may_have_lost = self.may_have_lost or time.monotonic() - begun > 4

    def step_clock(self) -> None:
        """The wall clock jumps, to either side; nothing that lives or waits may notice."""
        self.clock.step(self.chance.choice([-86400, -3600, -5, 0, 5, 3600, 86400]))

    def down_and_up(self) -> None:
        """Whatever has died: `down` leaves nothing of ours (S48), and the next `up` finds nothing in its way."""
        self.done.append("down_and_up")
        self.counts["downs"] += 1
        self.project.down()
        eventually(lambda: not self.project.leftovers(), timeout=GRACE, what="the end of all that is ours")
        self.pids.clear()

    # -- what must be true afterwards ----------------------------------------------------------------------

    def settle(self) -> dict[str, Any]:
        """Bring it up (which must work at once, whatever is dead) and wait until everything is as wanted."""
        self.project.roost("up", "--no-wait", check=True)
        return eventually(self.settled, what="a settled stack")

    def settled(self) -> dict[str, Any] | None:
        done = self.project.roost("status", "--json")
        if done.code != 0:
            return None
        status: dict[str, Any] = json.loads(done.out)
        states = {one["name"]: one["state"] for one in status["components"]}
        wanted = {name: {"running"} for name in stack("")}
        wanted |= {"once": {"completed"}, "mortal": {"running", "backoff", "starting", "waiting"}}
        pids = [one["pid"] for one in status["components"] if one["name"] != "mortal" and one["pid"]]
        done = all(states[name] in wanted[name] for name in wanted) and all(map(is_running, pids))
        return status if done else None

    def look(self, status: dict[str, Any]) -> None:
        """Same pids, one live run each, whole logs."""
        pids = {one["name"]: one["pid"] for one in status["components"] if one["name"] != "mortal"}
        for name, pid in self.pids.items():
            if name not in self.touched:
                assert pids[name] == pid, f"{name} was restarted"
        self.pids = {name: pid for name, pid in pids.items() if pid is not None}
        self.touched.clear()
        self.one_each(status)
        self.type_something()

    def type_something(self) -> None:
        """The terminal is nobody's but its component's, whoever has died: what is typed is still heard."""
        self.counts["typed"] += 1
        said = f"words {self.counts['typed']}"
        eventually(lambda: self.typed(said), what=f"an answer to {said!r}")
        assert b"hung up" not in self.project.log_bytes("typed")

    def typed(self, said: str) -> bool:
        """Type it at the terminal, and wait until the program has answered."""
        with (
            contextlib.suppress(roost.RoostError),
            roost.Client(self.project.root) as client,
            client.component_attach("typed") as stream,
        ):
            first = next(stream)
            assert isinstance(first, TerminalAttached) and first.terminal is not None
            client.terminal_write(first.terminal, said.encode() + b"\n")
            seen = b""
            for item in stream:
                seen += item.data if isinstance(item, TerminalOutput) else b""
                if f"heard {said}".encode() in seen:
                    return True
        return False

    def one_each(self, status: dict[str, Any]) -> None:
        """No component runs twice: the leaders of sessions that bear our mark are exactly the pids of status."""
        known = {one["pid"] for one in status["components"]}
        known |= {status["daemon"]["pid"], status["daemon"]["keeper_pid"]}
        programs = re.compile(r"tests/e2e/programs/(\w+)\.py")
        for process in self.project.leftovers():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                found = programs.search(" ".join(process.cmdline()))
                leads = os.getsid(process.pid) == process.pid
                if found and leads and found[1] not in ("exit_after", "double_fork"):
                    assert process.pid in known, f"{found[1]} runs twice: {process.pid}, known {known}"

    def lines(self) -> None:
        """Each counter's lines, run by run, whole in the raw file, once each and in order."""
        if self.may_have_lost:
            return
        for name in COUNTERS:
            last = {"out": 0, "err": 0}
            for line in self.project.log_lines(name):
                if line == "environment hidden":  # what `titled` says at its beginning
                    continue
                whole = re.fullmatch(r"(out|err) (\d+)\r?", line)
                assert whole, f"{name} never wrote {line!r}"
                word, number = whole[1], int(whole[2])
                assert number in (1, last[word] + 1), f"{name}: {line} after {last[word]}"
                last[word] = number
                self.counts["lines"] += 1

    def restarts_are_explained(self) -> None:
        """S24: before each start after the first there is an event that says why."""
        reason: dict[str, bool] = {}
        for event in self.project.events("-n", 1_000_000):
            name, kind = event["component"], event["kind"]
            if kind == "started":
                assert reason.get(name, True), f"{name} run {event['run']} started for no reason on record"
                reason[name] = False
            elif kind in ("exited", "restarting", "stopped", "reloaded", "drift", "gave_up", "completed"):
                reason[name] = True
                self.counts["restarts"] += kind == "restarting"


@pytest.fixture
def place(make_project: Callable[[], ProjectUnderTest]) -> Iterator[ProjectUnderTest]:
    """A project on a disk of its own, where one may be mounted; down before the disk goes."""
    project = make_project()
    with mounted(project.root, "size=400m") if ROOT else contextlib.nullcontext():
        yield project
        (project.root / "ballast").unlink(missing_ok=True)
        if project.state.exists():
            project.roost("down", "--timeout", "10s")


def test_whatever_dies_the_promises_hold(place: ProjectUnderTest) -> None:
    """P1, P2, P3, P4, P7, P8, S8, S24: nothing dies with us, nothing runs twice, no line is lost."""
    project, chaos = place, Chaos(place)
    project.components(**stack("note 0"))
    project.roost("up", "--no-wait", check=True)
    try:
        chaos.look(chaos.settle())
        for number in range(1, ROUNDS + 1):
            chaos.done.append("|")
            chaos.act()
            if number % DOWN_EACH == 0:
                chaos.down_and_up()
            chaos.look(chaos.settle())
        chaos.restarts_are_explained()
        project.down()
        chaos.lines()
    except BaseException as error:
        error.add_note(f"seed {SEED}, after: {' '.join(chaos.done)}")
        raise
    told = ", ".join(f"{count} {what}" for what, count in sorted(chaos.counts.items()))
    print(f"chaos, seed {SEED}: {ROUNDS} rounds, {told}; no violation")
