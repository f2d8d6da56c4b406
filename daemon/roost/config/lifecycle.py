"""What governs a component's life once it runs: restart, stop, log, limits, watch, hooks."""

from __future__ import annotations

from typing import Any, Final

from roost.core.model import Backoff, Hooks, Leftovers, Limit, LogPolicy, Policy, Stop, Streams, Watch

from .commands import COMMAND, PATH
from .nodes import Scalar
from .problems import show
from .reader import At, Definitions, Mode, ScalarReader, Schema
from .scalars import Choice, Duration, Number, Size, Text, Whole
from .shapes import ListOf
from .table import Fields, Key, Table

_SIGNALS: Final = ("TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2", "ABRT", "ALRM", "WINCH", "PIPE")
_SIGNAL_NUMBERS: Final = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM"}


class _Signal(ScalarReader[str]):
    """The name of a signal, with or without SIG."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> str | None:
        name = scalar.text.upper().removeprefix("SIG")
        if name in _SIGNALS:
            return name
        close = _SIGNAL_NUMBERS.get(scalar.text) or at.problems.nearest(name, _SIGNALS)
        hint = f"did you mean '{close}'?" if close else f"known: {', '.join(_SIGNALS)}"
        at.error(node, f"{show(node.text)} is not a signal to stop with", hint)
        return None

    def schema(self, definitions: Definitions) -> Schema:
        names = "|".join(_SIGNALS)
        return {"type": "string", "pattern": rf"^([sS][iI][gG])?({names}|{names.lower()})$|\$\{{"}

    def words(self) -> str:
        return "the name of a signal"


def _stop(fields: Fields, at: At) -> Stop:
    return Stop(**fields.values)


STOP: Final = Table(
    "stop",
    [
        Key("signal", _Signal(), "What asks it to end.", "`TERM`"),
        Key("timeout", Duration(), "How long it may take before it is killed.", "`10s`"),
        Key("command", COMMAND, "A command that ends it, in place of the signal.", mode=Mode.COMMAND),
        Key(
            "leftovers",
            Choice(Leftovers),
            "What becomes of descendants that outlive it.",
            "`end`; `leave` for a task that ended by itself",
        ),
    ],
    _stop,
)


def _backoff(fields: Fields, at: At) -> Backoff | None:
    backoff = Backoff(**fields.values)
    if "initial" in fields.values and backoff.initial > backoff.max:
        key, node = fields.nodes["initial"]
        hint = "make max longer" if "max" in fields.nodes else "give a max, which is 60s by default"
        at.under(key).error(node, "is more than max", hint)
        return None
    return backoff


BACKOFF: Final = Table(
    "backoff",
    [
        Key("initial", Duration(), "Before the first restart.", "`1s`"),
        Key("factor", Number(1, 100), "What each further delay is multiplied by.", "`2`"),
        Key("max", Duration(), "The longest delay.", "`60s`"),
    ],
    _backoff,
)
LIMIT: Final = Table(
    "limit",
    [
        Key(
            "max",
            Whole(0, 1_000_000),
            "Restarts in any window of that length; one more, and it has failed.",
            "`10`",
        ),
        Key("within", Duration(0.1), "The length of the window.", "`10m`"),
    ],
    lambda fields, at: Limit(**fields.values),
)


def _restart(fields: Fields, at: At) -> dict[str, Any]:
    """The fields alone: the default of `policy` depends on the type of the component."""
    return fields.values


RESTART: Final = Table(
    "restart",
    [
        Key(
            "policy",
            Choice(
                Policy,
                instead={
                    "no": "never",
                    "false": "never",
                    "off": "never",
                    "none": "never",
                    "yes": "always",
                    "true": "always",
                    "on": "always",
                    "unless-stopped": "always",
                    "on_failure": "on-failure",
                    "exit_on_failure": "on-failure",
                },
            ),
            "When it is started again after it has ended.",
            "`always` for a service, `never` for a task",
        ),
        Key("backoff", BACKOFF, "Delays between restarts."),
        Key("limit", LIMIT, "How many restarts are too many."),
        Key("min_uptime", Duration(), "An exit after this resets the back-off.", "`10s`"),
        Key(
            "success_exit_codes",
            ListOf(Whole(0, 2**32 - 1), least=1),
            "Exit codes that are a success.",
            "`[0]`",
        ),
    ],
    _restart,
    shorthand="policy",
)
LOG: Final = Table(
    "log",
    [
        Key("max_size", Size(), "A log file is put aside when it is this large.", "`10MB`"),
        Key("max_files", Whole(0, 1000), "Files kept beside the one that is written.", "`5`"),
        Key(
            "streams",
            Choice(Streams),
            "`merged`: one pipe for stdout and stderr, so true order, but no stream mark.",
            "`separate`",
        ),
    ],
    lambda fields, at: LogPolicy(**fields.values),
)
LIMITS: Final = Table(
    "limits",
    [Key("memory", Size(), "Restarted while its process tree stays over it.")],
    lambda fields, at: dict(fields.values),
)


def _watch(fields: Fields, at: At) -> Watch | None:
    return Watch(**fields.values) if "paths" in fields.values else None


WATCH: Final = Table(
    "watch",
    [
        Key(
            "paths",
            ListOf(PATH, least=1, single=True),
            "Files and folders, relative to the project's.",
            required=True,
        ),
        Key("ignore", ListOf(Text("a pattern"), single=True), "Patterns of what is not looked at."),
        Key("debounce", Duration(), "How long it must have been quiet.", "`300ms`"),
    ],
    _watch,
    shorthand="paths",
)
HOOKS: Final = Table(
    "hooks",
    [
        Key("on_ready", COMMAND, "When it has become ready."),
        Key("on_exit", COMMAND, "When it has ended."),
        Key("on_failed", COMMAND, "When it has failed."),
    ],
    lambda fields, at: Hooks(**fields.values),
)
