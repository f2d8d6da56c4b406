"""From the keys of one component to its specification: defaults, replicas, and what fits its kind.

A draft still knows where everything was written, for the checks between components (`roost.config.checks`).
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from roost.core.model import Kind, Policy, Restart, Spec, Type

from .component import COMPONENT, KINDS
from .containers import container_keys
from .dependencies import Wanted
from .fitting import check_combinations, check_kind, check_ports, fits_kind
from .listening import Listed
from .nodes import Mapping, Node, Scalar
from .probes import HANDLERS
from .reader import At, PortUse
from .substitute import Scope
from .table import Fields

REPLICA: Final = "ROOST_REPLICA"

_KIND_OF_KEY: Final = {
    "run": Kind.PROCESS,
    "image": Kind.CONTAINER,
    "build": Kind.CONTAINER,
    "external": Kind.EXTERNAL,
}


class Draft(Struct, frozen=True, kw_only=True):
    """One component (one replica), with the places where its parts were written."""

    spec: Spec
    key: Scalar
    at: At
    wanted: tuple[Wanted, ...] = ()
    ports: tuple[Listed, ...] = ()
    uses: tuple[PortUse, ...] = ()
    replicas: int = 1


def read_component(node: Node, at: At, defaults: Node | None, key: Scalar) -> list[Draft]:
    """The component under `key`, once for each replica; empty when there is nothing that could be one.

    `at.scope` is the project's: its variables, and around them the base environment.
    """
    if not isinstance(node, Mapping):
        COMPONENT.wrong_shape(node, at)
        return []
    kind = _kind(node) or (_kind(defaults) if isinstance(defaults, Mapping) else None)
    check_kind(node, kind, at)
    merged = node
    if isinstance(defaults, Mapping):
        both = COMPONENT.merge(node, _applicable(defaults, node, kind))
        merged = both if isinstance(both, Mapping) else node
    if merged.get("replicas") is None:
        return [_read(merged, at, key, kind, None)]
    first = _read(merged, at, key, kind, 1)
    return [first, *(_read(merged, at, key, kind, number) for number in range(2, first.replicas + 1))]


def _kind(node: Mapping) -> Kind | None:
    """What a component is made of, by the first of the keys that decide it."""
    return next((_KIND_OF_KEY[key.text] for key, _ in node.entries if key.text in KINDS), None)


def _applicable(defaults: Mapping, own: Mapping, kind: Kind | None) -> Mapping:
    """The part of `defaults` that means something for this component.

    Left out are keys for other kinds, and thresholds for a probe that the component does not have.
    """
    entries: list[tuple[Scalar, Node]] = []
    for key, value in defaults.entries:
        if kind is not None and not fits_kind(key.text, kind):
            continue
        if key.text == "probes" and isinstance(value, Mapping):
            value = _whole_probes(value, own.get("probes"))
        entries.append((key, value))
    return Mapping(defaults.line, defaults.column, entries)


def _whole_probes(default: Mapping, own: tuple[Scalar, Node] | None) -> Mapping:
    mine = own[1] if own is not None else None
    entries = [
        (key, value)
        for key, value in default.entries
        if (isinstance(mine, Mapping) and mine.get(key.text))
        or (isinstance(value, Mapping) and any(value.get(name) for name in HANDLERS))
    ]
    return Mapping(default.line, default.column, entries)


def _read(merged: Mapping, at: At, key: Scalar, kind: Kind | None, replica: int | None) -> Draft:
    """One reading of the keys, with this replica's number among the variables."""
    scope = Scope(at.scope)
    if replica is not None:
        scope.own[REPLICA] = str(replica)
    uses: list[PortUse] = []
    place = At(at.path, at.problems, at.files, scope, at.key, at.mode, uses, at.lacks)
    fields = COMPONENT.fields(merged, place)
    spec = _spec(key.text, replica, kind or Kind.PROCESS, fields, place)
    ports = fields.values.get("ports", ())
    check_ports(spec, ports)
    check_combinations(spec, fields, place)
    return Draft(
        spec=spec,
        key=key,
        at=place,
        wanted=fields.values.get("depends_on", ()),
        ports=ports,
        uses=tuple(uses),
        replicas=fields.values.get("replicas", 1),
    )


def _spec(name: str, replica: int | None, kind: Kind, fields: Fields, at: At) -> Spec:
    """The specification; what is missing, or was wrong, has its default."""
    values = fields.values
    simple = ("run", "shell", "tty", "autostart", "stop", "log", "watch", "schedule", "profiles", "hooks")
    given: dict[str, Any] = {key: values[key] for key in (*simple, "description", "url") if key in values}
    type_ = values.get("type", Type.SERVICE)
    usual = Policy.ALWAYS if type_ is Type.SERVICE else Policy.NEVER
    return Spec(
        name=name if replica is None else f"{name}-{replica}",
        group=None if replica is None else name,
        replica=replica,
        kind=kind,
        type=type_,
        cwd=at.files.absolute(values.get("cwd", ".")),
        env=dict(at.scope.everything()),
        restart=Restart(**{"policy": usual, **values.get("restart", {})}),
        ports=tuple(listed.port for listed in values.get("ports", ())),
        memory_limit=values.get("memory_limit", {}).get("memory"),
        container=container_keys(fields, at.files.absolute) if kind is Kind.CONTAINER else None,
        **values.get("probes", {}),
        **given,
    )
