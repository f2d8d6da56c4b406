"""`state.json`: what must outlive the daemon.  The only module that opens it (a test says so).

Versioned and atomic (S71, S73); a field that is added with a default needs no new version, for an older and a
newer Roost each read what the other wrote.  Three outcomes of `load` are told apart: nothing there, something that
cannot be read (kept aside beside it), and a file of a newer Roost, which is refused and left as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..core.model import Spec
from ..core.states import Component, Desired, Ended, Exit, Fault, Halt, State
from ..platform.files import write_atomic

VERSION = 1


class Saved(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of one component."""

    desired: Desired = Desired.STOPPED
    state: State = State.STOPPED
    reason: str = ""
    run: int = 0
    ready: bool = False
    container: str | None = None
    halt: Halt | None = None
    started: float | None = None
    wall_started: float | None = None
    deadline: float | None = None
    history: tuple[Ended, ...] = ()
    again: bool = False
    restarts: int = 0
    wall_restarted: float | None = None
    last_exit: Exit | None = None
    last_fault: Fault | None = None
    met: dict[str, int] = {}
    next_run: float | None = None
    status_text: str | None = None


class Holder(Struct, frozen=True, kw_only=True):
    """The process that holds a lease; its pid alone proves nothing."""

    pid: int
    start_time: int
    boot_id: str


class SavedLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One lease.  `needs`: the components that it keeps; `started`: those that were started for it.

    `holder` is None where the system does not tell who the client is.  `granted`: all of it was ready once.
    """

    needs: tuple[str, ...]
    started: tuple[str, ...] = ()
    holder: Holder | None = None
    granted: bool = False


class SavedLeases(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All leases, and whose the components are (supervise.leases)."""

    held: dict[str, SavedLease] = {}
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    whole_project: bool = False


class SavedState(Struct, frozen=True, kw_only=True):
    """The whole file.  `boot_id`: the monotonic times in it mean something in that boot alone."""

    version: int = VERSION
    boot_id: str = ""
    environment: str = "shell"
    components: dict[str, Saved] = {}
    ports: dict[str, dict[str, int]] = {}
    """The ports that were chosen for `auto`, by component and name."""
    profiles: tuple[str, ...] = ()
    leases: SavedLeases = SavedLeases()


class Loaded(Struct, frozen=True, kw_only=True):
    """A state, or none; `problem` says what was wrong with the file and where it was put."""

    state: SavedState | None = None
    problem: str | None = None


class NewerVersion(Exception):
    """The file was written by a newer Roost; it is left alone."""


def saved(component: Component, mask: Callable[[str], str] = str) -> Saved:
    """What is kept of a component; `mask` hides secrets in its texts (P19)."""
    fault = component.last_fault
    return Saved(
        desired=component.desired,
        state=component.state,
        reason=mask(component.reason),
        run=component.run,
        ready=component.ready,
        container=component.container,
        halt=component.halt,
        started=component.started,
        wall_started=component.wall_started,
        deadline=component.deadline,
        history=tuple(_masked(life, mask) for life in component.history),
        again=component.again,
        restarts=component.restarts,
        wall_restarted=component.wall_restarted,
        last_exit=component.last_exit,
        last_fault=Fault(message=mask(fault.message), wall=fault.wall) if fault else None,
        met=component.met,
        next_run=component.next_run,
        status_text=mask(component.status_text) if component.status_text else None,
    )


def _masked(life: Ended, mask: Callable[[str], str]) -> Ended:
    return replace(life, cause=mask(life.cause)) if life.cause else life


def restored(spec: Spec, kept: Saved) -> Component:
    """A component as it was when it was last saved, under the specification of today."""
    return Component(
        spec=spec,
        desired=kept.desired,
        state=kept.state,
        reason=kept.reason,
        run=kept.run,
        ready=kept.ready,
        container=kept.container,
        halt=kept.halt,
        started=kept.started,
        wall_started=kept.wall_started,
        deadline=kept.deadline,
        history=kept.history,
        again=kept.again,
        restarts=kept.restarts,
        wall_restarted=kept.wall_restarted,
        last_exit=kept.last_exit,
        last_fault=kept.last_fault,
        met=kept.met,
        next_run=kept.next_run,
        status_text=kept.status_text,
    )


def load(path: str) -> Loaded:
    """Read the file.  Raises NewerVersion; anything else that is wrong is in `problem`."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Loaded()
    except OSError as error:
        return Loaded(problem=_set_aside(path, error))
    try:
        raw = msgspec.json.decode(data)
        if not isinstance(raw, dict):
            raise ValueError("it is not a JSON object")
        return Loaded(state=msgspec.convert(migrate(raw, path), SavedState))
    except (ValueError, msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        return Loaded(problem=_set_aside(path, error))


def save(path: str, state: SavedState) -> None:
    """Replace the file, durably.  Raises OSError, leaving the old one."""
    write_atomic(path, msgspec.json.encode(state))


Migration = Callable[[dict[str, object]], dict[str, object]]
MIGRATIONS: Mapping[int, Migration] = {}
"""From the version that is the key to the next one."""


def migrate(
    raw: dict[str, object],
    path: str,
    version: int = VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> dict[str, object]:
    """Bring a decoded file to `version`, step by step.  Raises NewerVersion, ValueError."""
    found = raw.get("version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ValueError("it has no version")
    if found > version:
        raise NewerVersion(
            f"{path} was written by a newer Roost (version {found} of the file, this one knows {version}); "
            "install that Roost again, or move the file away to begin anew"
        )
    for step in range(found, version):
        raw = {**migrations[step](raw), "version": step + 1}
    return raw


def _set_aside(path: str, error: Exception) -> str:
    aside = f"{path}.unreadable"
    try:
        os.replace(path, aside)
    except OSError as failure:
        return f"{path} is damaged ({error}) and could not be put aside: {failure.strerror}"
    return f"{path} was damaged ({error}); it is kept as {aside}, and desired states begin anew"
