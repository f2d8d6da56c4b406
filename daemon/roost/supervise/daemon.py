"""The daemon as a whole: what it is made of, and its boot order.

Boot order, each step needing the one before: lock, own log, keeper, saved state, configuration, what runs,
endpoint, `daemon.json`.  From the first event of the keeper on, the supervisor decides.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .. import __version__
from ..core.model import Kind, ProbeKind, Spec
from ..core.secrets import Masker
from ..core.snapshot import Environment, Phase
from ..core.states import Component, State
from ..edges import store
from ..edges.clock import Clock
from ..edges.disk import Disk
from ..edges.facts import ProcessFacts
from ..edges.keeper_link import DESCRIPTORS, Frame, KeeperGone, KeeperLink
from ..edges.ownlog import OwnLog
from ..edges.rpc_server import Handlers, RpcServer
from ..edges.saver import Saver
from ..platform import announcement, identity
from ..platform.files import write_atomic
from ..platform.paths import ProjectPaths
from ..platform.programs import FOR_LEASE
from ..records.events import EventLog
from . import succession
from .beginning import begin_with, chosen_ports, containers
from .chronicle import Chronicle
from .companions import Companions
from .configuration import REMEMBERED, Configuration
from .contained import Contained, concerns
from .ending import Ending
from .growth import Growth
from .leasing import Leasing
from .loop import Supervisor
from .notifying import Notifying
from .probing import Probing
from .status import StatusView
from .terminals import OpenTerminals
from .tidings import (
    exit_of,
    tell_leftovers,
    tell_log_trouble,
    tell_logs_removed,
    tell_start,
    tell_terminal_lost,
)
from .world import World

if TYPE_CHECKING:
    from .containers.whole import Containers

_KEEPER_ANSWER = 5.0
_KEEPS = 3
"""The minor version from which on a keeper keeps descriptors for the next daemon."""
_REMEMBERS = 4
"""And from which on it remembers texts."""
_HELLO = {"role": "daemon", "major": 1, "minor": 0}
_WORD_FIRST = 0.02
"""Seconds in which who has asked can still be told."""
_TERMINATED = "the keeper was asked to end"
_KEPT_OUT = ("ROOST_PROJECT", "ROOST_COMPONENT", "ROOST_RUN", "ROOST_INSTANCE", "ROOST_REPLICA", FOR_LEASE)


class Daemon:
    """One project's daemon."""

    def __init__(self, paths: ProjectPaths, clock: Clock, environ: Mapping[str, str]) -> None:
        self.paths = paths
        self.clock = clock
        self.phase = Phase.INITIALIZING
        self.environment = Environment.SHELL
        self.started = clock.now()
        self.wall_started = clock.wall()
        self.wall_reconciled = self.wall_started
        self.instance = os.urandom(8).hex()
        self.keeper: Frame = {}
        self.state_problem: str | None = None
        self.configuration_problem: str | None = None
        self.announcement_problem: str | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.facts = ProcessFacts(clock)
        self.disk = Disk()
        self.log = OwnLog(paths.daemon_log, clock.wall, bool(environ.get("ROOST_DEBUG")))
        self._for_lease = FOR_LEASE in environ
        base = {key: value for key, value in environ.items() if key not in _KEPT_OUT}
        self.configuration = Configuration(paths)
        self.chronicle = Chronicle(self.disk, clock, EventLog(paths.events), paths.logs, self.masker)
        self.contained = Contained(self._open_containers)
        self.world = World(clock, self.chronicle, self.instance, base, self._set_probes, self.contained)
        self.terminals = OpenTerminals()
        self.companions = Companions(self.chronicle, self.world)
        self.growth = Growth(self._watch_logs)
        self.status = StatusView(
            paths, clock, self.masker, self.world.resolved, self.contained.image, self.chronicle.last_lines
        )
        self.saver = Saver(self.disk, paths.state_json, self._snapshot, self._complain)
        self._masker: Masker | None = None
        self._unplaced: dict[str, store.Saved] = {}
        """What was saved of components that no configuration at hand knows; kept until one does."""
        self.up = False
        self.ending = Ending(self)
        self._succession: asyncio.Task[None] | None = None

    # -- boot --------------------------------------------------------------------------------------------

    async def boot(self, handlers: Callable[[Daemon], Handlers]) -> None:
        """Come up, or raise OSError or KeeperError with what was in the way; KeeperGone: there is no keeper."""
        self.link = KeeperLink(self._keeper_event, self._keeper_lost)
        self._early: list[Frame] | None = []
        try:
            self.link.open(self.paths.keeper_endpoint, _KEEPER_ANSWER)
        except OSError as error:
            raise KeeperGone from error
        self.keeper = await self.link.request("hello", **_HELLO)
        await self.link.request(
            "watch", names=[]
        )  # once this is answered, all that is said again has been said
        self.environment = Environment(self.keeper.get("environment") or "shell")
        self.world.link = self.link
        self.world.instance = str(self.keeper.get("instance") or self.instance)
        kept = self._load_state()
        self._choose_configuration(kept)
        self.bound_logs()
        self.supervisor = Supervisor(self.configuration.project, self.clock, self.world)
        self.supervisor.profiles = frozenset(kept.profiles)
        self.leasing = Leasing(
            kept.leases,
            self.supervisor,
            self.clock,
            tell=self.chronicle.tell,
            mark=self.saver.mark,
            leave=self.ending.leave_with_leases,
        )
        self.world.serve(self.supervisor.apply, lambda: self.configuration.project)
        self.notifying = Notifying(
            self.supervisor,
            self.clock,
            self.paths.notify_socket,
            lambda: self.world.instance,
            lambda name: self.probing.hasten(name),
            self._complain,
            keep=self._keep_for_successor,
        )
        self.world.address = self.notifying.environment
        self.probing = Probing(
            self.clock,
            self.growth,
            self.paths.logs,
            self.world.environment,
            self.supervisor.apply,
            self.notifying.standing,
            self.contained,
        )
        self.supervisor.watch(self._changed)
        self._replay(kept)
        await self.contained.meet()
        self.leasing.begin()
        if self._for_lease and not self._is_successor():
            self.leasing.await_first()
        self.notifying.begin()
        self.companions.begin(self.supervisor, self.clock, self.facts, self.paths.state)
        self.server = RpcServer(self.paths.endpoint, handlers(self), log=self._defect, now=self.clock.now)
        await self.server.start()
        self.phase, self.up = Phase.RUNNING, True
        self.announce_or_complain()
        self._tell_start()
        self.ending.begin_if_asked()

    def _load_state(self) -> store.SavedState:
        loaded = store.load(self.paths.state_json)
        self.state_problem = loaded.problem
        if loaded.problem is not None:
            self.log.error(loaded.problem)
            self.chronicle.tell("state_problem", loaded.problem)
        return loaded.state or store.SavedState()

    def _choose_configuration(self, kept: store.SavedState) -> None:
        """What runs goes on under the configuration that it was started with; what comes up anew does not.

        Nothing runs where the keeper is new and has no runs: after a signal to one of us, or a reboot.
        """
        wanted = any(saved.desired == "running" for saved in kept.components.values())
        base = self.world.base
        if self.keeper.get("runs") or (wanted and self._is_successor()):
            problems = self.configuration.adopt_applied(base, self._remembered())
        else:
            problems = self.configuration.adopt_current(base)
            if problems and wanted:
                self.configuration.adopt_applied(base, self._remembered())
        self.forget_secrets()
        said = [self.masker().mask(problem.render()) for problem in problems]
        for problem in said:
            self.log.error(problem)
        if self.configuration.applied:
            self.keep_configuration()
            return
        processes = [str(run["name"]) for run in self.keeper.get("runs", ()) if not run["ended"]]
        self.configuration.stand_in(
            dict.fromkeys(processes, Kind.PROCESS) | dict.fromkeys(containers(kept), Kind.CONTAINER)
        )
        self.configuration_problem = "; ".join(said)
        self.chronicle.tell(
            "config_problem",
            "no configuration can be used; what runs goes on, and is not restarted: "
            + self.configuration_problem,
        )

    def _remembered(self) -> str | None:
        """What was applied, as the keeper remembers it."""
        text = (self.keeper.get("remembered") or {}).get(REMEMBERED)
        return None if text is None else str(text)

    def _is_successor(self) -> bool:
        """Whether this keeper has had a daemon before us."""
        return bool((self.keeper.get("daemon") or {}).get("last_exit"))

    def bound_logs(self) -> None:
        """Tell the keeper what all logs together may have (`limits.logs`)."""
        if self.configuration.applied:
            self.link.tell("bound", logs=self.configuration.project.limits.logs)

    def keep_configuration(self) -> None:
        """Have the keeper remember what is in force, for the next daemon."""
        if self.link.connected and self.keeper.get("minor", 0) >= _REMEMBERS:
            for name, text in self.configuration.remembered.items():
                self.link.tell("remember", name=name, text=text)

    def take_up_configuration(self) -> bool:
        """While none can be used: whether one can now; then a successor begins with it and all that was saved."""
        if self.configuration.applied or self.ended.done():
            return False
        another = Configuration(self.paths)
        another.adopt_applied(self.world.base, self._remembered())
        if another.applied:
            self.log.info("there is a valid configuration again; a new daemon takes it up")
            asyncio.get_running_loop().call_later(_WORD_FIRST, self.ask_for_successor, None)
        return another.applied

    def _replay(self, kept: store.SavedState) -> None:
        """Take up what was, then hear what has happened meanwhile."""
        self.chronicle.begin_replay(self.paths.events, again=bool(self.keeper.get("runs")))
        early, self._early = self._early or [], None
        if any(frame["event"] == "terminate" for frame in early):
            self.ending.asked_early = _TERMINATED
        self._restore(kept)
        for frame in early:
            self._keeper_event(frame)
        self.chronicle.end_replay()

    def _restore(self, kept: store.SavedState) -> None:
        runs = self.keeper.get("runs", ())
        self.world.chosen_ports = chosen_ports(kept, runs)
        beginning = begin_with(
            self.configuration.project.components,
            kept,
            runs,
            boot_id=identity.boot_id(),
            ending=self.ending.asked_early is not None,
            now=self.clock.now(),
            wall=self.clock.wall(),
        )
        if not self.configuration.applied:
            self._unplaced = beginning.unplaced
        self.supervisor.restore(beginning.components)
        for name, event in beginning.untold:
            self.supervisor.apply(name, event)
        for component in beginning.components.values():
            if component.state is State.STOPPING and component.pid is not None:
                self.world.stop(component)
            elif concerns(component) and component.alive:
                _ = self.contained.all  # what runs is looked for, whatever is asked of us

    def _open_containers(self) -> Containers:
        from .containers.opening import (
            open_containers,
        )  # with it the engine's library; most projects need none

        return open_containers(self)

    def _tell_start(self) -> None:
        tell_start(self.chronicle, self.keeper, __version__)
        self.log.info("daemon is up", pid=os.getpid(), keeper=self.keeper.get("pid"), version=__version__)

    def announce_or_complain(self) -> None:
        """The same on a disk that may refuse it: clients find us by the path, too; the watchdog tries again."""
        try:
            self.announce()
            self.announcement_problem = None
        except OSError as error:
            self.announcement_problem = f"daemon.json cannot be written: {error.strerror}"
            self.log.error(self.announcement_problem)

    def announce(self) -> None:
        """Write `daemon.json` and `daemon.pid`, so that clients find us (and people see a pid)."""
        announcement.announce(
            self.paths,
            pid=os.getpid(),
            start_time=identity.start_time(os.getpid()) or 0,
            boot_id=identity.boot_id(),
            instance=self.world.instance,
            roost_version=__version__,
        )
        write_atomic(self.paths.daemon_pid, f"{os.getpid()}\n".encode(), durable=False)

    # -- the keeper's words ------------------------------------------------------------------------------

    def _keeper_event(self, frame: Frame) -> None:
        if self._early is not None:
            self._early.append(frame)
            return
        self.log.debug("the keeper tells", event=frame["event"], name=frame.get("name"), run=frame.get("run"))
        match frame["event"]:
            case "exited":
                name, event = exit_of(frame)
                self.supervisor.apply(name, event)
            case "drained":
                self.world.let_go(str(frame["name"]), int(frame["run"]))
            case "grew":
                self.growth.grew(str(frame["name"]))
            case "leftovers":
                tell_leftovers(self.chronicle, frame)
            case "log_trouble":
                tell_log_trouble(self.chronicle, frame)
            case "logs_removed":
                tell_logs_removed(self.chronicle, frame)
            case "terminate":
                self.ending.terminate(_TERMINATED)
            case "kept":
                for fd in frame.get(DESCRIPTORS, ()):
                    self.notifying.inherit(str(frame["name"]), fd)
            case "ends":
                self.world.hold(str(frame["name"]), int(frame["run"]), frame)
            case "terminal_lost":
                tell_terminal_lost(self.chronicle, frame)
            case _:
                self.log.debug("an event of a newer keeper", event=frame["event"])
        if "seq" in frame:
            seq = frame["seq"]
            self.saver.mark(lambda: self.link.tell("ack", seq=seq))

    def _keep_for_successor(self, name: str, fd: int | None) -> None:
        """Have the keeper hold what a component speaks into, so that nothing is lost while we are replaced."""
        if self.link.connected and self.keeper.get("minor", 0) >= _KEEPS:
            self.link.tell("keep", *([] if fd is None else [fd]), name=name)

    def _keeper_lost(self) -> None:
        self.world.link = None
        if self.up and not self.ending.quitting and not self.ended.done():
            self.log.error("the keeper is gone; starting another", keeper=self.keeper.get("pid"))
            self._succession = asyncio.ensure_future(succession.replace(self))

    # -- small services ----------------------------------------------------------------------------------

    def troubles(self) -> list[str]:
        """What keeps the daemon itself from being well; empty when nothing does."""
        problems = (
            self.state_problem,
            self.saver.problem,
            self.chronicle.problem,
            self.configuration_problem,
            self.announcement_problem,
            "the keeper is being replaced" if self.world.link is None else None,
        )
        mask = self.masker().mask
        return [mask(problem) for problem in problems if problem is not None]

    def unsaved(self) -> list[str]:
        """What people have to know who have asked for something that is not on the disk now; else nothing."""
        if self.saver.problem is None:
            return []
        problem = self.masker().mask(self.saver.problem)
        return [f"{problem}; until it can be, the next daemon does not know what was asked of this one"]

    def hear_again(self) -> None:
        """Have the keeper tell again whatever it has on record."""
        self.link.tell("hello", **_HELLO)

    def ask_for_successor(self, argv: tuple[str, ...] | list[str] | None) -> None:
        """Have the keeper end this process and start another, by another command line if one is given."""
        self.link.tell("daemon", **({"argv": list(argv)} if argv else {}))
        self.go()

    def go(self) -> None:
        """End this process; nothing more is done."""
        if not self.ended.done():
            self.ended.set_result(None)

    def masker(self) -> Masker:
        """What hides secrets; made anew after the configuration or the environment has changed."""
        if self._masker is None:
            project = self.configuration.project
            environments = [self.world.base, *(spec.env for spec in project.components.values())]
            self._masker = Masker(environments, project.secrets)
        return self._masker

    def forget_secrets(self) -> None:
        """The configuration or the environment has changed."""
        self._masker = None
        self.status.forget()

    def _set_probes(self, component: Component, spec: Spec, kinds: tuple[ProbeKind, ...]) -> None:
        self.probing.set(component, spec, kinds)

    def _watch_logs(self, names: list[str], new: str | None) -> None:
        """Once the keeper watches, say once that a new one has grown: it may have, since it was looked at."""

        def heard(answer: asyncio.Future[Frame]) -> None:
            if not answer.cancelled() and answer.exception() is None and new is not None:
                self.growth.grew(new)

        self.link.request("watch", names=names).add_done_callback(heard)

    def _changed(self, names: frozenset[str]) -> None:
        self.saver.mark()
        self.status.prune(names, self.supervisor.components)
        if self.log.verbose:
            self._tell_changes(names)

    def _tell_changes(self, names: frozenset[str]) -> None:
        """What has become of each, for who looks for a defect (S61)."""
        for name in sorted(names & self.supervisor.components.keys()):
            one = self.supervisor.components[name]
            reason = self.masker().mask(one.reason)
            self.log.debug(
                name, state=one.state.value, ready=one.ready, run=one.run, pid=one.pid, reason=reason
            )

    def _complain(self, message: str) -> None:
        self.log.error(message)

    def _defect(self, message: str) -> None:
        self.log.error(message)

    def _snapshot(self) -> Callable[[], store.SavedState]:
        components = self.ending.as_wanted(self.supervisor.components)
        ports = {name: dict(chosen) for name, chosen in self.world.chosen_ports.items()}
        boot, environment = identity.boot_id(), self.environment.value
        profiles = tuple(sorted(self.supervisor.profiles))
        unplaced, mask = self._unplaced, self.masker().mask
        leases = self.leasing.leases.saved()

        def make() -> store.SavedState:
            saved = {**unplaced, **{name: store.saved(one, mask) for name, one in components.items()}}
            return store.SavedState(
                boot_id=boot,
                environment=environment,
                components=saved,
                ports=ports,
                profiles=profiles,
                leases=leases,
            )

        return make
