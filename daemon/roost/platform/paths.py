"""Where everything of a project lies: the one place in which a path is made (INTERFACES.md §2).

Nothing here creates a file or a folder.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_NAME = "roost.yaml"
STATE_NAME = ".roost"
_SOCKET_ROOM = 104 - len("/keeper.sock") - 1  # sun_path holds 104 bytes on macOS, 108 on Linux


class ProjectPaths:
    """Every path of one project, made from its real root, its state folder and its run folder."""

    __slots__ = ("root", "run", "state")

    def __init__(self, root: str, state: str, run: str) -> None:
        self.root = root
        self.state = state
        self.run = run

    @property
    def config(self) -> str:
        return os.path.join(self.root, CONFIG_NAME)

    # -- in the state folder -------------------------------------------------------------------------

    @property
    def keeper_lock(self) -> str:
        return os.path.join(self.state, "keeper.lock")

    @property
    def daemon_lock(self) -> str:
        return os.path.join(self.state, "daemon.lock")

    @property
    def daemon_json(self) -> str:
        return os.path.join(self.state, "daemon.json")

    @property
    def daemon_pid(self) -> str:
        return os.path.join(self.state, "daemon.pid")

    @property
    def state_json(self) -> str:
        return os.path.join(self.state, "state.json")

    @property
    def events(self) -> str:
        return os.path.join(self.state, "events.jsonl")

    @property
    def daemon_log(self) -> str:
        return os.path.join(self.state, "daemon.log")

    @property
    def keeper_log(self) -> str:
        return os.path.join(self.state, "keeper.log")

    @property
    def runs(self) -> str:
        return os.path.join(self.state, "runs")

    @property
    def locks(self) -> str:
        return os.path.join(self.state, "locks")

    @property
    def logs(self) -> str:
        return os.path.join(self.state, "logs")

    def run_record(self, name: str) -> str:
        return os.path.join(self.runs, name + ".json")

    def component_lock(self, name: str) -> str:
        return os.path.join(self.locks, name + ".lock")

    def log(self, name: str) -> str:
        return os.path.join(self.logs, name + ".log")

    def index(self, name: str) -> str:
        return os.path.join(self.logs, name + ".idx")

    # -- in the run folder ---------------------------------------------------------------------------

    @property
    def keeper_lock_copy(self) -> str:
        return os.path.join(self.run, "keeper.lock")

    @property
    def daemon_lock_copy(self) -> str:
        return os.path.join(self.run, "daemon.lock")

    @property
    def endpoint(self) -> str:
        """Where the daemon listens: `unix:PATH`, on Windows `pipe:NAME`."""
        if sys.platform == "win32":
            return "pipe:\\\\.\\pipe\\roost-" + os.path.basename(self.run)
        return "unix:" + os.path.join(self.run, "roost.sock")

    @property
    def keeper_endpoint(self) -> str:
        """Where the keeper listens for its daemon."""
        if sys.platform == "win32":
            return "pipe:\\\\.\\pipe\\roost-keeper-" + os.path.basename(self.run)
        return "unix:" + os.path.join(self.run, "keeper.sock")

    def notify_socket(self, name: str) -> str:
        """Where a component says how it is (sd_notify); as short for a long name as for a short one."""
        import hashlib

        return os.path.join(self.run, "n" + hashlib.sha256(os.fsencode(name)).hexdigest()[:10])

    def fifo(self, name: str, run: int, stream: str) -> str:
        return os.path.join(self.run, f"{name}.{run}.{stream}")


def project_hash(root: str) -> str:
    """16 hexadecimal digits made from the project's real path."""
    import hashlib  # OpenSSL behind it weighs 3.5 MB, and the keeper is given its paths

    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


def run_base(environ: Mapping[str, str]) -> str:
    """The user's folder for sockets, FIFOs and second locks; not XDG_RUNTIME_DIR, which goes at logout."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.path.join(environ.get("LOCALAPPDATA") or home, "roost", "run")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "roost", "run")
    state_home = environ.get("XDG_STATE_HOME") or ""
    if not os.path.isabs(state_home):
        state_home = os.path.join(home, ".local", "state")
    return os.path.join(state_home, "roost", "run")


def short_run_base() -> str:
    """What is used where `run_base` is too long for a socket address; its owner and mode must be checked."""
    if sys.platform == "win32":
        raise RuntimeError("a pipe name has no folder on Windows")
    return f"/tmp/roost-{os.getuid()}"


def tray_endpoint(session: str, environ: Mapping[str, str]) -> str:
    """Where the tray of one login session of this user listens; `session` is a word without a slash."""
    if sys.platform == "win32":
        return f"pipe:\\\\.\\pipe\\roost-tray-{project_hash(run_base(environ))}-{session}"
    folder = run_base(environ)
    if len(os.fsencode(folder)) + len("/tray-.sock") + len(session) > _SOCKET_ROOM:
        folder = short_run_base()
    return "unix:" + os.path.join(folder, f"tray-{session}.sock")


def project_paths(root: str, environ: Mapping[str, str]) -> ProjectPaths:
    """The paths of the project in folder `root`, as seen from an environment (HOME, ROOST_STATE_DIR …)."""
    real = os.path.realpath(root)
    override = environ.get("ROOST_STATE_DIR")
    state = os.path.join(real, override) if override else os.path.join(real, STATE_NAME)
    run = os.path.join(run_base(environ), project_hash(real))
    if sys.platform != "win32" and len(os.fsencode(run)) > _SOCKET_ROOM:
        run = os.path.join(short_run_base(), project_hash(real))
    return ProjectPaths(real, state, run)


def find_root(start: str) -> str | None:
    """The nearest folder upwards from `start` that has a roost.yaml."""
    folder = os.path.realpath(start)
    while True:
        if os.path.isfile(os.path.join(folder, CONFIG_NAME)):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
