"""The click side of `roost`: one table of all commands, each in a file that is imported when it is used."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

import click
from click.shell_completion import shell_complete

from .. import __version__
from . import exits
from .faults import Fault

COMMANDS = {
    "demo": "Write a small project that shows what Roost does, and bring it up.",
    "init": "Write a commented roost.yaml.",
    "check": "Validate roost.yaml and print every problem.",
    "up": "Start what is not running, and wait until it is ready.",
    "down": "Stop everything in order, the daemon last.",
    "start": "Start components, and what they need.",
    "stop": "Stop components; those that depend on them go on.",
    "restart": "Restart components.",
    "signal": "Send a signal to a component.",
    "exec": "Run a command with a component's folder and environment.",
    "attach": "Sit at the terminal of a component (tty: true); Ctrl-] leaves it.",
    "run": "Run a command while the project is ready for it.",
    "wait": "Wait until components are ready, completed or stopped.",
    "status": "Show every component and its state.",
    "logs": "Show what components have written.",
    "why": "Explain why a component is not ready.",
    "events": "Show what happened: starts, exits, restarts, probes.",
    "reload": "Apply a changed roost.yaml; what did not change runs on.",
    "daemon": "Look after the daemon itself.",
    "call": "Make one RPC call and print its result as JSON.",
    "projects": "List the projects of this user.",
    "tray": "Show the icon of all projects in the panel.",
    "autostart": "Say what starts when you log in.",
    "mcp": "Serve the project to agents (Model Context Protocol).",
    "doctor": "Check the surroundings and say what is wrong.",
    "schema": "Print the JSON Schema of roost.yaml.",
    "completion": "Print the completion script for a shell.",
    "version": "Print the version.",
}
"""Name → what `roost --help` says of it; the module is commands/NAME.py and offers `command`."""


COMPLETE_VARIABLE = "_ROOST_COMPLETE"


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports only the one that is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f".commands.{name}", __package__)
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise Fault(f"there is no command {name!r}", _suggestion(name), exits.USAGE)
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"did you mean `roost {near[0]}`?" if near else "`roost --help` lists all commands"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the daemon is not running, "
    "4 no such component, 5 timed out, 130 interrupted.",
)
@click.option(
    "-C",
    "--project",
    metavar="DIR",
    help="The project's folder (or ROOST_PROJECT); otherwise the nearest folder upwards with a roost.yaml.",
)
@click.version_option(__version__, "--version", prog_name="roost", message="%(prog)s %(version)s")
@click.pass_context
def root(context: click.Context, project: str | None) -> None:
    """Keeps a developer's local stack running, whatever is killed."""
    context.obj = project


def invoke(arguments: Sequence[str]) -> int:
    """Run a command line through click.  Returns the exit code; raises Fault and what commands raise.

    Not by click's own `main`: that would turn a broken pipe into exit code 1.
    """
    asked = os.environ.get(COMPLETE_VARIABLE)
    if asked:
        return complete(asked)
    try:
        with root.make_context("roost", list(arguments) or ["--help"]) as context:
            result = root.invoke(context)
    except click.UsageError as error:
        raise _usage(error) from error
    except click.ClickException as error:
        raise Fault(error.format_message()) from error
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort as error:
        raise KeyboardInterrupt from error
    return result if isinstance(result, int) else exits.DONE


def complete(instruction: str) -> int:
    """Answer a shell that completes a command line (the scripts of `roost completion` ask so)."""
    import_module(".powershell", __package__)
    return shell_complete(root, {}, "roost", COMPLETE_VARIABLE, instruction)


def _usage(error: click.UsageError) -> Fault:
    """click's complaint in our form: what is wrong, and where the right usage is written."""
    command = error.ctx.command_path if error.ctx is not None else "roost"
    return Fault(error.format_message(), f"`{command} --help` shows how it is used", exits.USAGE)
