"""Ten containers up and down again: Roost beside `docker compose`, in turns, on the tests' own engine.

The plugin `docker compose` where it is there, else Debian's `docker-compose` (1.29, the last one in Python).

    python tests/bench/container_figures.py [ROUNDS]
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.engine import IMAGE, RealEngine, real_engine

COUNT = 10
ROOST = Path(sys.executable).with_name("roost")
COMPONENT = {"image": IMAGE, "command": ["sleep", "600"], "stop": {"timeout": 0}}
SERVICE = {"image": IMAGE, "command": ["sleep", "600"], "stop_grace_period": "0s"}


def main() -> None:
    """Measure in turns, so that a busy moment of the machine hits both; print medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with real_engine() as engine:
        candidates = {"roost": roost(engine), **compose(engine)}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
        for _ in range(rounds):
            for name, measure in candidates.items():
                times[name].append(measure())
    print(f"{f'{COUNT} containers, median of {rounds}':36}{'up s':>8}{'down s':>8}")
    for name, measured in times.items():
        ups, downs = zip(*measured, strict=True)
        print(f"{name:36}{statistics.median(ups):8.2f}{statistics.median(downs):8.2f}")


Measure = Callable[[], tuple[float, float]]


def roost(engine: RealEngine) -> Measure:
    """`up` until all are ready, daemon and keeper included; `down` until nothing is left."""

    def measure() -> tuple[float, float]:
        with folder() as place:
            names = [f"c{number}" for number in range(COUNT)]
            text = json.dumps({"version": 1, "name": "bench", "components": dict.fromkeys(names, COMPONENT)})
            (place / "roost.yaml").write_text(text)
            command = [str(ROOST), "-C", str(place)]
            up, down = timed([*command, "up"], engine, place), timed([*command, "down"], engine, place)
            return up, down

    return measure


def compose(engine: RealEngine) -> dict[str, Measure]:
    """`up -d` and `down`, which makes and removes a network, as Roost does."""
    command = _compose_command()
    if command is None:
        print("no docker compose here (apt-get install docker-compose)", file=sys.stderr)
        return {}

    def measure() -> tuple[float, float]:
        with folder() as place:
            services = {f"c{number}": SERVICE for number in range(COUNT)}
            (place / "docker-compose.yml").write_text(json.dumps({"version": "3.8", "services": services}))
            return timed([*command, "up", "-d"], engine, place), timed([*command, "down"], engine, place)

    return {" ".join(command): measure}


def _compose_command() -> list[str] | None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


@contextmanager
def folder() -> Iterator[Path]:
    """A short one, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="rb-", dir="/tmp") as made:
        yield Path(made)


def timed(command: list[str], engine: RealEngine, place: Path) -> float:
    """Seconds that a command takes; it must succeed."""
    environment = {**os.environ, **engine.environment, "XDG_STATE_HOME": str(place / "state")}
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    took = time.perf_counter() - begun
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return took


if __name__ == "__main__":
    main()
