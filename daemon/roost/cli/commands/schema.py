"""`roost schema`."""

from __future__ import annotations

import json

import click

from ...config.schema import json_schema
from .. import exits, output


@click.command("schema")
def command() -> int:
    """Print the JSON Schema (draft 2020-12) of roost.yaml, for editors."""
    output.data(json.dumps(json_schema(), indent=2) + "\n")
    return exits.DONE
