"""`roost call`."""

from __future__ import annotations

import json
from typing import Any

import click

from .. import exits, output, session
from ..faults import Fault


@click.command("call")
@click.argument("method")
@click.argument("parameters", required=False, metavar="[JSON]")
@click.pass_obj
def command(project: str | None, method: str, parameters: str | None) -> int:
    """Make one call of the RPC interface and print its result as JSON.

    \b
    roost call rpc.discover
    roost call component.get '{"name": "api"}'
    """
    values = _parsed(parameters)
    with session.open_session(project) as daemon:
        answer = daemon.call(method, values)
    output.data_json(answer)
    return exits.DONE


def _parsed(parameters: str | None) -> Any:
    if parameters is None:
        return None
    try:
        value = json.loads(parameters)
    except ValueError as error:
        raise Fault(
            f"the parameters are not JSON: {error}", """write them so: '{"name": "api"}'""", exits.USAGE
        ) from error
    if not isinstance(value, dict | list):
        raise Fault(
            "the parameters are neither an object nor an array", "JSON-RPC knows no others", exits.USAGE
        )
    return value
