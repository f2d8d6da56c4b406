"""The reference of the interface for people: a Markdown page made from the table of methods.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from .errors import CODES
from .methods import METHODS, Method

_NUMBERS = re.compile(r" \([SP]\d+[^)]*\)")

_HEADER = """\
# The RPC interface

Generated from the table of methods; do not edit. JSON-RPC 2.0, one message a line, UTF-8, over the socket or
pipe that `.roost/daemon.json` names. `roost call METHOD [JSON]` makes one call from the shell, and
`roost call rpc.discover` prints the same as an OpenRPC document. Parameters go by name, or by position in
the order given here. A method that *waits* sends `progress` notifications with the `id` of its request.
Durations are seconds, times RFC 3339 in UTC, sizes bytes; a figure that is not known is null.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_HEADER, *map(_method, METHODS.values()), "# Types\n", *_types(), _errors()]
    return "\n".join(parts)


def _method(method: Method) -> str:
    paragraphs = [f"## `{method.name}`", _summary(method)]
    fields = msgspec.structs.fields(method.params)
    if fields:
        paragraphs += ["\n".join(map(_parameter, fields)), _sentence(method.params.__doc__)]
    paragraphs.append(f"Result: {_type(method.result)}")
    for name, kind in method.notifications.items():
        paragraphs.append(f"Then `{name}` with `subscription` (and `lagged` after a gap): {_type(kind)}")
    return "\n\n".join(paragraphs) + "\n"


def _summary(method: Method) -> str:
    marks = [word for word, on in (("changes something", method.mutates), ("waits", method.waits)) if on]
    text = method.summary + (f" ({', '.join(marks)})." if marks else ".")
    return f"{text} {method.description}".rstrip()


def _parameter(field: msgspec.structs.FieldInfo) -> str:
    text = f"- `{field.name}`: {_type(field.type)}"
    if field.required:
        return text
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"{text}, default `{_json(default)}`"


def _types() -> Iterator[str]:
    """A section for each type that a result or a notification is made of."""
    kinds = [kind for method in METHODS.values() for kind in (method.result, *method.notifications.values())]
    _, components = msgspec.json.schema_components(kinds, ref_template="{name}")
    for name, schema in sorted(components.items()):
        paragraphs = [f"## {name}", _sentence(schema.get("description"))]
        fields = schema.get("properties", {})
        if fields:
            paragraphs.append("\n".join(f"- `{field}`: {_shown(inner)}" for field, inner in fields.items()))
        else:
            paragraphs.append(_shown(schema))
        yield "\n\n".join(paragraphs) + "\n"


def _errors() -> str:
    rows = "\n".join(f"| {code} | `{kind}` |" for kind, code in CODES.items())
    return (
        "# Errors\n\n`error.data` holds `kind` and, where there is one, `hint`.\n\n"
        f"| code | kind |\n| --- | --- |\n{rows}\n"
    )


def _type(kind: Any) -> str:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template="{name}")
    return _shown(schema)


def _shown(schema: dict[str, Any]) -> str:
    """A JSON Schema as people write a type: `array of [LogEntry](#logentry)`."""
    if "$ref" in schema:
        return f"[{schema['$ref']}](#{schema['$ref'].lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_shown, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f"`{_json(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any value")
    if kind == "array":
        return "array of " + _shown(schema["items"])
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return "map to " + _shown(schema["additionalProperties"])
    return "base64" if schema.get("contentEncoding") == "base64" else str(kind)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _sentence(text: str | None) -> str:
    """A docstring as one paragraph, in the words of JSON and without the numbers of our requirements."""
    return _NUMBERS.sub("", " ".join((text or "").split())).replace("None", "null")
