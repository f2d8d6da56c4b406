"""What the tray knows of a project between the words of its daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roost.client.shapes import Color, StatusChanged
from roost.platform import identity
from roost.platform.paths import project_paths
from roost_tray.link import absence, mark_of, merged
from roost_tray.world import Presence
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
