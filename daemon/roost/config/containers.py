"""What only a container has: image or build, command, volumes, health check and the like."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from roost.core import volumes
from roost.core.model import Build, ContainerKeys

from .commands import COMMAND, LABELS, PATH, Variables
from .nodes import Node, Scalar
from .reader import At, Mode, Reader
from .scalars import Duration, Flag, Text, Whole
from .shapes import Checked
from .table import Fields, Key, Table

RESERVED_LABELS: Final = "roost."


class Pull(enum.StrEnum):
    """When an image is fetched."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


def _build(fields: Fields, at: At) -> Build | None:
    return Build(**fields.values) if "context" in fields.values else None


def _healthcheck(fields: Fields, at: At) -> dict[str, Any]:
    if fields.values.get("disable") and len(fields.nodes) > 1:
        key, node = fields.nodes["disable"]
        at.under(key).error(node, "a check that is disabled has no other keys", "keep one or the other")
    return dict(fields.values)


class _Arguments(Variables):
    """Arguments of a build; they are not variables that other values may use."""

    def found(self, name: str, value: str, at: At) -> None:
        return


BUILD: Final = Table(
    "build",
    [
        Key("context", PATH, "The folder that is sent to the engine.", required=True),
        Key("dockerfile", PATH, "Relative to the context.", "`Dockerfile`"),
        Key("args", _Arguments(), "Arguments of the build."),
        Key("target", Text("the name of a stage"), "The stage to build.", "the last"),
    ],
    _build,
    shorthand="context",
)
HEALTHCHECK: Final = Table(
    "healthcheck",
    [
        Key("test", COMMAND, "The command that the engine runs in the container.", mode=Mode.COMMAND),
        Key("interval", Duration(), "From one check to the next.", "the image's"),
        Key("timeout", Duration(), "A check that takes longer has failed.", "the image's"),
        Key("start_period", Duration(), "Failures this early do not count.", "the image's"),
        Key("retries", Whole(1, 1000), "Failures in a row that make it unhealthy.", "the image's"),
        Key("disable", Flag(), "Whether to do without the image's own check.", "`false`"),
    ],
    _healthcheck,
)


class _Labels(Reader[dict[str, str]]):
    """Labels, without those that Roost sets itself."""

    def read(self, node: Node, at: At) -> dict[str, str] | None:
        labels = LABELS.read(node, at)
        for name in labels or ():
            if name.startswith(RESERVED_LABELS):
                at.error(node, f"labels that begin with {RESERVED_LABELS} are set by roost", f"rename {name}")
        return labels

    def schema(self, definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return LABELS.schema(definitions)

    def words(self) -> str:
        return LABELS.words()

    def merge(self, own: Node, default: Node) -> Node:
        return LABELS.merge(own, default)


LABELS_OF_CONTAINER: Final = _Labels()


def _from_home(volume: str) -> tuple[str, str] | None:
    return ("~ is not replaced here", "write ${HOME}") if volume.startswith("~") else None


VOLUME: Final = Checked(
    Text(
        "`SOURCE:/PATH[:ro]`",
        pattern=r"(^|:)/[^:]*(:[a-zA-Z,]+)?$|\$\{",
        hint="write SOURCE:/PATH, or SOURCE:/PATH:ro; the path in the container is absolute",
    ),
    _from_home,
)


def container_keys(fields: Fields, absolute: Callable[[str], str]) -> ContainerKeys:
    """The container's part of a component; `absolute` makes paths of the file absolute."""
    given: dict[str, Any] = {
        name: fields.values[name] for name in ContainerKeys.__struct_fields__ if name in fields.values
    }
    if "volumes" in given:
        given["volumes"] = tuple(_absolute(volume, absolute) for volume in given["volumes"])
    if "build" in given:
        given["build"] = replace(given["build"], context=absolute(given["build"].context))
    return ContainerKeys(**given)


def _absolute(text: str, absolute: Callable[[str], str]) -> str:
    volume = volumes.parse(text)
    if volume is None or volume.source is None or not volume.is_path:
        return text
    return str(volume._replace(source=absolute(volume.source)))


def warn_about_tag(image: str, node: Scalar, at: At) -> None:
    """An image without a tag is whatever `latest` is that day (S78)."""
    if "@" not in image and ":" not in image.rpartition("/")[2]:
        at.warn(node, "the image has no tag, so it changes when 'latest' does", f"write {node.text}:TAG")
