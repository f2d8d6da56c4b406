"""The environment and the command line with which a component is started.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Project, Spec

_OURS = ("ROOST_PROJECT", "ROOST_COMPONENT", "ROOST_RUN", "ROOST_INSTANCE", "ROOST_REPLICA", "ROOST_DEBUG")
_NOT_THEIRS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What systemd says to whoever it started; a component that heard it would answer for that one."""


def component_environment(
    base: Mapping[str, str], project: Project, spec: Spec, run: int, instance: str
) -> dict[str, str]:
    """The base environment, what the file says, and the names by which a component knows itself."""
    environment = {key: value for key, value in base.items() if key not in (*_OURS, *_NOT_THEIRS)}
    environment.update(spec.env)
    environment["ROOST_PROJECT"] = project.root
    environment["ROOST_COMPONENT"] = spec.name
    environment["ROOST_RUN"] = str(run)
    environment["ROOST_INSTANCE"] = instance
    if spec.replica is not None:
        environment["ROOST_REPLICA"] = str(spec.replica)
    return environment


def command_line(command: tuple[str, ...] | str, shell: tuple[str, ...]) -> list[str]:
    """A string goes through the shell, a list does not (INTERFACES.md §3)."""
    if isinstance(command, str):
        return [*shell, command]
    return list(command)
