"""`roost mcp`: a Model Context Protocol server over standard input and output, so that agents share a project.

Each tool is one method of the interface, with that method's own parameters (less those of no use to an agent)
and its answer as it is.  It never offers `component.exec`: an agent runs what is in the configuration, or
nothing.  With `read_only` nothing that changes anything is offered at all.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import mcp_types as mcp
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from msgspec import Struct

from .. import __version__
from ..client.aio import AsyncClient
from ..client.described import parameters_schema
from ..client.errors import DaemonNotRunning, RoostError
from ..platform.paths import ProjectPaths
from . import bringup, status_view
from .faults import Fault


class Tool(Struct, frozen=True, kw_only=True):
    """One tool.  `destructive`: what runs may end by it; `left_out`: parameters that are not offered."""

    method: str
    text: str
    changes: bool = False
    destructive: bool = False
    left_out: tuple[str, ...] = ("wait",)


TOOLS = {
    "status": Tool(
        method="project.status", text="Every component: state, readiness, reason, ports, restarts."
    ),
    "why": Tool(method="component.why", text="Why a component is not ready, down to the root of it."),
    "logs": Tool(
        method="logs.query",
        text="What components have written, merged by time, newest last. Start with few lines, or with grep.",
    ),
    "events": Tool(
        method="events.query", text="What happened: starts, exits, restarts with reason, probes, reloads."
    ),
    "start": Tool(
        method="component.start",
        text="Start components and what they need, and wait until they are ready. Without names: the whole "
        "project, and Roost itself if it does not run. What runs already is left as it is.",
        changes=True,
    ),
    "stop": Tool(
        method="component.stop",
        text="Stop components; others may be using them, also people and other agents.",
        changes=True,
        destructive=True,
    ),
    "restart": Tool(
        method="component.restart",
        text="Stop components and start them again.",
        changes=True,
        destructive=True,
    ),
    "reload": Tool(
        method="config.reload",
        text="Apply roost.yaml as it is now; what changed is restarted, what is gone is stopped. "
        "Use dry_run first to see what would happen.",
        changes=True,
        destructive=True,
    ),
}
"""Name → tool, in the order in which an agent reads them."""

_PATIENCE = 60.0
"""Seconds that `start` waits where the agent does not say."""


def serve(paths: ProjectPaths, read_only: bool) -> None:
    """Answer until standard input ends."""
    asyncio.run(_serve(Desk(paths, read_only)))


async def _serve(desk: Desk) -> None:
    server: Server[Any] = Server(
        "roost",
        version=__version__,
        instructions=f"Roost runs the local stack of the project in {desk.root}. Look at status first; `why` "
        "explains what is not ready, `logs` shows what a component wrote.",
        on_list_tools=desk.list_tools,
        on_call_tool=desk.call_tool,
    )
    async with desk, stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


class Desk:
    """Takes an agent's calls to the daemon and brings the answers back."""

    def __init__(self, paths: ProjectPaths, read_only: bool) -> None:
        self.root = paths.root
        self._paths = paths
        self._client = AsyncClient(paths)
        self._offered = {name: tool for name, tool in TOOLS.items() if not (read_only and tool.changes)}

    async def __aenter__(self) -> Desk:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def list_tools(self, _context: object, _params: object) -> mcp.ListToolsResult:
        """What is offered."""
        return mcp.ListToolsResult(tools=[_described(name, tool) for name, tool in self._offered.items()])

    async def call_tool(self, _context: object, params: mcp.CallToolRequestParams) -> mcp.CallToolResult:
        """Carry out one call; what goes wrong is an answer, too, with what to do about it."""
        if params.name not in self._offered:
            return _failure(
                f"there is no tool {params.name!r} here", f"there are: {', '.join(self._offered)}"
            )
        tool, arguments = self._offered[params.name], dict(params.arguments or {})
        unknown = arguments.keys() - _properties(params.name, tool).keys()
        if unknown:
            return _failure(f"{params.name} has no parameter {min(unknown)!r}", None)
        try:
            return _success(await self._ask(params.name, tool, arguments))
        except RoostError as error:
            return _failure(error.message, _hint(error))
        except Fault as fault:
            return _failure(fault.message, fault.hint)

    async def _ask(self, name: str, tool: Tool, arguments: dict[str, Any]) -> Any:
        if name == "status":
            return (await _aside(partial(status_view.snapshot_or_last_known, self._paths)))[0]
        if name != "start":
            return await self._client.call(tool.method, arguments)
        await _aside(partial(bringup.ensure, self._paths))
        method = tool.method if arguments.get("names") else "project.up"
        return await self._client.call(method, {"timeout": _PATIENCE, **arguments})


async def _aside(work: partial[Any]) -> Any:
    """What blocks runs beside the loop, so that other calls go on."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _described(name: str, tool: Tool) -> mcp.Tool:
    return mcp.Tool(
        name=name,
        description=tool.text,
        input_schema={
            "type": "object",
            "properties": _properties(name, tool),
            "required": _required(name, tool),
            "additionalProperties": False,
        },
        annotations=mcp.ToolAnnotations(
            read_only_hint=not tool.changes, destructive_hint=tool.destructive, open_world_hint=False
        ),
    )


def _properties(name: str, tool: Tool) -> dict[str, Any]:
    fields: dict[str, Any] = parameters_schema(tool.method).get("properties", {})
    offered = {field: schema for field, schema in fields.items() if field not in tool.left_out}
    if name == "start":
        offered["names"] = {"type": "array", "items": {"type": "string"}, "default": []}
    return offered


def _required(name: str, tool: Tool) -> list[str]:
    required: list[str] = parameters_schema(tool.method).get("required", [])
    return [] if name == "start" else required


def _success(answer: Any) -> mcp.CallToolResult:
    content = mcp.TextContent(type="text", text=json.dumps(answer, ensure_ascii=False))
    structured = answer if isinstance(answer, dict) else None
    return mcp.CallToolResult(content=[content], structured_content=structured)


def _failure(message: str, hint: str | None) -> mcp.CallToolResult:
    text = message + (f"\n{hint}" if hint else "")
    return mcp.CallToolResult(content=[mcp.TextContent(type="text", text=text)], is_error=True)


def _hint(error: RoostError) -> str | None:
    if isinstance(error, DaemonNotRunning):
        return "the tool `start` without names brings the project up (or a person does, with: roost up)"
    return error.hint
