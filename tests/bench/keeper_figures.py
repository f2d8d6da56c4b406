"""The keeper's figures, printed: memory, ping, spawn, log intake.  A program of its own, not a test.

    python tests/bench/keeper_figures.py [MEGABYTES]

Each figure is what a blocking client of the wire sees; the machine's own noise is about a third.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "daemon")]

from keeper.harness import House, WireClient, house_in, python  # noqa: E402

COMPONENTS = 50
WRITER = """
import os
piece = (b"x" * 99 + b"\\n") * 655
for _ in range({count}):
    left = memoryview(piece)
    while left:
        left = left[os.write(1, left):]
"""


def rss_mb(pid: int) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Rss line")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def show(what: str, value: str) -> None:
    print(f"{what:<44} {value}")


def spawning(house: House, client: WireClient) -> None:
    """Time from request to reply, everything included."""
    times = []
    for number in range(COMPONENTS):
        began = time.perf_counter()
        house.spawn(client, f"idle-{number}", ["/bin/sleep", "3600"])
        times.append((time.perf_counter() - began) * 1000)
    p50, p95 = statistics.median(times), percentile(times, 0.95)
    show(f"spawn, {COMPONENTS} components, p50 / p95", f"{p50:.2f} / {p95:.2f} ms")


def pinging(client: WireClient) -> None:
    """An empty request."""
    times = []
    for _ in range(3000):
        began = time.perf_counter()
        client.call("watch", names=[])
        times.append((time.perf_counter() - began) * 1e6)
    show("ping, p50 / p99", f"{statistics.median(times):.0f} / {percentile(times, 0.99):.0f} µs")


def intake(house: House, client: WireClient, writers: int, megabytes: int) -> None:
    """How fast logs are taken in, and what a ping takes meanwhile."""
    count = max(1, megabytes * 1_000_000 // 65500 // writers)
    log = {"max_size": 10**12, "max_files": 1}
    began = time.perf_counter()
    for number in range(writers):
        house.spawn(client, f"writer{writers}-{number}", python(WRITER.format(count=count)), log=log)
    pings = []
    ended: set[str] = set()
    while len(ended) < writers:
        start = time.perf_counter()
        client.call("watch", names=[])
        pings.append((time.perf_counter() - start) * 1000)
        time.sleep(0.002)
        ended = {event["name"] for event in client.events if event["event"] == "exited"} & {
            f"writer{writers}-{number}" for number in range(writers)
        }
    seconds = time.perf_counter() - began
    total = sum(
        Path(house.paths.log(f"writer{writers}-{number}")).stat().st_size for number in range(writers)
    )
    assert total == writers * count * 65500, (total, writers * count * 65500)
    answers = f"ping p99 / max {percentile(pings, 0.99):.1f} / {max(pings):.1f} ms"
    show(f"intake, {writers} writer(s)", f"{total / seconds / 1e6:.0f} MB/s; {answers}")
    for number in range(writers):
        client.call("log", name=f"writer{writers}-{number}", clear=True)


def writing_directly(folder: str, megabytes: int) -> None:
    """The same program, its output a file: what the disk and the program can do without us."""
    path = Path(folder) / "direct"
    count = max(1, megabytes * 1_000_000 // 65500)
    began = time.perf_counter()
    with path.open("wb") as file:
        subprocess.run(python(WRITER.format(count=count)), stdout=file, check=True)
    show(
        "the same program, writing to a file",
        f"{count * 65500 / (time.perf_counter() - began) / 1e6:.0f} MB/s",
    )
    path.unlink()


def restarting(house: House, client: WireClient) -> None:
    """From the kill of a component to the reply to the next spawn, driven by a client."""
    times = []
    for number in range(1, 40):
        pid = house.spawn(client, "victim", ["/bin/sleep", "3600"], run=number)["pid"]
        began = time.perf_counter()
        client.send("signal", name="victim", run=number, signal="KILL")
        client.event("exited", "victim", number)
        times.append((time.perf_counter() - began) * 1000)
        del pid
    show("kill to exited, p50 / p95", f"{statistics.median(times):.2f} / {percentile(times, 0.95):.2f} ms")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder, house_in(Path(folder)) as house:
        client = house.start()
        assert house.keeper is not None
        pid = house.keeper.pid
        show("RSS, no component", f"{rss_mb(pid):.1f} MB")
        spawning(house, client)
        show(f"RSS, {COMPONENTS} components", f"{rss_mb(pid):.1f} MB")
        pinging(client)
        restarting(house, client)
        for writers in (1, 10):
            intake(house, client, writers, megabytes)
        writing_directly(folder, megabytes)
        time.sleep(3)  # what was written is flushed and removed
        before = cpu_seconds(pid)
        time.sleep(10)
        show(f"idle CPU, {COMPONENTS} components, 10 s", f"{cpu_seconds(pid) - before:.2f} s")
        show("RSS at the end", f"{rss_mb(pid):.1f} MB")


if __name__ == "__main__":
    main()
