"""What the tray knows of a project between the words of its daemon."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from roost.client import register
from roost.client.shapes import Color, ProjectStatus, StatusChanged
from roost.platform import identity
from roost.platform.paths import project_paths
from roost_tray import link
from roost_tray.link import absence, mark_of, merged
from roost_tray.world import Presence
from support.virtual_loop import run_virtual
from tray.scenes import SHOP, component


def test_a_change_is_taken_into_the_status() -> None:
    """What changed is replaced in its place, what is new comes last, what is gone is gone."""
    assert SHOP.status is not None
    api = component("api", reason="running again")
    news = StatusChanged(color=Color.GREEN, components=[component("new"), api], removed=["mail", "db"])
    after = merged(SHOP.status, news)
    assert [one.name for one in after.components] == ["migrate", "api", "web_ui", "R&D", "ollama", "new"]
    assert after.components[1] == api
    assert after.color is Color.GREEN
    assert after.project == SHOP.status.project


@pytest.mark.parametrize(
    ("content", "presence"),
    [
        (None, Presence.STOPPED),
        (json.dumps({"boot_id": "another boot"}), Presence.STOPPED),
        ("{", Presence.STOPPED),
        ("[]", Presence.STOPPED),
        ("mine", Presence.UNREACHABLE),
    ],
)
def test_a_daemon_that_ended_in_order_leaves_no_announcement(
    content: str | None, presence: Presence, tmp_path: Path
) -> None:
    """One of this boot is of a daemon that was killed; any other says nothing."""
    paths = project_paths(str(tmp_path), {})
    if content is not None:
        (tmp_path / ".roost").mkdir()
        text = json.dumps({"boot_id": identity.boot_id()}) if content == "mine" else content
        Path(paths.daemon_json).write_text(text)
    assert absence(paths) is presence


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    """By inode, time or size; a file that is not there is a state as well."""
    path = tmp_path / "projects.json"
    assert mark_of(str(path)) is None
    path.write_text("{}")
    before = mark_of(str(path))
    new = tmp_path / "new"
    new.write_text("{}")
    new.replace(path)
    assert mark_of(str(path)) != before


class _News:
    """A stream that says what it is told to."""

    def __init__(self, queue: asyncio.Queue[Any]) -> None:
        self._queue = queue

    async def __aenter__(self) -> _News:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.close()

    def __aiter__(self) -> _News:
        return self

    async def __anext__(self) -> object:
        return await self._queue.get()

    def close(self) -> None:
        """Nothing is open."""


class _Daemon:
    """What an `AsyncClient` is to the tray: its stream says what `news` brings, its answers wait for `answer`."""

    def __init__(self) -> None:
        assert SHOP.status is not None
        self.status: ProjectStatus = SHOP.status
        self.news: asyncio.Queue[Any] = asyncio.Queue()
        self.news.put_nowait(self.status)
        self.answer = asyncio.Event()
        self.asked = 0

    def __call__(self, *_paths: object, **_options: object) -> _Daemon:
        return self

    async def status_stream(self) -> _News:
        return _News(self.news)

    async def project_status(self) -> ProjectStatus:
        status, self.asked = self.status, self.asked + 1
        await self.answer.wait()
        return status

    async def close(self) -> None:
        """Nothing is open."""


def test_an_answer_that_news_have_overtaken_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P15: a crash while the menu asks for everything: the icon does not go back to what was before it."""
    monkeypatch.setattr(register, "register_path", lambda: str(tmp_path / "projects.json"))
    (tmp_path / "roost.yaml").touch()
    register.remember("shop", str(tmp_path))

    async def scenario() -> None:
        daemon = _Daemon()
        monkeypatch.setattr(link, "AsyncClient", daemon)
        following = link.Following(lambda world: None, {})
        following.glance()
        await asyncio.sleep(0.1)
        asking = asyncio.ensure_future(following.refresh())
        await asyncio.sleep(0.1)
        crashed = component("api", state="failed", ready=False, reason="exit code 1", pid=None)
        news = StatusChanged(color=Color.RED, components=[crashed])
        daemon.status = merged(daemon.status, news)
        daemon.news.put_nowait(news)
        await asyncio.sleep(0.1)
        daemon.answer.set()
        await asking
        (project,) = following.world.projects
        assert project.status == daemon.status and daemon.status.color is Color.RED
        assert daemon.asked == 2

    run_virtual(scenario())
