"""Brings this package and a daemon together; the first component with an image has it imported."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ...edges.engine.api import EngineError
from ...edges.engine.capture import EngineCapture
from ...edges.engine.connect import connect
from ...platform.files import folder_mark
from ..tidings import tell_log_trouble
from .naming import Place
from .needs import Needs
from .whole import Containers

if TYPE_CHECKING:
    from ..daemon import Daemon


def open_containers(daemon: Daemon) -> Containers:
    """The containers of the daemon's project, on the engine that its shell's `docker` command would use."""
    world = daemon.world
    engine = connect(world.base)
    needs = Needs(
        engine=engine,
        clock=daemon.clock,
        place=_place(daemon),
        owner=daemon.supervisor,
        tell=daemon.chronicle.tell,
        capture=EngineCapture(engine, daemon.paths.logs, _Observer(daemon)),
        project=lambda: daemon.configuration.project,
        resolved=world.resolved,
        instance=lambda: world.instance,
        saved=daemon.saver.mark,
        is_keepers=world.is_keepers,
        hasten=daemon.probing.hasten,
        complain=daemon.log.error,
    )
    return Containers(needs)


class _Observer:
    """What is heard of the containers' logs, in the words in which the keeper tells of others."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._sizes: dict[str, int] = {}

    def grew(self, name: str, size: int) -> None:
        if size < self._sizes.get(name, 0):  # rotated: one more file that counts for `limits.logs`
            self._daemon.bound_logs()
        self._sizes[name] = size
        self._daemon.growth.grew(name)

    def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
        trouble = {"name": name, "errno": number, "message": text, "lost": lost, "resolved": resolved}
        tell_log_trouble(self._daemon.chronicle, trouble)

    def capture_failed(self, name: str, error: EngineError) -> None:
        message = f"its output cannot be had from the container engine: {error}"
        self._daemon.chronicle.tell("log_trouble", message, component=name)


def _place(daemon: Daemon) -> Place:
    root = daemon.paths.root
    try:
        folder = folder_mark(root)
    except OSError:
        folder = root  # it is gone while we run; what was made for it is still found by its path
    return Place(
        project=daemon.configuration.project.name, root=root, host=socket.gethostname(), folder=folder
    )
