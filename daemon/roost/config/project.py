"""The top of roost.yaml: the table of its keys, and the way from a tree of nodes to a finished project."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Any, Final

from roost.core.model import Project, ProjectLimits

from .checks import check_together
from .commands import Variables
from .component import COMPONENT, COMPONENT_NAME
from .drafts import Draft, read_component
from .envfiles import ENV_FILES
from .files import Files
from .nodes import Mapping, Node, Scalar
from .problems import Problems, show
from .reader import At, Definitions, Mode, Reader, ScalarReader, Schema, fits, or_variable, report_faults
from .scalars import Size, Text, Whole
from .shapes import ListOf
from .substitute import Scope
from .table import Fields, Key, Table

VERSION: Final = 1
PROJECT_NAME: Final = r"^[a-zA-Z][a-zA-Z0-9-]{1,63}$"

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\Z", re.IGNORECASE)


class _Version(ScalarReader[int]):
    """The version of this format; there is one."""

    def take(self, scalar: Scalar, node: Scalar, at: At) -> int | None:
        if scalar.text == str(VERSION) and scalar.plain:
            return VERSION
        newer = re.fullmatch(r"[1-9][0-9]*", scalar.text) is not None and scalar.text != str(VERSION)
        message = (
            f"version {node.text[:20]} is newer than this roost"
            if newer
            else f"{show(node.text)} is not a version"
        )
        at.error(
            node,
            message,
            f"upgrade roost, or write version: {VERSION}" if newer else f"write version: {VERSION}",
        )
        return None

    def schema(self, definitions: Definitions) -> Schema:
        return or_variable({"const": VERSION})

    def words(self) -> str:
        return f"`{VERSION}`"


class _Components(Reader[Mapping]):
    """The components, or one set of `defaults` for them: only its shape is looked at here."""

    def __init__(self, *, several: bool) -> None:
        self._several = several

    def read(self, node: Node, at: At) -> Mapping | None:
        if isinstance(node, Mapping):
            return node
        self.wrong_shape(node, at)
        return None

    def inner(self) -> tuple[Reader[Any], ...]:
        return (COMPONENT,)

    def schema(self, definitions: Definitions) -> Schema:
        component = COMPONENT.schema(definitions)
        if not self._several:
            return component
        names = {"pattern": COMPONENT_NAME}
        return {"type": "object", "propertyNames": names, "additionalProperties": component}

    def words(self) -> str:
        return "a map from names to components" if self._several else "a map (component)"


def _limits(fields: Fields, at: At) -> ProjectLimits:
    return ProjectLimits(**fields.values)


PROJECT_LIMITS: Final = Table(
    "project_limits",
    [
        Key("components", Whole(1, 100_000), "How many components there may be.", "`1000`"),
        Key(
            "logs",
            Size(),
            "All logs together: the oldest rotated files go first, the newest of each component stays.",
            "`20GB`",
        ),
    ],
    _limits,
)


def _project(fields: Fields, at: At) -> Fields:
    return fields


PROJECT: Final = Table(
    "project",
    [
        Key("version", _Version(), "The version of this format.", "`1`"),
        Key(
            "name",
            Text(
                "a project's name",
                pattern=PROJECT_NAME,
                hint="2 to 64 letters, digits and -, beginning with a letter",
            ),
            "What the project is called.",
            "made from the folder's name",
        ),
        Key("env", Variables(), "Environment variables of every component.", mode=Mode.OPEN),
        Key("env_file", ENV_FILES, "Files of variables for every component; `env` wins over them."),
        Key(
            "secrets",
            ListOf(Text("a variable's name")),
            "Variables whose values are never shown, beside those that look like secrets.",
        ),
        Key(
            "defaults",
            _Components(several=False),
            "Keys for every component; its own value wins, and maps are merged key by key.",
        ),
        Key("limits", PROJECT_LIMITS, "Bounds of the whole project."),
        Key("components", _Components(several=True), "The components, by name.", required=True),
    ],
    _project,
    first=("env_file", "env"),
)


def build_project(
    tree: Node,
    problems: Problems,
    files: Files,
    environ: Map[str, str],
    profiles: frozenset[str] | None,
    config_path: str,
    lacks: frozenset[str],
) -> Project | None:
    """The project of a tree; None when the top is no map.  What is wrong is in `problems`."""
    top = At("", problems, files, Scope(environ), tree, lacks=lacks)
    fields = PROJECT.read(tree, top)
    if fields is None:
        return None
    values = fields.values
    limits: ProjectLimits = values.get("limits", ProjectLimits())
    drafts = _components(fields, top, limits)
    together = check_together(drafts, _declared(fields), top.uses, profiles)
    return Project(
        name=values.get("name") or default_name(files.root),
        root=files.root,
        config_path=config_path,
        components=together.components,
        groups=together.groups,
        secrets=values.get("secrets", ()),
        limits=limits,
    )


def default_name(folder: str) -> str:
    """A project's name made from its folder's: what does not fit becomes a dash or is left out."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", re.split(r"[/\\]", folder.rstrip("/\\"))[-1])
    name = re.sub(r"^[^a-zA-Z]+", "", name)[:64].rstrip("-")
    return name if len(name) >= 2 else "project"


def _components(fields: Fields, top: At, limits: ProjectLimits) -> list[Draft]:
    """Every component that could be read, in the order of the file."""
    defaults = _defaults(fields, top)
    node = fields.values.get("components")
    if not isinstance(node, Mapping):
        return []
    key, _ = fields.nodes["components"]
    at = top.under(key)
    report_faults(node, at)
    if not node.entries:
        at.warn(key, "there is no component", "add one: `NAME: {run: COMMAND}`")
    hint = f"raise limits.components, which is {limits.components}"
    if len(node.entries) > limits.components:
        at.error(key, f"{len(node.entries)} components are too many", hint)
        return []
    drafts: list[Draft] = []
    names: dict[str, Scalar] = {}
    for name, value in node.entries:
        place = at.under(name)
        _check_name(name, names, place)
        names.setdefault(name.text.casefold(), name)
        drafts += read_component(value, place, defaults, name)
    if len(drafts) > limits.components:
        at.error(key, f"{len(drafts)} components are too many, counting replicas", hint)
    return drafts


def _declared(fields: Fields) -> frozenset[str]:
    """The names of all components of the file, readable or not."""
    node = fields.values.get("components")
    return frozenset(key.text for key, _ in node.entries) if isinstance(node, Mapping) else frozenset()


def _defaults(fields: Fields, top: At) -> Node | None:
    """The `defaults`, after a look at them alone: so each fault is told once, at its own path."""
    defaults = fields.values.get("defaults")
    if not isinstance(defaults, Mapping):
        return None
    key, _ = fields.nodes["defaults"]
    at = top.under(key)
    alone = At(at.path, at.problems, at.files, Scope(at.scope, lenient=True), key, lacks=at.lacks)
    COMPONENT.fields(defaults, alone)
    return defaults


def _check_name(name: Scalar, taken: dict[str, Scalar], at: At) -> None:
    if not fits(COMPONENT_NAME, name.text):
        hint = "1 to 63 letters, digits, _ and -, beginning with a letter or digit"
        at.error(name, f"{show(name.text)} is not a component's name", hint)
    elif _RESERVED.match(name.text):
        at.error(name, f"{show(name.text)} is a reserved name on Windows", "choose another name")
    other = taken.get(name.text.casefold())
    if other is not None:
        message = f"the name differs from {show(other.text)} (line {other.line}) only by upper and lower case"
        at.error(name, message, "choose another name: they would share files on macOS and Windows")
