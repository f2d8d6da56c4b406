"""`roost autostart`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from ...client import register
from ...platform import autostart
from .. import atlogin, context, exits, options, output
from ..faults import Fault
from ..text import harmless, names

_Command = Callable[..., Any]


@click.group("autostart")
def command() -> None:
    """What starts when you log in: the tray, and projects."""


def _which(function: _Command) -> _Command:
    """The options that say what is meant."""
    function = click.option("--service", is_flag=True, help="This project, without the tray.")(function)
    return click.option("--this-project", is_flag=True, help="This project, by the tray.")(function)


@command.command("enable")
@_which
@click.pass_obj
def enable(project: str | None, this_project: bool, service: bool) -> int:
    """Have the tray start at login; or this project.

    `--this-project`: the tray starts it.  `--service`: the system starts it, with or without a desktop (systemd,
    launchd, the Run key).  A project begins with what was wanted when the last session ended.
    """
    if service:
        _enable_service(project)
        return exits.DONE
    if this_project:
        paths = context.locate(project)
        atlogin.refuse_without_name(paths)
        name = atlogin.project_name(paths)
        register.start_at_login(name, paths.root, True)
        output.data(f"{name} starts at login, with the tray\n")
    mechanism = autostart.for_desktop(os.environ)
    mechanism.enable(autostart.tray_item())
    _confirm("the tray", mechanism.status(autostart.tray_item()))
    return exits.DONE


def _enable_service(project: str | None) -> None:
    paths = context.locate(project)
    atlogin.refuse_without_name(paths)
    item = atlogin.service(atlogin.project_name(paths), paths.root)
    mechanism = autostart.for_services(os.environ)
    mechanism.enable(item)
    _confirm(item.title.partition(": ")[2], mechanism.status(item))


def _confirm(what: str, found: autostart.Registration) -> None:
    """Say what is on record now.  Raises Fault if it would not start all the same."""
    if not found.starts:
        raise Fault(
            f"{what} would not start at login: {found.trouble or 'nothing is on record'}", found.place
        )
    output.data(f"{what} starts at login ({found.mechanism} {harmless(found.place)})\n")


@command.command("disable")
@_which
@click.option("--all", "everything", is_flag=True, help="The tray and every project; nothing is left.")
@click.pass_obj
def disable(project: str | None, this_project: bool, service: bool, everything: bool) -> int:
    """Have the tray not start at login; or this project.  What runs goes on."""
    if everything:
        found = atlogin.forget_everything()
        output.data(f"no longer at login: {names(found)}\n" if found else "nothing started at login\n")
        return exits.DONE
    if this_project or service:
        paths = context.locate(project)
        name = atlogin.project_name(paths)
        if this_project:
            register.start_at_login(name, paths.root, False)
        if service:
            autostart.for_services(os.environ).disable(atlogin.service(name, paths.root))
        output.data(f"{name} does not start at login\n")
        return exits.DONE
    autostart.for_desktop(os.environ).disable(autostart.tray_item())
    output.data("the tray does not start at login\n")
    waiting = [entry.name for entry in register.read() if entry.at_login]
    if waiting:
        output.note(f"roost: without it these do not start either: {names(waiting)}")
    return exits.DONE


@command.command("status")
@options.json_option
def status(as_json: bool) -> int:
    """Say what would really start at the next login.

    Exit code 1 if something is on record that would not.
    """
    lines = list(atlogin.everything())
    if as_json:
        output.data_json(atlogin.as_json(lines))
    else:
        width = max(len(line.name) for line in lines)
        tray = lines[0].registration
        for line in lines:
            output.data(f"{line.name:<{width}}  {harmless(_said(line, tray))}\n")
    return exits.FAILED if any(_is_broken(line) for line in lines) else exits.DONE


def _is_broken(line: atlogin.Line) -> bool:
    return line.registration is not None and line.registration.registered and not line.registration.starts


def _said(line: atlogin.Line, tray: autostart.Registration | None) -> str:
    found = line.registration
    if found is None:
        works = tray is not None and tray.starts
        return "enabled, with the tray" if works else "enabled with the tray, which does not start at login"
    if not found.registered:
        return "disabled (roost autostart enable)"
    where = f"{found.mechanism} {found.place}"
    if found.trouble:
        again = "; roost autostart enable repairs that" if line.root is None else ""
        return f"registered ({where}), but it would not start: {found.trouble}{again}"
    return f"enabled ({where})"


@command.command("begin", hidden=True)
@click.pass_obj
def begin(project: str | None) -> int:
    """What the login calls for a project."""
    return atlogin.begin(context.locate(project))


@command.command("end", hidden=True)
@click.pass_obj
def end(project: str | None) -> int:
    """What the logout calls for a project."""
    return atlogin.end(context.locate(project))
