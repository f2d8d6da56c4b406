"""Drives the installed `roost` command on a project of its own, and sees to it that nothing stays behind.

It knows the contract (INTERFACES.md) and no code of ours: everything is asked of the command, read from
the files that the contract names, or seen in the system's process table.  It never signals a process that
is not proved to belong to the project under test.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

PROGRAMS = Path(__file__).with_name("programs")
MARK = "ROOST_TEST_MARK"  # in the environment of every process that a test has caused
PATIENCE = 60.0  # seconds that a test waits for what must come, on a machine that has much else to do
SOON = 30.0  # seconds that "at once" may take there; what is not at once takes minutes in these tests
COMMAND_TIMEOUT = 120.0  # seconds, for one call of the command
GRACE = 10.0  # seconds that a process which nobody keeps may take to be gone
_EXITING = 0x4  # PF_EXITING of the kernel, in the flags of /proc/PID/stat
NEVER_READY: dict[str, Any] = {"readiness": {"log": "what nobody writes"}}
"""For one that ends at once: without a probe `up` believes in what is alive half a second later, and a shell that
a busy machine has not let run yet is that, too."""
_Value = TypeVar("_Value")


def roost_command() -> list[str]:
    """The command under test: `ROOST_UNDER_TEST`, else the one installed beside this Python."""
    chosen = os.environ.get("ROOST_UNDER_TEST")
    if chosen:
        return shlex.split(chosen)
    name = "roost.exe" if os.name == "nt" else "roost"
    return [str(Path(sys.executable).parent / name)]


def program(name: str, *arguments: object) -> list[str]:
    """The `run` list of one of the helper programs in `programs/`."""
    path = PROGRAMS / f"{name}.py"
    assert path.is_file(), f"there is no helper program {path}"
    return [sys.executable, str(path), *map(str, arguments)]


def need(command: str) -> str:
    """The path of a server or tool that a test runs; skips where it is missing.

    Where build/test.sh has installed the packages, a missing one is a failure.
    """
    places = [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin", "/sbin"]
    places += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    found = shutil.which(command, path=os.pathsep.join(places))
    if found:
        return found
    if os.environ.get("ROOST_TEST_PACKAGES") == "installed":
        raise AssertionError(f"{command} is missing although the test packages were installed")
    pytest.skip(f"{command} is not installed (build/test.sh installs it where it may)")


def _has_ipv6() -> bool:
    import socket

    try:
        with socket.socket(socket.AF_INET6) as attempt:
            attempt.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 (a container, say)")


_given: set[int] = set()
_WORKERS = 32  # of pytest-xdist, at most, that never give out the same port


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens, outside the ranges from which others get theirs.

    A port of the system's range could be given to the next connection before the component listens on it, one
    from 20000 on to a component with `ports: auto`.  No two tests of a run get the same: one may not have
    listened yet, or rely on it that nobody does.
    """
    import socket

    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    while True:
        port = random.randrange(10_240 + worker, 20_000, _WORKERS)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def eventually(
    look: Callable[[], _Value], *, timeout: float = PATIENCE, what: str = "the condition", every: float = 0.03
) -> _Value:
    """The first true value of `look()`; AssertionError with the last one after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s; last seen: {value!r}")
        time.sleep(every)


# -- one call of the command --------------------------------------------------------------------------


@dataclass(frozen=True)
class Completed:
    """How one call of the command ended."""

    argv: list[str]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"not JSON: {error}\n{self}") from None

    @property
    def json_lines(self) -> list[Any]:
        """Standard output as one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __str__(self) -> str:
        shown = shlex.join(self.argv)
        return f"$ {shown}\n[exit {self.code}, {self.seconds:.3f} s]\n{self.out}{self.err}"


def call(
    argv: list[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str],
    timeout: float = COMMAND_TIMEOUT,
    stdin: str | None = None,
) -> Completed:
    """Run a command to its end; AssertionError if it, or whoever holds its output open, takes too long."""
    begun = time.monotonic()
    child = subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = child.communicate(None if stdin is None else stdin.encode(), timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        held = child.poll() is not None
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                pipe.close()
        said = (expired.stdout or b"") + (expired.stderr or b"")
        why = "ended, but something keeps its output open" if held else "did not end"
        shown = f"{shlex.join(argv)}: {why} within {timeout:g} s\n{said.decode(errors='replace')}"
        raise AssertionError(shown) from None
    seconds = time.monotonic() - begun
    texts = [part.decode("utf-8", "replace").replace("\r\n", "\n") for part in (out, err)]
    return Completed(argv, child.returncode, texts[0], texts[1], seconds)


# -- processes ----------------------------------------------------------------------------------------


class Gone(AssertionError):
    """A process that was to be signalled has ended before."""


def start_token(pid: int) -> str | None:
    """What tells one life of a pid from the next (its start time); None when nothing runs under it.

    One in the middle of its exit runs no more, however long the system takes to finish with it.
    """
    try:
        if sys.platform == "linux":
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if fields[0] in "ZX" or int(fields[6]) & _EXITING else fields[19]
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except (psutil.Error, OSError):
        return None


def is_running(pid: int) -> bool:
    """Whether a process lives under this pid (a zombie does not)."""
    return start_token(pid) is not None


def marked_processes(mark: str, folder: Path) -> Iterator[psutil.Process]:
    """Live processes that carry the mark in their environment, stand in `folder`, or were given its path."""
    inside = str(folder)
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if is_running(process.pid) and _belongs(process, mark, inside):
                yield process


def _belongs(process: psutil.Process, mark: str, inside: str) -> bool:
    looks: tuple[Callable[[], bool], ...] = (
        lambda: process.environ().get(MARK) == mark,
        lambda: process.cwd().startswith(inside),
        lambda: any(inside in argument for argument in process.cmdline()),
    )
    for look in looks:
        with contextlib.suppress(psutil.Error, OSError):
            if look():
                return True
    return False


def describe(process: psutil.Process) -> str:
    """One line that says which process this is."""
    with contextlib.suppress(psutil.Error, OSError):
        shown = f"pid {process.pid} (parent {process.ppid()}): {shlex.join(process.cmdline())[:200]}"
        return shown.encode("utf-8", "backslashreplace").decode()  # what is no text cannot be reported
    return f"pid {process.pid}"


# -- a project ----------------------------------------------------------------------------------------


class ProjectUnderTest:
    """A folder with a `roost.yaml`, a HOME of its own, and the processes that came of it.

    `base` must be a short path that nobody else uses: sockets live below it.
    """

    def __init__(self, base: Path, folder: str = "p") -> None:
        self.base = base.resolve()
        self.root = self.base / folder
        self.home = self.base / "h"
        self.mark = uuid.uuid4().hex
        self.root.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)
        self.state = self.root / ".roost"
        self._known: dict[int, str] = {}
        self._expected_leftovers: set[int] = set()
        self.env = self._environment()

    def _environment(self) -> dict[str, str]:
        kept = ("LANG", "LC_ALL", "TZ", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        folders = [os.path.dirname(roost_command()[0]) or os.defpath, os.environ.get("PATH", os.defpath)]
        env.update(
            PATH=os.pathsep.join(folders),
            HOME=str(self.home),
            USERPROFILE=str(self.home),
            LOCALAPPDATA=str(self.home),
            APPDATA=str(self.home),
            TMPDIR=str(self.base),
            PYTHONDONTWRITEBYTECODE="1",
        )
        env[MARK] = self.mark
        return env

    # -- files

    def write(self, config: str | Mapping[str, Any], name: str = "roost.yaml") -> Path:
        """Write the configuration: a YAML text (indented as the test likes) or a value, kept as JSON."""
        text = textwrap.dedent(config) if isinstance(config, str) else json.dumps(config, indent=1)
        return self.file(name, text)

    def components(self, **components: Mapping[str, Any]) -> Path:
        """Write a configuration that has just these components."""
        return self.write({"version": 1, "name": "test", "components": components})

    def file(self, name: str, text: str) -> Path:
        """Write any file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def log_bytes(self, name: str) -> bytes:
        """All that the component wrote and that is still kept, rotated files included, oldest first."""
        folder = self.state / "logs"
        rotated = [path for path in folder.glob(f"{name}.log.*") if path.suffix[1:].isdigit()]
        ordered = sorted(rotated, key=lambda path: -int(path.suffix[1:]))
        parts = [*ordered, folder / f"{name}.log"]
        return b"".join(path.read_bytes() for path in parts if path.exists())

    def log_lines(self, name: str) -> list[str]:
        """The whole lines of `log_bytes`."""
        return self.log_bytes(name).decode("utf-8", "replace").split("\n")[:-1]

    # -- the command

    def roost(
        self,
        *arguments: object,
        timeout: float = COMMAND_TIMEOUT,
        check: bool | int = False,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        stdin: str | None = None,
    ) -> Completed:
        """Call `roost`; with `check` (True: 0) another exit code fails the test with all that was said."""
        argv = [*roost_command(), *map(str, arguments)]
        done = call(argv, cwd=cwd or self.root, env={**self.env, **(env or {})}, timeout=timeout, stdin=stdin)
        wanted = 0 if check is True else check
        if check is not False:
            assert done.code == wanted, f"expected exit code {wanted}\n{done}{self.daemon_log_tail()}"
        return done

    def start_roost(self, *arguments: object, **popen: Any) -> subprocess.Popen[bytes]:
        """Call `roost` without waiting for it (`logs -f`, `up --foreground`); the caller ends it."""
        argv = [*roost_command(), *map(str, arguments)]
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(argv, cwd=self.root, env=self.env, **popen)

    def up(self, *arguments: object, timeout: float = COMMAND_TIMEOUT) -> Completed:
        """`roost up`, which must succeed; remembers the pids that it brought."""
        done = self.roost("up", *arguments, timeout=timeout, check=True)
        self.pids()
        return done

    def down(self, *arguments: object, timeout: float = COMMAND_TIMEOUT) -> Completed:
        """`roost down`, which must succeed."""
        return self.roost("down", *arguments, timeout=timeout, check=True)

    def status(self) -> dict[str, Any]:
        """`status --json`, with or without a daemon; remembers every pid in it."""
        done = self.roost("status", "--json")
        assert done.code in (0, 3), str(done)
        answer: dict[str, Any] = done.json
        daemon = answer.get("daemon") or {}
        if daemon.get("running"):
            pids = [daemon.get("pid"), daemon.get("keeper_pid")]
            self._remember(pids + [component.get("pid") for component in answer["components"]])
        return answer

    def component(self, name: str) -> dict[str, Any]:
        """One component of `status --json`."""
        found = [entry for entry in self.status()["components"] if entry["name"] == name]
        assert found, f"status shows no component {name!r}"
        return dict(found[0])

    def events(self, *arguments: object) -> list[dict[str, Any]]:
        """`roost events --json` (the last thousand), oldest first."""
        done = self.roost("events", "--json", "-n", 1000, *arguments, check=True)
        return done.json_lines

    def wait_for(
        self, predicate: Callable[[dict[str, Any]], Any], timeout: float = PATIENCE, what: str = "status"
    ) -> dict[str, Any]:
        """The first `status` for which the predicate holds; AssertionError with the last one otherwise."""
        deadline = time.monotonic() + timeout
        while True:
            answer = self.status()
            if predicate(answer):
                return answer
            if time.monotonic() > deadline:
                shown = "\n".join(_summary(answer))
                raise AssertionError(f"{what}: not within {timeout:g} s; last seen:\n{shown}")

    def wait_state(self, name: str, *states: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """The component as soon as it is in one of these states."""

        def reached(answer: dict[str, Any]) -> bool:
            return any(entry["name"] == name and entry["state"] in states for entry in answer["components"])

        answer = self.wait_for(reached, timeout, f"{name} in {states}")
        return next(entry for entry in answer["components"] if entry["name"] == name)

    def daemon_log_tail(self, lines: int = 15) -> str:
        """The end of our own logs, for the message of a failed test."""
        shown = ""
        for name in ("keeper.log", "daemon.log"):
            with contextlib.suppress(OSError):
                text = (self.state / name).read_text(encoding="utf-8", errors="replace")
                shown += f"\n-- {name}\n" + "\n".join(text.splitlines()[-lines:])
        return shown

    # -- processes

    def pids(self) -> dict[str, int]:
        """Live pids by name; the keeper and the daemon are `:keeper` and `:daemon`."""
        answer = self.status()
        if not answer["daemon"].get("running"):
            return {}
        pids = {":daemon": answer["daemon"]["pid"], ":keeper": answer["daemon"]["keeper_pid"]}
        pids.update({entry["name"]: entry["pid"] for entry in answer["components"]})
        return {name: pid for name, pid in pids.items() if pid}

    def _remember(self, pids: Iterable[int | None]) -> None:
        for pid in pids:
            token = start_token(pid) if pid else None
            if pid and token:
                self._known[pid] = token

    def learn(self, pid: int) -> int:
        """Remember a pid that a component reported (a descendant's), if it bears our mark.

        In the middle of its exec a process shows neither environment nor arguments for a moment, although whoever
        started it has gone on already.
        """
        found = psutil.Process(pid)
        ours = partial(_belongs, found, self.mark, str(self.root))
        eventually(ours, timeout=5, what=f"that {pid}, if it is no stranger, bears our mark")
        self._remember([pid])
        return pid

    def kill(self, pid: int, signal_number: int = getattr(signal, "SIGKILL", signal.SIGTERM)) -> None:
        """Signal a process of this project; refuses one that it did not report or that has changed since."""
        token = self._known.get(pid)
        assert token is not None, f"refused: pid {pid} was never reported by this project"
        if start_token(pid) != token:
            raise Gone(f"refused: pid {pid} is no longer the process that was reported")
        os.kill(pid, signal_number)

    def kill_both(self) -> None:
        """`kill -9` of keeper and daemon as if at once: frozen, the daemon cannot start another keeper meanwhile."""
        pids = self.pids()
        self.kill(pids[":daemon"], signal.SIGSTOP)
        self.kill(pids[":keeper"])
        self.kill(pids[":daemon"])
        eventually(lambda: not is_running(pids[":daemon"]) and not is_running(pids[":keeper"]))

    def leave(self, pid: int) -> None:
        """Say that this process is meant to outlive `down`; the teardown ends it without a complaint."""
        self._expected_leftovers.add(self.learn(pid))

    def leftovers(self) -> list[psutil.Process]:
        """Every live process of this project, by mark, folder, arguments, or because it was reported."""
        found = {process.pid: process for process in marked_processes(self.mark, self.base)}
        for pid, token in self._known.items():
            if start_token(pid) == token:
                found.setdefault(pid, psutil.Process(pid))
        return [process for pid, process in sorted(found.items()) if pid not in _own_line()]

    def _unexpected(self) -> list[psutil.Process]:
        return [process for process in self.leftovers() if process.pid not in self._expected_leftovers]

    def finish(self, grace: float = GRACE) -> None:
        """`down`, then end by pid what is left after `grace` seconds; AssertionError that names that."""
        if self.state.exists() or self.leftovers():
            with contextlib.suppress(AssertionError, OSError):
                self.roost("down", "--timeout", "20s")
        problems = [describe(process) for process in _outlasting(self._unexpected, grace)]
        tail = self.daemon_log_tail() if problems else ""
        _end_all(self.leftovers)
        shutil.rmtree(self.base, ignore_errors=True)
        assert not problems, "left behind after down:\n" + "\n".join(problems) + tail


def _own_line() -> set[int]:
    """This process and its ancestors: never a leftover, whatever folder they stand in."""
    return {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def _outlasting(look: Callable[[], list[psutil.Process]], grace: float) -> list[psutil.Process]:
    """What `look` still shows after `grace` seconds (the shell of a terminal that was closed needs a moment)."""
    deadline = time.monotonic() + grace
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _end_all(look: Callable[[], list[psutil.Process]]) -> None:
    """End by pid, the keeper and the daemon first (else they would start the others again)."""
    for _ in range(20):
        left = look()
        if not left:
            return
        for process in sorted(left, key=lambda one: "roost" not in " ".join(command_line(one))):
            with contextlib.suppress(psutil.Error, OSError):
                process.kill()  # psutil compares the start time before it signals
        psutil.wait_procs(left, timeout=1)


def command_line(process: psutil.Process) -> list[str]:
    """Its command line; nothing when it is gone."""
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


def _summary(status: dict[str, Any]) -> Iterator[str]:
    yield f"color {status.get('color')}, daemon {status.get('daemon')}"
    for entry in status["components"]:
        shown = ("name", "state", "ready", "pid", "reason")
        yield "  " + ", ".join(f"{key} {entry.get(key)}" for key in shown)


def delete_tree(folder: Path) -> None:
    """`rm -rf` beside those who make it anew meanwhile: what was there goes, what they put there may stay."""
    shutil.rmtree(folder, ignore_errors=True)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder in which others work, as `cp -r` does: without what vanishes meanwhile, and without sockets."""

    def copy(one: str, other: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            if not Path(one).is_socket():
                shutil.copy2(one, other)

    shutil.copytree(source, target, symlinks=True, copy_function=copy)


def short_folder() -> Path:
    """A new folder with a short path: a socket's address below it must fit 104 bytes."""
    place = None if os.name == "nt" else "/tmp"
    return Path(tempfile.mkdtemp(prefix="r-", dir=place))
