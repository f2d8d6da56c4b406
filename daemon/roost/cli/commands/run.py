"""`roost run`."""

from __future__ import annotations

import click

from .. import context as where
from .. import options
from ..faults import Fault

_COMMAND = "roost.run.command"


class _BeforeACommand(click.Command):
    """Reads what stands before the first `--`; what follows is somebody else's, word for word."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            context.meta[_COMMAND] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(context, args)

    def collect_usage_pieces(self, context: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(context), "-- CMD..."]


@click.command("run", cls=_BeforeACommand)
@options.names_argument(required=False)
@click.option("--start", is_flag=True, help="Also start what has failed or was stopped by a person.")
@options.timeout_option("60s", "Give up when what has to be started is not ready by then")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], start: bool, timeout: float) -> int:
    """Make the project ready, run CMD here, then stop what this call has started and nothing else.

    Without names: all that autostart.  With names: these, and what they need.  What already runs is used and
    left running.  The exit code is CMD's, or 128 and the number of the signal that ended it; 127 if there is
    no such command.  Ctrl-C goes to CMD.
    """
    from .. import borrowing

    argv = context.meta.get(_COMMAND)
    if not argv:
        raise Fault("no command was given", "write it after two dashes: roost run -- pytest", 2)
    return borrowing.run(where.locate(context.obj), names, start, timeout, argv)
