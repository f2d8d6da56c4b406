"""The JSON Schema of roost.yaml (draft 2020-12), made from the same tables that read it."""

from __future__ import annotations

from typing import Any


def json_schema() -> dict[str, Any]:
    """What `roost schema` prints.  A file that `load` takes without an error is valid by it.

    The converse cannot hold: circles, references and duplicate ports are beyond a schema.
    """
    from .component import KINDS
    from .project import PROJECT

    definitions: dict[str, dict[str, Any]] = {}
    PROJECT.schema(definitions)
    top = definitions.pop(PROJECT.name)
    something_to_run = {"anyOf": [{"required": [kind]} for kind in KINDS]}
    no_defaults = {"properties": {"defaults": {"not": something_to_run}}}
    each = {"properties": {"components": {"additionalProperties": something_to_run}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "roost.yaml",
        "description": "The configuration of a Roost project.",
        **top,
        "if": no_defaults,
        "then": each,
        "$defs": definitions,
    }
