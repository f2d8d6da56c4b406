"""What `up` and `demo` have in common: keeper and daemon are started, then components, and one waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..core.durations import duration
from ..platform.paths import ProjectPaths
from . import exits, output, session
from .display import Display, display, is_up
from .faults import Fault
from .text import count, harmless
from .text import names as listed

PATIENCE = 60.0
"""Seconds that `up` waits where nothing else is said."""


class Wish(NamedTuple):
    """What a call of `up` asks for.  No names: all that autostart; `timeout` in seconds."""

    names: Sequence[str] = ()
    wait: bool = True
    timeout: float | None = None
    replace_environment: bool = False
    profiles: Sequence[str] = ()
    build: bool = False

    def parameters(self) -> dict[str, object]:
        """Those of `project.up`."""
        return {
            "names": list(self.names),
            "wait": self.wait,
            "timeout": self.timeout if self.wait else None,
            "profiles": list(self.profiles),
            "env": _environment() if self.replace_environment else None,
            **({"build": True} if self.build else {}),
        }


def _environment() -> dict[str, str]:
    """That of this command; what is not text cannot travel as JSON, is left out, and named."""
    taken = {name: value for name, value in os.environ.items() if _is_text(name + value)}
    left = sorted(os.environ.keys() - taken.keys())
    if left:
        output.note(f"roost: left out of the environment, because it is not UTF-8: {listed(left)}")
    return taken


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_PERSISTENCE = 5
"""So many deaths during one `up` are taken for bad luck."""


def up(paths: ProjectPaths, wish: Wish) -> int:
    """`bring_up` for a person, who may interrupt the waiting."""
    try:
        return bring_up(paths, wish)
    except KeyboardInterrupt:
        output.note("\ninterrupted; everything goes on (roost status shows it, roost down stops it)")
        return exits.INTERRUPTED


def bring_up(paths: ProjectPaths, wish: Wish) -> int:
    """Make the project run and say how it went.  Returns the exit code; raises Fault."""
    started = ensure(paths)
    known = "" if started else facts(persistent(paths, lambda: session.status(paths)))
    with display(is_up, heading=known) as show:
        answer = call_up(paths, wish, show, started)
        show.head()
    complain(answer["failed"])
    if started:
        how = f"up after {duration(show.elapsed)}" if wish.wait else "starting"
        output.data(facts(persistent(paths, lambda: session.status(paths)), how))
    return exits.DONE


def ensure(paths: ProjectPaths) -> bool:
    """Have keeper and daemon running; True if they had to be started.

    An invalid roost.yaml starts nothing at all (S33).  Raises Fault.
    """

    def check() -> None:
        from . import checking  # with all that reads a configuration, while the keeper is being loaded

        checking.valid(paths)

    return session.ensure(paths, check)


def enlist(paths: ProjectPaths) -> None:
    """Put the project into the user's list of projects; what is in the way of that is only told."""
    from ..client import register  # with portalocker and platformdirs: after the components, not before them

    try:
        register.remember(session.status(paths)["project"]["name"], paths.root)
    except (OSError, Fault) as error:
        output.note(f"roost: this project could not be put into the list of projects: {error}")


def call_up(paths: ProjectPaths, wish: Wish, show: Display, started: bool) -> Any:
    """The RPC call behind `up`, shown while it waits; made again when the daemon was replaced meanwhile."""
    if started and wish.wait:  # the daemon may have begun already with what autostarts
        components = persistent(paths, lambda: session.status(paths))["components"]
        show.update(one for one in components if one["state"] != "failed")

    def call() -> Any:
        with session.connect(paths) as daemon:
            return daemon.call("project.up", wish.parameters(), progress=show.progress)

    try:
        answer = persistent(paths, call)
    except Fault as fault:
        if fault.code == exits.TIMED_OUT:
            fault.hint = (
                "everything goes on; roost status shows how far it is, roost why NAME what it waits for"
            )
        if started and fault.code in (exits.USAGE, exits.NO_SUCH_COMPONENT):
            started = False
            _end_idle(paths)
        raise
    finally:
        if started:
            enlist(paths)
    output.warnings(answer)
    if wish.wait:
        show.update(answer["components"])
    return answer


def _end_idle(paths: ProjectPaths) -> None:
    """What was asked for cannot be, and this command has started the daemon for nothing (S33)."""
    try:
        with session.connect(paths) as daemon:
            daemon.call("daemon.shutdown")
    except Fault as fault:
        output.note(f"roost: the daemon that was started for this is still there: {fault.message}")


def persistent(paths: ProjectPaths, ask: Callable[[], Any]) -> Any:
    """Ask what may be asked twice; if daemon or keeper die meanwhile, bring them back and ask again.

    Raises Fault: at once what is no such death, and that too in the end.
    """
    for _ in range(_PERSISTENCE):
        try:
            return ask()
        except Fault as fault:
            if fault.code != exits.NOT_RUNNING:
                raise
        session.ensure(paths)
    return ask()


def facts(snapshot: Mapping[str, Any], how: str = "is running") -> str:
    """`shop is running: daemon pid 4711, up 2 min, 5 components` (S5)."""
    daemon = snapshot["daemon"]
    uptime = duration(daemon["uptime_s"] or 0.0)
    components = count(len(snapshot["components"]), "component")
    return f"{snapshot['project']['name']} {how}: daemon pid {daemon['pid']}, uptime {uptime}, {components}\n"


def complain(failed: Sequence[Mapping[str, Any]]) -> None:
    """Raise a Fault that names each failed component and shows the last lines of its log."""
    if not failed:
        return
    lines = []
    for one in failed:
        lines.append(f"{one['name']} failed: {harmless(one['reason']).removeprefix('failed: ')}")
        lines += ["    | " + harmless(line) for line in one["last_lines"]]
    raise Fault(
        "\n".join(lines),
        f"the whole chain: roost why {failed[0]['name']};  all of its output: roost logs {failed[0]['name']}",
    )
