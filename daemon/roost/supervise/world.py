"""The supervisor's actions, carried out: effects become requests to the keeper, its answers become events.

Nothing is decided here, and nothing raises into the supervisor: what goes wrong comes back as an event.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial

from ..config import ports as port_names
from ..core.environment import command_line, component_environment
from ..core.model import Leftovers, ProbeKind, Project, Spec, Type
from ..core.states import Component, Event, Exit, Spawned, SpawnFailed, Tell
from ..edges import ports
from ..edges.clock import Clock
from ..edges.keeper_link import DESCRIPTORS, TERMINAL, Frame, KeeperError, KeeperGone, KeeperLink
from ..platform import identity
from ..platform.programs import default_shell
from .chronicle import Chronicle
from .contained import Contained, concerns

Apply = Callable[[str, Event], None]
Probing = Callable[[Component, Spec, tuple[ProbeKind, ...]], None]


class World:
    """Hands for a supervisor."""

    def __init__(
        self,
        clock: Clock,
        chronicle: Chronicle,
        instance: str,
        base: Mapping[str, str],
        probing: Probing,
        contained: Contained,
    ) -> None:
        self.base: dict[str, str] = dict(base)
        self.chosen_ports: dict[str, dict[str, int]] = {}
        self.link: KeeperLink | None = None
        self.instance = instance
        self.contained = contained
        self.on_turn: Callable[[Component, Tell], None] = _nothing_follows
        """Told of each event of a component that is put on record."""
        self.address: Callable[[Spec], dict[str, str]] = _no_address
        """The variables that say where a component may tell how it is."""
        self._clock = clock
        self._chronicle = chronicle
        self._probing = probing
        self._apply: Apply = _nobody
        self._project: Callable[[], Project] = _no_project
        self.masters: dict[tuple[str, int], int] = {}
        """The terminals of what runs, by component and run; each is among what is held."""
        self._held: dict[tuple[str, int], list[int]] = {}
        self._numbered: tuple[Project, dict[str, dict[str, int]]] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._looking: dict[str, int] = {}
        """The run of each component for whose ports one looks, before the keeper is asked."""
        self._asked: dict[str, int] = {}
        """The last run of each component that the keeper was asked to start."""

    def serve(self, apply: Apply, project: Callable[[], Project]) -> None:
        """From now on events go to `apply`."""
        self._apply = apply
        self._project = project

    # -- Actions -----------------------------------------------------------------------------------------

    def obstacle(self, component: Component) -> str | None:
        return self.contained.all.obstacle if concerns(component) else None

    def spawn(self, component: Component) -> None:
        name, run = component.name, component.run
        if component.spec.container is not None:
            self._asked.pop(name, None)
            self.contained.all.spawn(component)
            return
        self._asked[name] = run
        if component.spec.run is None:
            self._fail(name, run, "cannot be started: its command is not known while roost.yaml is invalid")
            return
        try:
            spec = self.resolved(component.spec)
        except OSError as error:
            self._fail(name, run, f"cannot be started: {error.strerror}")
            return
        if not spec.ports:
            self._ask(spec, run)
            return
        self._looking[name] = run
        looking = asyncio.get_running_loop().run_in_executor(None, ports.obstacle, spec.ports)
        looking.add_done_callback(lambda found: self._ask_unless(spec, run, found.result()))

    def stop(self, component: Component) -> None:
        if self._is_contained(component):
            self.contained.all.stop(component)
            return
        if component.pid is None:
            if self._looking.get(component.name) == component.run:
                del self._looking[component.name]  # so that the keeper is never asked
                self._fail(component.name, component.run, "given up before it was started")
            return  # else the keeper's answer brings it, and this again
        spec = component.spec
        command = spec.stop.command
        self._stop(component, None if command else spec.stop.signal, spec.stop.timeout)
        if command:
            task = asyncio.ensure_future(self._run_stop_command(component, command))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    def probe(self, component: Component, kinds: tuple[ProbeKind, ...]) -> None:
        self._probing(component, self.resolved(component.spec), kinds)

    def tell(self, component: Component, what: Tell) -> None:
        failed = what.kind == "exited" and component.last_fault is not None and _bad(component.last_exit)
        new = self._chronicle.tell(
            what.kind, what.message, component=what.name, run=what.run or None, data=what.data, lines=failed
        )
        if new:
            self.on_turn(component, what)

    def lives(self, component: Component) -> bool:
        """Whether its process goes on, by the system's word; the keeper may not have told its end yet."""
        if component.pid is None:
            return True
        found = identity.facts(component.pid)
        return found is not None and not found.zombie

    def is_keepers(self, component: Component) -> bool:
        """Whether the keeper was asked to start its present run and has not answered, whatever it is to be now."""
        return not component.there and self._asked.get(component.name) == component.run

    # -- more that can be done ---------------------------------------------------------------------------

    def kill(self, component: Component) -> None:
        """The end of patience: no signal to be polite, the whole tree at once."""
        if self._is_contained(component):
            self.contained.all.kill(component)
            return
        self._stop(component, "KILL", 0.0)

    async def signal(self, component: Component, signal: str) -> None:
        """Send a signal to the component's group, or container.  Raises KeeperError."""
        if component.container is not None:
            await self.contained.signal(component, signal)
            return
        if self.link is None:
            raise KeeperGone
        await self.link.request("signal", name=component.name, run=component.run, signal=signal)

    def resolved(self, spec: Spec) -> Spec:
        """The specification with the chosen ports in all its texts.  Raises OSError if no port is free."""
        numbers = self._numbers()
        return port_names.resolve(spec, numbers.get(spec.name, {}), numbers)

    def environment(self, spec: Spec, run: int) -> dict[str, str]:
        """The whole environment of a component here.  Never in any answer, event, log or file (P19)."""
        return component_environment(self.base, self._project(), spec, run, self.instance)

    def birth_environment(self, spec: Spec, run: int) -> dict[str, str]:
        """The same as its own program gets it: a container gets nothing of this machine's."""
        base = {} if spec.container is not None else self.base
        return component_environment(base, self._project(), spec, run, self.instance)

    def hold(self, name: str, run: int, frame: Frame) -> None:
        """Keep what came for us to hold of a run: spare reading ends, a pidfd, a terminal's master (D3)."""
        fds = frame.get(DESCRIPTORS, [])
        if fds:
            self._held.setdefault((name, run), []).extend(fds)
        terminal = frame.get(TERMINAL)
        if isinstance(terminal, int) and terminal < len(fds):
            self.masters[name, run] = fds[terminal]

    def held(self) -> dict[tuple[str, int], list[int]]:
        """The descriptors that are kept, by component and run."""
        return self._held

    def let_go(self, name: str, run: int) -> None:
        """The run is over and its output is drained: close what was kept for it."""
        self.masters.pop((name, run), None)
        for fd in self._held.pop((name, run), ()):
            os.close(fd)

    # -- details -----------------------------------------------------------------------------------------

    def _is_contained(self, component: Component) -> bool:
        """Whether an engine has, or was asked to start, its present run; a reload may want something else by now."""
        if component.there or self.is_keepers(component):
            return component.container is not None
        return concerns(component) or self.contained.is_busy(component.name)

    def _ask_unless(self, spec: Spec, run: int, obstacle: str | None) -> None:
        if self._looking.get(spec.name) != run:
            return  # given up meanwhile
        del self._looking[spec.name]
        if obstacle is None:
            self._ask(spec, run)
        else:
            self._fail(spec.name, run, obstacle)

    def _ask(self, spec: Spec, run: int) -> None:
        if self.link is None:
            return  # neither asked nor failed: the next daemon finds it as it is, and asks the next keeper
        future = self.link.request("spawn", **self._birth(spec, run))
        future.add_done_callback(partial(self._spawned, spec.name, run))

    def _birth(self, spec: Spec, run: int) -> dict[str, object]:
        if spec.run is None:
            raise AssertionError(f"{spec.name} has no command")
        return {
            "name": spec.name,
            "run": run,
            "argv": command_line(spec.run, spec.shell or default_shell()),
            "cwd": spec.cwd,
            "env": {**_terminal_kind(spec), **self.environment(spec, run), **self.address(spec)},
            "streams": spec.log.streams.value,
            "tty": spec.tty,
            "log": {"max_size": spec.log.max_size, "max_files": spec.log.max_files},
            "stop": {
                "signal": spec.stop.signal,
                "timeout": spec.stop.timeout,
                "leftovers": _leftovers(spec, asked=False),
            },
            "note": {"digest": spec.digest(), "ports": self.chosen_ports.get(spec.name, {})},
        }

    def _spawned(self, name: str, run: int, future: asyncio.Future[Frame]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if isinstance(error, KeeperGone):
            return  # whether it started is told by the next keeper
        if isinstance(error, KeeperError):
            self._fail(name, run, str(error))
            return
        answer = future.result()
        self.hold(name, run, answer)
        pid = int(answer["pid"])
        self._apply(name, Spawned(run=run, pid=pid, wall=self._clock.wall()))

    def _fail(self, name: str, run: int, message: str) -> None:
        self._apply(name, SpawnFailed(run=run, message=message, wall=self._clock.wall()))

    def _stop(self, component: Component, signal: str | None, kill_after: float) -> None:
        if self.link is not None:
            self.link.tell(
                "stop",
                name=component.name,
                run=component.run,
                signal=signal,
                kill_after=kill_after,
                leftovers=_leftovers(component.spec, asked=True),
            )

    async def _run_stop_command(self, component: Component, command: tuple[str, ...] | str) -> None:
        """The component's own way to be stopped; if it fails, its signal, and the kill in the end."""
        spec = self.resolved(component.spec)
        argv = command_line(command, spec.shell or default_shell())
        environment = self.environment(spec, component.run)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=spec.cwd,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self._chronicle.tell(
                "stop_failed", f"its stop command cannot run: {error.strerror}", component=component.name
            )
            self._stop(component, spec.stop.signal, spec.stop.timeout)
            return
        code = await process.wait()
        if code != 0:
            self._chronicle.tell(
                "stop_failed", f"its stop command ended with {code}", component=component.name
            )
            self._stop(component, spec.stop.signal, spec.stop.timeout)

    def _numbers(self) -> dict[str, dict[str, int]]:
        """Every named port of the project; made once for each configuration."""
        project = self._project()
        if self._numbered is None or self._numbered[0] is not project:
            with_ports = [spec for spec in project.components.values() if spec.ports]
            self._numbered = (project, {spec.name: self._ports_of(spec) for spec in with_ports})
        return self._numbered[1]

    def _ports_of(self, spec: Spec) -> dict[str, int]:
        """Every named port by number; an `auto` one is chosen once and kept for the project."""
        numbers: dict[str, int] = {}
        for port in spec.ports:
            if port.name is None:
                continue
            numbers[port.name] = port.port if port.port is not None else self._chosen(spec.name, port.name)
        return numbers

    def _chosen(self, component: str, name: str) -> int:
        mine = self.chosen_ports.setdefault(component, {})
        if name not in mine:
            taken = {number for chosen in self.chosen_ports.values() for number in chosen.values()}
            fixed = {
                p.port for s in self._project().components.values() for p in s.ports if p.port is not None
            }
            wish = f"{self._project().root}/{component}/{name}"
            mine[name] = ports.free_port(taken | fixed, wish)
        return mine[name]


def _terminal_kind(spec: Spec) -> dict[str, str]:
    """What a program with a terminal needs to know of it, where nobody else says so."""
    return {"TERM": "xterm-256color"} if spec.tty else {}


def _leftovers(spec: Spec, asked: bool) -> str:
    """What becomes of descendants: as configured, else ended, except of a task that ended by itself."""
    if spec.stop.leftovers is not None:
        return spec.stop.leftovers.value
    if spec.type is Type.TASK and not asked:
        return Leftovers.LEAVE.value
    return Leftovers.END.value


def _bad(ended: Exit | None) -> bool:
    return ended is not None and not (ended.known and ended.code == 0)


def _nobody(_name: str, _event: Event) -> None:
    """Before the supervisor is there, nothing can happen."""


def _no_address(_spec: Spec) -> dict[str, str]:
    """Before there is somebody who listens, a component has nowhere to speak."""
    return {}


def _nothing_follows(_component: Component, _what: Tell) -> None:
    """Before there are hooks, an event is only put on record."""


def _no_project() -> Project:
    raise AssertionError("the world is asked before it serves")
