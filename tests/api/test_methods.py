"""The method table, and what is generated from it (S39, P16)."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest

from roost.api import openrpc, reference
from roost.api import types as t
from roost.api.methods import METHODS

PROMISED = {
    "ping",
    "rpc.discover",
    "daemon.status",
    "daemon.health",
    "daemon.restart",
    "daemon.shutdown",
    "project.status",
    "component.list",
    "component.get",
    "component.start",
    "component.stop",
    "component.restart",
    "component.signal",
    "component.why",
    "component.exec",
    "logs.query",
    "logs.stream",
    "events.query",
    "events.stream",
    "status.stream",
    "unsubscribe",
    "config.check",
    "config.reload",
    "project.acquire",
    "project.release",
}
"""INTERFACES.md §6."""


def test_every_promised_method_is_there() -> None:
    """The table has all methods of INTERFACES.md §6, and five more for the command (S39)."""
    more = {"project.up", "logs.clear", "component.attach", "terminal.write", "terminal.resize"}
    assert set(METHODS) == PROMISED | more


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_unknown_parameters_are_refused(method: Any) -> None:
    """No method takes a parameter that it does not know."""
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"no_such_parameter": 1}, method.params)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_streams_say_what_they_send(method: Any) -> None:
    """A method streams exactly if its notifications are described, and then answers with a subscription."""
    assert method.streams == bool(method.notifications)
    assert method.streams == (method.result is t.Subscribed)


def test_the_document_describes_every_method() -> None:
    """rpc.discover's document has an entry, with parameters in their order, for each method (P16)."""
    document = openrpc.document()
    assert document["openrpc"].startswith("1.")
    assert [entry["name"] for entry in document["methods"]] == list(METHODS)
    query = next(entry for entry in document["methods"] if entry["name"] == "component.stop")
    assert [(one["name"], one["required"]) for one in query["params"]] == [
        ("names", True),
        ("wait", False),
        ("timeout", False),
    ]
    json.dumps(document)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    """Each `$ref` names a schema of the document, and each schema is one (draft 2020-12)."""
    document = openrpc.document()
    schemas = document["components"]["schemas"]
    for found in _references(document):
        prefix, _, name = found.rpartition("/")
        assert prefix == "#/components/schemas"
        assert name in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_document_speaks_of_what_is_offered_alone() -> None:
    """A daemon that lacks a method does not describe it."""
    document = openrpc.document(["ping"])
    assert [entry["name"] for entry in document["methods"]] == ["ping"]
    assert set(document["components"]["schemas"]) == {"Nothing", "Pong"}


def test_a_result_fits_its_schema() -> None:
    """What the types encode to is what the document promises."""
    document = openrpc.document()
    entry = next(entry for entry in document["methods"] if entry["name"] == "component.why")
    link = t.WhyLink(component="web", state="waiting", reason="waiting for db")
    why = msgspec.to_builtins(t.Why(component="web", ready=False, chain=[link]))
    schema = {**entry["result"]["schema"], "components": document["components"]}
    jsonschema.validate(why, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**why, "ready": "no"}, schema)


def test_the_reference_names_every_method_type_and_error() -> None:
    """The page for people has a heading for each method and type, and a row for each kind of error."""
    page = reference.markdown()
    for name in METHODS:
        assert f"## `{name}`" in page
    for name in ("ComponentStatus", "LogEntry", "Event", "DaemonHealth"):
        assert f"\n## {name}\n" in page
    assert "| -32001 | `no_such_component` |" in page
    assert "None" not in page, "JSON says null"


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for inner in value.values() for found in _references(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _references(inner)]
    return []
