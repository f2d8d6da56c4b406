"""What several commands have in common: their arguments, options and how these are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ..config.durations import parse_duration

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on alone
    """`250ms`, `10s`, `5m`, `1h`, or a bare number of seconds; seconds as a float."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        seconds = parse_duration(str(value).strip())
        if seconds is None:
            self.fail(f"{value!r} is no duration; write 250ms, 10s, 5m or 1h", parameter, context)
        return seconds


DURATION = Duration()


def complete_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Component names for the shell, from the daemon or, without one, from roost.yaml; never an error."""
    from .status_view import snapshot_or_last_known

    try:
        from .context import locate

        snapshot, _ = snapshot_or_last_known(locate(context.find_root().params.get("project")), patience=0.5)
    except Exception:  # noqa: BLE001 - a shell that completes a word must not be answered with an error
        return []
    found = dict.fromkeys(
        name for one in snapshot["components"] for name in (one["name"], one.get("group")) if name
    )
    chosen = context.params.get(parameter.name or "") or ()
    return [CompletionItem(name) for name in found if name.startswith(incomplete) and name not in chosen]


def names_argument(required: bool) -> Callable[[_Command], _Command]:
    """`NAME…`: components or replica groups."""
    return click.argument(
        "names",
        nargs=-1,
        required=required,
        metavar="NAME..." if required else "[NAME]...",
        shell_complete=complete_names,
    )


def name_argument() -> Callable[[_Command], _Command]:
    """`NAME`: one component."""
    return click.argument("name", metavar="NAME", shell_complete=complete_names)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
utc_option = click.option("--utc", is_flag=True, help="Show times in UTC instead of local time.")


def timeout_option(default: str | None, help: str) -> Callable[[_Command], _Command]:
    """`--timeout T`."""
    shown = f"{help} (default {default})" if default else help
    return click.option("--timeout", type=DURATION, default=default, metavar="T", help=shown)


no_wait_option = click.option("--no-wait", is_flag=True, help="Return as soon as the daemon knows of it.")
