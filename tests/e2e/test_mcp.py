"""`roost mcp`, driven by the client of the Model Context Protocol's own package."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent, Tool

from e2e.harness import PATIENCE, ProjectUnderTest, roost_command

STAY = [sys.executable, "-c", "import time; print('here I am', flush=True); time.sleep(3600)"]
READING = ["status", "why", "logs", "events"]
ACTING = ["start", "stop", "restart", "reload"]


@pytest.fixture
def stack(project: ProjectUnderTest) -> ProjectUnderTest:
    """Two components, one of which needs the other."""
    project.components(db={"run": STAY}, api={"run": STAY, "depends_on": ["db"]})
    return project


@asynccontextmanager
async def agent(project: ProjectUnderTest, *options: str) -> AsyncIterator[Client]:
    """An agent's session with a server of its own."""
    command, *arguments = [*roost_command(), "mcp", *options]
    server = StdioServerParameters(command=command, args=arguments, env=project.env, cwd=str(project.root))
    async with Client(stdio_client(server)) as client:
        yield client


def converse(talk: Callable[[], Awaitable[None]]) -> None:
    """Run a conversation, within bounds."""

    async def bounded() -> None:
        async with asyncio.timeout(3 * PATIENCE):
            await talk()

    asyncio.run(bounded())


async def entries(client: Client) -> list[str]:
    """What `db` has written."""
    logs = await client.call_tool("logs", {"names": ["db"], "lines": 5})
    return [one["text"] for one in logs.structured_content["entries"]]


def text(answer: CallToolResult) -> str:
    assert isinstance(answer.content[0], TextContent)
    return answer.content[0].text


def test_an_agent_works_on_a_project(stack: ProjectUnderTest) -> None:
    """From nothing running to everything, a look at each thing, and a restart."""

    async def talk() -> None:
        async with agent(stack) as client:
            before = await client.call_tool("status", {})
            assert before.structured_content["daemon"]["running"] is False

            up = await client.call_tool("start", {})
            assert not up.is_error, text(up)
            assert {one["name"]: one["ready"] for one in up.structured_content["components"]} == {
                "db": True,
                "api": True,
            }
            while not (said := await entries(client)):
                await asyncio.sleep(0.05)  # a program may be ready for a while before it says anything
            assert said == ["here I am"]

            stopped = await client.call_tool("stop", {"names": ["db"]})
            assert stopped.structured_content["dependents"] == ["api"]
            why = await client.call_tool("why", {"name": "db"})
            assert why.structured_content["chain"][0]["reason"] == "stopped by request"
            await client.call_tool("start", {"names": ["db"]})
            again = await client.call_tool("restart", {"names": ["db"]})
            assert again.structured_content["components"][0]["run"] == 3

            events = await client.call_tool("events", {"component": "db", "limit": 50})
            assert "exited" in [one["kind"] for one in events.structured_content["events"]]
            plan = await client.call_tool("reload", {"dry_run": True})
            assert sorted(plan.structured_content["unchanged"]) == ["api", "db"]

    converse(talk)
    assert stack.status()["color"] == "green"


def test_tools_say_what_they_may_destroy_and_none_runs_commands(stack: ProjectUnderTest) -> None:
    """readOnlyHint and destructiveHint are what a careful client asks its person by; `exec` is not there."""

    async def talk() -> None:
        async with agent(stack) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == [*READING, *ACTING]
            assert {name for name, tool in tools.items() if hints(tool)[0]} == set(READING)
            assert {name for name, tool in tools.items() if hints(tool)[1]} == {"stop", "restart", "reload"}
            refused = await client.call_tool("component.exec", {"name": "db", "command": ["true"]})
            assert refused.is_error

    converse(talk)


def hints(tool: Tool) -> tuple[bool | None, bool | None]:
    assert tool.annotations is not None
    return tool.annotations.read_only_hint, tool.annotations.destructive_hint


def test_read_only_changes_nothing(stack: ProjectUnderTest) -> None:
    """Not by an offered tool, and not by the name of one that is not offered."""
    stack.up()
    before = stack.pids()

    async def talk() -> None:
        async with agent(stack, "--read-only") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == READING
            for name in ACTING:
                assert (await client.call_tool(name, {"names": ["db"]})).is_error
            assert not (await client.call_tool("status", {})).is_error

    converse(talk)
    assert stack.pids() == before


def test_errors_are_answers_that_say_what_to_do(stack: ProjectUnderTest) -> None:
    """An agent reads them: no daemon, no such component, a parameter that is not there, a broken file."""

    async def talk() -> None:
        async with agent(stack) as client:
            none = await client.call_tool("logs", {})
            assert none.is_error and "`start`" in text(none)
            stack.write("version: 1\ncomponents: {db: {rum: x}}\n")
            broken = await client.call_tool("start", {})
            assert broken.is_error and "roost.yaml:2:" in text(broken)
            stack.components(db={"run": STAY})
            await client.call_tool("start", {})
            wrong = await client.call_tool("why", {"name": "dbb"})
            assert wrong.is_error and "did you mean 'db'" in text(wrong)
            odd = await client.call_tool("logs", {"follow": True})
            assert odd.is_error and "follow" in text(odd)
            vague = await client.call_tool("stop", {})
            assert vague.is_error and "names" in text(vague)

    converse(talk)


def test_several_agents_share_one_project(stack: ProjectUnderTest) -> None:
    """They see the same processes, and one that leaves takes nothing with it."""

    async def talk() -> None:
        async with agent(stack) as first:
            async with agent(stack) as second:
                await asyncio.gather(first.call_tool("start", {}), second.call_tool("start", {}))
                seen = [
                    [
                        one["pid"]
                        for one in (await client.call_tool("status", {})).structured_content["components"]
                    ]
                    for client in (first, second)
                ]
                assert seen[0] == seen[1] and all(seen[0])
            assert not (await first.call_tool("status", {})).is_error

    converse(talk)
    assert stack.status()["color"] == "green"
