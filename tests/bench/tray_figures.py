"""The tray with fifty components, in a desktop session in memory: how soon, how large, how idle, how lasting.

    python tests/bench/tray_figures.py [SECONDS]

`SECONDS`: how long it is watched while nothing happens (30).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import cpu_seconds
from e2e.harness import ProjectUnderTest, eventually, short_folder
from panel.rig import TraySession
from panel.session import DesktopSession, end

COUNT = 50
CHANGES = 10_000
FLOOD = Path(__file__).resolve().parent.parent / "panel" / "flood.py"


def main() -> None:
    """Measure and print."""
    watched = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    project = ProjectUnderTest(short_folder())
    project.components(**{f"c{number}": {"run": ["sleep", "600"]} for number in range(COUNT)})
    desktop = DesktopSession(project.home)
    try:
        desktop.start_panel()
        session = TraySession(project, desktop)
        project.up()
        alone(session, watched)
        lasting(desktop)
    finally:
        desktop.close()
        project.finish()


def alone(session: TraySession, watched: float) -> None:
    """The installed tray, from its start to its rest."""
    begun = time.perf_counter()
    tray = session.tray()
    icon = session.icon()
    print(f"icon in the panel                  {time.perf_counter() - begun:8.2f} s")
    icon.line("More")
    eventually(lambda: _rests(tray.pid), what="rest", timeout=60)
    before = cpu_seconds([tray.pid])
    time.sleep(watched)
    share = (cpu_seconds([tray.pid]) - before) / watched
    memory = psutil.Process(tray.pid).memory_full_info()
    print(f"idle, {watched:.0f} s                        {share:8.3%} of a core")
    print(f"resident, of which its own         {memory.rss / 1e6:8.1f} MB, {memory.uss / 1e6:.1f} MB")
    end(tray)


def _rests(pid: int) -> bool:
    """Whether it has drawn its first menu, and does no more."""
    before = cpu_seconds([pid])
    time.sleep(1)
    return cpu_seconds([pid]) - before < 0.02


def lasting(desktop: DesktopSession) -> None:
    """An icon whose fifty components change all the time, 300 times a second (the tray itself: twice)."""
    argv = [sys.executable, str(FLOOD), "status-notifier", str(CHANGES), "0.03"]
    flood = desktop.start("flood", argv)
    desktop.wait(lambda: "end" in desktop.output("flood"), "every change", timeout=600)
    found = dict(line.split() for line in desktop.output("flood").splitlines())
    first, last = float(found[str(CHANGES // 10)]), float(found["end"])
    print(f"memory over {CHANGES:,} changes        {last - first:+8.1f} MB, from {first:.1f} MB")
    end(flood)


if __name__ == "__main__":
    main()
