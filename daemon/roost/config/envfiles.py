"""`env_file`: reads the files, reports what is wrong in them at their own lines, and widens the scope."""

from __future__ import annotations

from typing import NamedTuple

from . import envfile
from .commands import PATH
from .files import Outside, reason
from .nodes import Node, Scalar
from .problems import Problem, show
from .reader import At
from .scalars import Flag
from .shapes import ListOf
from .substitute import escaped
from .table import Fields, Key, Table


class EnvFile(NamedTuple):
    """One env file as roost.yaml names it."""

    path: str
    written: str
    """The path as roost.yaml has it, for messages."""
    optional: bool
    node: Node
    at: At


def _env_file(fields: Fields, at: At) -> EnvFile | None:
    if "path" not in fields.values:
        return None
    _, written = fields.nodes["path"]
    text = written.text if isinstance(written, Scalar) else ""
    return EnvFile(fields.values["path"], text, fields.values.get("optional", False), fields.node, at)


ENV_FILE = Table(
    "env_file",
    [
        Key("path", PATH, "Relative to the project's folder.", required=True),
        Key("optional", Flag(), "Whether the file may be missing.", "`false`"),
    ],
    _env_file,
    shorthand="path",
)


class _EnvFiles(ListOf[EnvFile]):
    """The list; as it is read, the variables of each file go into the scope, later files winning."""

    def read(self, node: Node, at: At) -> tuple[EnvFile, ...] | None:
        files = super().read(node, at)
        if at.scope.lenient:
            return files
        for file in files or ():
            at.scope.own.update(_variables(file))
        return files


def _variables(file: EnvFile) -> dict[str, str]:
    """What a file says; what is wrong with it is reported.  Messages never hold a value."""
    at, node = file.at, file.node
    path = at.files.absolute(file.path)
    try:
        content = at.files.content(path)
    except FileNotFoundError:
        if not file.optional:
            hint = f"make it, or write {{path: {file.written}, optional: true}}"
            at.error(node, f"the env file {show(file.written)} does not exist", hint)
        return {}
    except OSError as error:
        hint = "name a file of the project" if isinstance(error, Outside) else "make it readable"
        at.error(node, f"the env file {show(file.written)} cannot be read: {reason(error)}", hint)
        return {}
    shown = at.files.shown(file.path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        at.problems.add(Problem(shown, line, 1, "encoding", message, "save the file as UTF-8"))
        return {}
    values, faults = at.files.once(path, lambda: envfile.parse(text))
    for fault in faults:
        at.problems.add(Problem(shown, fault.line, fault.column, fault.name, fault.message, fault.hint))
    return {name: escaped(value) for name, value in values.items()}


ENV_FILES = _EnvFiles(ENV_FILE, single=True)
