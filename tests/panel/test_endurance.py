"""An icon that changes for a long time, and a bus that stands still: memory stays, and the icon works."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from panel.icon import IconOnBus
from panel.rig import TraySession

pytestmark = pytest.mark.xdist_group("panel")

FLOOD = Path(__file__).with_name("flood.py")


def flood(session: TraySession, changes: int, pause: float) -> None:
    """Start the icon that changes so often."""
    argv = [sys.executable, str(FLOOD), "status-notifier", str(changes), str(pause)]
    session.process = session.desktop.start("flood", argv)


def figures(session: TraySession) -> dict[str, float]:
    """Memory by change, as far as it has come."""
    lines = (line.split() for line in session.desktop.output("flood").splitlines())
    return {words[0]: float(words[1]) for words in lines if len(words) == 2 and words[0] != "chosen"}


def test_a_bus_that_stands_still_is_waited_for(session: TraySession) -> None:
    """While the bus takes nothing, what changes waits; afterwards the icon shows the last of it, and acts."""
    flood(session, 2000, 0.05)
    icon = IconOnBus(session.desktop)
    session.eventually(lambda: "begin" in figures(session), "the first change")
    with session.desktop.bus_standing_still():
        session.desktop.wait(lambda: "1600" in figures(session), "a thousand changes")
    session.eventually(lambda: icon.menu().children[0].label == "change 2000", "the last change")
    icon.click("component-7", "View log")
    session.eventually(lambda: "chosen component-7|View log" in session.desktop.output("flood"), "the choice")


@pytest.mark.parametrize(
    ("changes", "most"), [(500, 6.0), pytest.param(10_000, 6.0, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_memory_stays_flat(session: TraySession, changes: int, most: float) -> None:
    """Fifty components that change all the time cost no memory: a few MB for a longer menu, and no more."""
    flood(session, changes, 0.03)
    session.desktop.wait(lambda: "end" in figures(session), "every change", timeout=300)
    found = figures(session)
    assert found["end"] - found["begin"] < most, found
    assert found["end"] - found[str(changes // 10)] < most / 2, found


@pytest.mark.slow
@pytest.mark.serial
def test_a_tray_that_waits_costs_nothing(session: TraySession) -> None:
    """Idle with fifty components: under 0.1 % of a core over ten seconds, and under 60 MB."""
    session.project.components(**{f"c{number}": {"run": ["sleep", "600"]} for number in range(50)})
    session.project.up()
    tray = session.tray()
    session.icon().line("More")
    process = psutil.Process(tray.pid)

    def busy() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    session.eventually(lambda: settled(process, busy), "rest")
    before = busy()
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(30)
    assert (busy() - before) / 30 < 0.001
    assert process.memory_info().rss < 60e6


def settled(process: psutil.Process, busy: object) -> bool:
    """Whether it has stopped drawing its first menu."""
    assert callable(busy)
    before = busy()
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(1)
    return bool(busy() - before < 0.02)
