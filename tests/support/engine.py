"""A real container engine for the tests (build/engine.sh), one at a time on this machine.

An engine's bridge exists once in a network namespace, and several checkouts may run their tests at once: whoever
uses it holds a lock.  The engine is started by the first test that asks for it and ended with the session.
It is Docker; with ROOST_TEST_ENGINE_KIND=podman it is Podman, which wants a network namespace of its own:

    ROOST_TEST_ENGINE_KIND=podman unshare -n sh -c 'ip link set lo up && pytest tests/edges tests/e2e -k container'
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from e2e.harness import free_port

SCRIPT = Path(__file__).resolve().parent.parent.parent / "build" / "engine.sh"
KIND = os.environ.get("ROOST_TEST_ENGINE_KIND", "docker")
PLACE = Path(os.environ.get("ROOST_TEST_ENGINE", f"/tmp/roost-test-{'engine' if KIND == 'docker' else KIND}"))
LOCK = Path(f"{PLACE}.lock")  # who chooses another place brings a network namespace of his own
IMAGE = "localtest/busybox:1"
PROGRAMS = {"docker": ("dockerd",), "podman": ("podman", "runc")}
LOCK_PATIENCE = 900.0  # seconds; as long as the tests of another checkout may take
END_PATIENCE = 60.0


@dataclass(frozen=True)
class RealEngine:
    """The engine under test, and what can be done to it."""

    place: Path
    kind: str = KIND
    """docker or podman."""
    image: str = IMAGE

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, where a few things are different by its nature."""
        return self.kind == "podman"

    def needs_health_checks(self) -> None:
        """Skip where nobody runs them: Podman leaves that to systemd's timers."""
        if self.is_podman and not Path("/run/systemd/system").exists():
            pytest.skip("Podman leaves health checks to systemd, which does not run here")

    @property
    def host(self) -> str:
        """What DOCKER_HOST has to be."""
        return f"unix://{self.place}/{self.kind}.sock"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this engine, and no other."""
        return {"DOCKER_HOST": self.host, "HOME": str(self.place), "PATH": os.environ.get("PATH", os.defpath)}

    def pid(self) -> int:
        """The engine's process."""
        return int((self.place / f"{self.kind}.pid").read_text())

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it has ended."""
        process = psutil.Process(self.pid())
        process.send_signal(number)
        deadline = time.monotonic() + END_PATIENCE
        while _lives(process):
            assert time.monotonic() < deadline, "the engine does not end"
            time.sleep(0.02)

    def start(self) -> None:
        """Start it again; returns when it answers."""
        _script("up", timeout=120)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside, the engine hangs: it accepts connections and answers nothing."""
        process = psutil.Process(self.pid())
        process.suspend()
        try:
            while process.status() != psutil.STATUS_STOPPED:
                time.sleep(0.01)
            yield
        finally:
            process.resume()

    @contextlib.contextmanager
    def registry(self) -> Iterator[str]:
        """A real registry; inside, `HOST:PORT` is where it listens.  Skips where there is none."""
        if subprocess.run([SCRIPT, "has-registry"], stdin=subprocess.DEVNULL).returncode:
            assert os.environ.get("ROOST_TEST_PACKAGES") != "installed", (
                "no registry (build/engine.sh install)"
            )
            pytest.skip("the package docker-registry is not there (build/engine.sh install)")
        port = free_port()
        process = subprocess.Popen([SCRIPT, "registry", str(port)], stdin=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                assert process.poll() is None, "the registry ended"
                assert time.monotonic() < deadline, "the registry does not listen"
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two questions
        return False


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _script(*arguments: str, timeout: float) -> None:
    done = subprocess.run(
        [SCRIPT, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "ROOST_TEST_ENGINE": str(PLACE)},
    )
    assert done.returncode == 0, f"{SCRIPT.name} {' '.join(arguments)}: {done.stdout}{done.stderr}"


def _is_cut_off() -> bool:
    """Whether this network namespace leads nowhere: one that was made for the tests."""
    routes = Path("/proc/self/net/route").read_text().splitlines()[1:]
    return not any(route.split()[1] == "00000000" for route in routes)


def _why_not() -> str | None:
    """Why no engine can run here."""
    if sys.platform != "linux":
        return "the tests' own engine runs on Linux alone"
    if os.geteuid() != 0:
        return "the tests' own engine needs root"
    if KIND == "podman" and not _is_cut_off():
        return "Podman writes firewall rules: it wants a network namespace of its own (unshare -n)"
    if (
        KIND == "docker"
        and any(name == "docker0" for _, name in socket.if_nameindex())
        and not PLACE.exists()
    ):
        return "another Docker engine has its bridge here, and there is room for one"
    missing = [name for name in (*PROGRAMS[KIND], "curl", "ip") if shutil.which(name) is None]
    if not Path("/bin/busybox").exists():
        missing.append("/bin/busybox")
    return f"not installed: {', '.join(missing)} (build/engine.sh install)" if missing else None


@contextlib.contextmanager
def real_engine() -> Iterator[RealEngine]:
    """The engine, with its image; skips where none can run, unless its packages were installed for it."""
    reason = _why_not()
    if reason is not None:
        installed = os.environ.get("ROOST_TEST_PACKAGES") == "installed"
        assert not (installed and reason.startswith("not installed")), reason
        pytest.skip(reason)
    with _lock():
        _script("down", timeout=120)  # what a killed run has left
        try:
            _script("up", timeout=120)
            _script("image", IMAGE, timeout=60)
            yield RealEngine(PLACE)
        finally:
            _script("down", timeout=120)


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    import fcntl  # Linux alone comes here

    with open(LOCK, "a") as file:
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline, f"another run holds {LOCK} for {LOCK_PATIENCE:g} s"
                time.sleep(0.2)
        yield
