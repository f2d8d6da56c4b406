"""This interface described for programs: an OpenRPC document.  Pure.

It is made from the table that dispatches, so it cannot say what is not so.  (For people: `reference`.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from .. import __version__
from .errors import CODES
from .methods import METHODS, Method

_TEMPLATE = "#/components/schemas/{name}"


def document(names: Iterable[str] | None = None) -> dict[str, Any]:
    """The OpenRPC 1.3 document of these methods; of all if none are given."""
    methods = [METHODS[name] for name in (METHODS if names is None else names)]
    types = _types(methods)
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    schema_of = dict(zip(map(_key, types), schemas, strict=True))
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "Roost",
            "version": __version__,
            "description": "JSON-RPC 2.0, one message a line, over the project's socket or pipe.",
        },
        "methods": [_method(method, schema_of, components) for method in methods],
        "components": {
            "schemas": components,
            "errors": {kind: {"code": code, "message": kind} for kind, code in CODES.items()},
        },
    }


def _types(methods: list[Method]) -> list[Any]:
    """Every type that the methods speak of, each once."""
    found: dict[str, Any] = {}
    for method in methods:
        for kind in (method.params, method.result, *method.notifications.values()):
            found.setdefault(_key(kind), kind)
    return list(found.values())


def _key(kind: Any) -> str:
    return repr(kind)


def _method(method: Method, schema_of: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": _parameters(components[method.params.__name__]),
        "result": {"name": "result", "schema": schema_of[_key(method.result)]},
        "x-mutates": method.mutates,
        "x-waits": method.waits,
    }
    if method.description:
        entry["description"] = method.description
    if method.notifications:
        entry["x-notifications"] = [
            {"name": name, "params": schema_of[_key(kind)]} for name, kind in method.notifications.items()
        ]
    return entry


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {"name": name, "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]
