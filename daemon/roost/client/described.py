"""What a method takes, as JSON Schema: for programs that offer methods to others (`roost mcp`).  Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from ..api.methods import METHODS


def parameters_schema(method: str) -> dict[str, Any]:
    """The schema of a method's parameters as an object.  Raises KeyError if there is no such method."""
    kind = METHODS[method].params
    _, found = msgspec.json.schema_components([kind])
    schema: dict[str, Any] = found[kind.__name__]
    return schema
