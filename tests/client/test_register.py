"""The user's register of projects."""

from __future__ import annotations

import threading
from pathlib import Path

from roost.client import register


def project(folder: Path, name: str) -> str:
    root = folder / name
    root.mkdir()
    (root / "roost.yaml").write_text("version: 1\n", encoding="utf-8")
    return str(root)


def test_a_project_is_listed_once_under_its_newest_name(tmp_path: Path) -> None:
    """The same folder under another name takes the place of its older entry."""
    path = str(tmp_path / "state" / "projects.json")
    root = project(tmp_path, "shop")
    register.remember("old", root, path)
    register.remember("new", root, path)
    assert register.read(path) == [register.Registered(name="new", root=root)]


def test_a_project_whose_folder_is_gone_is_not_listed(tmp_path: Path) -> None:
    """The tray shows no project that cannot be brought up any more."""
    path = str(tmp_path / "projects.json")
    root = project(tmp_path, "shop")
    register.remember("shop", root, path)
    Path(root, "roost.yaml").unlink()
    assert register.read(path) == []


def test_a_damaged_register_is_an_empty_one(tmp_path: Path) -> None:
    """P20: bytes that are no register do not stop `roost projects`, and the next `up` repairs them."""
    path = tmp_path / "projects.json"
    for damage in (b"", b"{", b"[]", b'{"projects": [{"name": 1}]}', b"\xff"):
        path.write_bytes(damage)
        assert register.read(str(path)) == []
    register.remember("shop", project(tmp_path, "shop"), str(path))
    assert [entry.name for entry in register.read(str(path))] == ["shop"]


def test_two_writers_never_lose_an_entry(tmp_path: Path) -> None:
    """S71, S72: twenty `up` of twenty projects at once leave twenty entries."""
    path = str(tmp_path / "projects.json")
    roots = [project(tmp_path, f"p{number}") for number in range(20)]
    threads = [
        threading.Thread(target=register.remember, args=(Path(root).name, root, path)) for root in roots
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {entry.root for entry in register.read(path)} == set(roots)


def test_what_starts_at_login_is_kept_by_the_next_up(tmp_path: Path) -> None:
    """A person's wish is not forgotten because the project is brought up again, under another name even."""
    path = str(tmp_path / "projects.json")
    root = project(tmp_path, "shop")
    register.start_at_login("shop", root, True, path)
    register.remember("store", root, path)
    assert register.read(path) == [register.Registered(name="store", root=root, at_login=True)]
    register.start_at_login("store", root, False, path)
    assert register.read(path) == [register.Registered(name="store", root=root)]
