"""One component: the table of its keys.  What is made of them is `roost.config.drafts`'."""

from __future__ import annotations

import re
from typing import Final

from roost.core.model import Type

from .commands import ARGV, COMMAND, PATH, Variables
from .containers import BUILD, HEALTHCHECK, LABELS_OF_CONTAINER, VOLUME, Pull
from .dependencies import DEPENDS_ON
from .envfiles import ENV_FILES
from .lifecycle import HOOKS, LIMITS, LOG, RESTART, STOP, WATCH
from .listening import PORTS
from .nodes import Scalar
from .probes import PROBES
from .reader import At, Definitions, Mode, ScalarReader, Schema
from .scalars import Choice, Flag, Text, Whole
from .schedule import SCHEDULE
from .shapes import ListOf, Shapes
from .table import Fields, Key, Table

COMPONENT_NAME: Final = r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$"
KINDS: Final = ("run", "image", "build", "external")
MOST_REPLICAS: Final = 100


class _Shell(ScalarReader[tuple[str, ...]]):
    """The name of a shell, completed by the option that takes a command."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> tuple[str, ...] | None:
        if not scalar.text.strip():
            at.error(node, "is empty", "name a shell, such as bash")
            return None
        program = re.split(r"[/\\]", scalar.text)[-1].lower().removesuffix(".exe")
        return (scalar.text, "/d", "/s", "/c") if program == "cmd" else (scalar.text, "-c")

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": ["string", "number", "boolean"], "pattern": r"\S"}

    def words(self) -> str:
        return "a shell (`bash`)"


_PROFILE: Final = Text(
    "a profile's name",
    pattern=COMPONENT_NAME,
    hint="letters, digits, _ and -, at most 63, not beginning with _ or -",
)
_URL: Final = Text(
    "an address with its scheme",
    pattern=r"^[a-zA-Z][a-zA-Z0-9+.-]*://\S+$",
    hint="write http://localhost:${port.NAME}",
)


def _component(fields: Fields, at: At) -> Fields:
    return fields


COMPONENT: Final = Table(
    "component",
    [
        Key("run", COMMAND, "The command.", mode=Mode.COMMAND),
        Key("image", Text("an image"), "The container's image."),
        Key("build", BUILD, "How the container's image is built."),
        Key("external", Flag(only=True), "Never started or stopped by Roost; only probed and shown."),
        Key(
            "type",
            Choice(Type, instead={"job": "task", "oneshot": "task", "daemon": "service"}),
            "A service stays up, a task finishes.",
            "`service`",
        ),
        Key("cwd", PATH, "The folder it runs in, relative to the project's.", "the project's folder"),
        Key("env", Variables(), "Environment variables, beside those of the project.", mode=Mode.OPEN),
        Key("env_file", ENV_FILES, "Files of variables; `env` wins over them."),
        Key(
            "shell",
            Shapes(scalar=_Shell(), sequence=ARGV),
            "What runs a command line: a shell, or a list to which the command is added.",
            "`sh -c`; `cmd /d /s /c` on Windows",
        ),
        Key(
            "tty",
            Flag(),
            "Whether the command gets a pseudo-terminal, which `roost attach` shows; "
            "else stdin is the null device. Not on Windows.",
            "`false`",
        ),
        Key(
            "autostart",
            Flag(),
            "Whether `up` starts it; if not, only by name, or when something needs it.",
            "`true`",
        ),
        Key(
            "depends_on",
            DEPENDS_ON,
            "What must hold before it starts.",
        ),
        Key("probes", PROBES, "How it is seen that it has started, lives, and is ready.", mode=Mode.COMMAND),
        Key("restart", RESTART, "When it is started again after it has ended."),
        Key("stop", STOP, "How it is stopped."),
        Key("log", LOG, "How much of its output is kept."),
        Key("limits", LIMITS, "What it may use.", field="memory_limit"),
        Key("watch", WATCH, "Restarted when files change."),
        Key("schedule", SCHEDULE, "When a task runs."),
        Key(
            "replicas",
            Whole(1, MOST_REPLICAS),
            "How many of it there are: `NAME-1` … `NAME-n`, each with `ROOST_REPLICA`.",
            "one, named as it is",
        ),
        Key("profiles", ListOf(_PROFILE, least=1), "It takes part only with `--profile` and one of these."),
        Key("ports", PORTS, "The ports that it listens on; `auto` is a free one, kept for this project."),
        Key("hooks", HOOKS, "Commands at turns of its life.", mode=Mode.COMMAND),
        Key("command", COMMAND, "The container's command.", "the image's", mode=Mode.COMMAND),
        Key("entrypoint", COMMAND, "The container's entry point.", "the image's", mode=Mode.COMMAND),
        Key("volumes", ListOf(VOLUME), "The container's volumes."),
        Key("pull", Choice(Pull), "When the image is fetched.", "`missing`"),
        Key("healthcheck", HEALTHCHECK, "The check that the engine makes."),
        Key("network", Text("a network"), "The container's network.", "the project's"),
        Key("user", Text("a user", loose=True), "Who the container runs as.", "the image's"),
        Key("labels", LABELS_OF_CONTAINER, "Labels of the container, beside Roost's own."),
        Key("description", Text(), "A sentence for people."),
        Key("url", _URL, "Where people open it; offered by the tray and by `status`.", mode=Mode.OPEN),
    ],
    _component,
    exclusive=[KINDS],
    first=("env_file", "env"),
)
