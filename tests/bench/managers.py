"""What the benchmark asks of a process manager, and Roost as one; the peers are in peers.py.

Each gets the same components in a folder of its own and is driven by its own command, as a user would.
"""

from __future__ import annotations

import abc
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import machine

SLOW = 180.0  # seconds that any single call of a manager may take


@dataclass(frozen=True)
class Component:
    """What is to be run: the same for every manager."""

    name: str
    argv: tuple[str, ...]


class Manager(abc.ABC):
    """One process manager with its own configuration folder; restarts at once, without limit or back-off."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.env = {**os.environ, "HOME": str(folder), "NO_COLOR": "1"}
        self._seen: dict[int, str] = {}

    @abc.abstractmethod
    def configure(self, components: Iterable[Component]) -> None:
        """Write the configuration."""

    @abc.abstractmethod
    def up_argv(self) -> list[str]:
        """The command that starts the manager and all components."""

    @abc.abstractmethod
    def status_argv(self) -> list[str]:
        """The command that shows all components."""

    @abc.abstractmethod
    def down_argv(self) -> list[str]:
        """The command that stops all components and the manager."""

    @abc.abstractmethod
    def look_up_pids(self) -> dict[str, int]:
        """The manager's own processes, by what they are."""

    def interface(self) -> tuple[str, str]:
        """The Python that can speak to its interface (asking.py), and that interface's address."""
        raise NotImplementedError(f"{self.name} has none that is asked")

    def log(self, name: str) -> Path:
        """Where the standard output of a component goes."""
        return self.logs / f"{name}.log"

    def pids(self) -> dict[str, int]:
        """The manager's own live processes; remembered, so that they can be ended if all else fails."""
        pids = self.look_up_pids()
        self._seen.update({pid: token for pid in pids.values() if (token := machine.start_time(pid))})
        return pids

    def start(self, argv: list[str]) -> subprocess.Popen[str]:
        """Start a command of the manager; its output goes to a file, which a daemon may keep open."""
        output = open(self.folder / "output", "a")  # noqa: SIM115 - handed to the command
        with output:
            return subprocess.Popen(
                argv,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
            )

    def run(self, argv: list[str], timeout: float = SLOW) -> int:
        """Run a command of the manager to its end; its exit code."""
        return machine.end_of(self.start(argv), timeout)

    def end(self) -> None:
        """Kill, by pid, what is left of the manager; then nothing of it runs."""
        with contextlib.suppress(OSError, ValueError, KeyError, subprocess.SubprocessError):
            self.pids()
        for pid, token in self._seen.items():
            if machine.start_time(pid) == token:
                os.kill(pid, signal.SIGKILL)

    def said(self) -> str:
        """The end of what its commands printed."""
        return (self.folder / "output").read_text(errors="replace")[-1500:]


class Roost(Manager):
    """The command installed beside this Python (or ROOST_UNDER_TEST)."""

    name = "roost"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        chosen = os.environ.get("ROOST_UNDER_TEST")
        self.command = shlex.split(chosen) if chosen else [str(Path(sys.executable).parent / "roost")]
        self.log_size = "10MB"

    def configure(self, components: Iterable[Component]) -> None:
        restart = {"backoff": {"initial": 0}, "limit": {"max": 1_000_000, "within": "1m"}}
        defaults = {"restart": restart, "log": {"max_size": self.log_size, "max_files": 2}}
        entries = {component.name: {"run": list(component.argv)} for component in components}
        config = {"version": 1, "name": "bench", "defaults": defaults, "components": entries}
        config["limits"] = {"components": 2000}
        (self.folder / "roost.yaml").write_text(json.dumps(config))

    def up_argv(self) -> list[str]:
        return [*self.command, "up", "--timeout", "120s"]

    def status_argv(self) -> list[str]:
        return [*self.command, "status"]

    def down_argv(self) -> list[str]:
        return [*self.command, "down"]

    def look_up_pids(self) -> dict[str, int]:
        argv = [*self.command, "call", "daemon.status"]
        shown = subprocess.run(
            argv, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=10
        )
        answer = json.loads(shown.stdout)
        return {"daemon": answer["pid"], "keeper": answer["keeper_pid"]}

    def log(self, name: str) -> Path:
        return self.folder / ".roost" / "logs" / f"{name}.log"

    def interface(self) -> tuple[str, str]:
        return sys.executable, self.socket

    @property
    def socket(self) -> str:
        """The address of the daemon's socket, as daemon.json has it."""
        endpoint: str = json.loads((self.folder / ".roost" / "daemon.json").read_text())["endpoint"]
        return endpoint.removeprefix("unix:")
