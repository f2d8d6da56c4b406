"""Watched files against the real system: folders, files that are replaced, things that come and go."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from roost.edges.filewatch import FileWatch

Scene = Callable[["Seen"], Awaitable[None]]


class Seen:
    """What was reported; `wait` pokes until a path is among it, since a watching has no sign that it has begun."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.troubles: list[str] = []

    async def wait(self, poke: Callable[[], object], path: Path) -> None:
        for _ in range(600):
            poke()
            await asyncio.sleep(0.1)
            if str(path) in self.paths:
                return
        raise AssertionError(f"{path} was not reported; seen: {sorted(self.paths)}")


def play(paths: list[Path], scene: Scene) -> Seen:
    async def whole() -> Seen:
        seen = Seen()
        watch = FileWatch(map(str, paths), seen.paths.update, seen.troubles.append)
        try:
            await scene(seen)
        finally:
            watch.stop()
        return seen

    return asyncio.run(whole())


def test_a_folder_is_watched_with_all_below_it(tmp_path: Path) -> None:
    """Also what lies deep, and folders that are made later."""
    (tmp_path / "src").mkdir()
    deep = tmp_path / "src" / "a" / "b"

    async def scene(seen: Seen) -> None:
        await seen.wait(lambda: (tmp_path / "src" / "top").write_text("x"), tmp_path / "src" / "top")
        deep.mkdir(parents=True)
        await seen.wait(lambda: (deep / "file").write_text("x"), deep / "file")

    play([tmp_path / "src"], scene)


def test_a_file_is_noticed_also_when_it_is_replaced(tmp_path: Path) -> None:
    """Editors write beside it and rename; the next save counts, too."""
    target = tmp_path / "settings.ini"
    target.write_text("1")

    def replace() -> None:
        (tmp_path / "new").write_text("2")
        (tmp_path / "new").replace(target)

    async def scene(seen: Seen) -> None:
        for _ in range(2):
            seen.paths.clear()
            await seen.wait(replace, target)

    play([target], scene)


def test_what_is_not_there_yet_is_watched_when_it_comes(tmp_path: Path) -> None:
    """A build's folder may be made later, and be emptied and made again."""
    built = tmp_path / "out" / "dist"

    def build() -> None:
        built.mkdir(parents=True, exist_ok=True)
        (built / "app.js").write_text("x")

    async def scene(seen: Seen) -> None:
        for _ in range(2):
            seen.paths.clear()
            await seen.wait(build, built / "app.js")
            shutil.rmtree(tmp_path / "out")

    play([built], scene)


def test_what_comes_before_the_watching_has_begun_is_not_overlooked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder around it is watched when it is already there, and nobody touches it again."""
    built = tmp_path / "out" / "dist"
    watch = watchfiles.watch

    def slow_to_begin(*folders: str, **options: Any) -> Iterator[Any]:
        if not built.exists():
            built.mkdir(parents=True)
        return watch(*folders, **options)

    monkeypatch.setattr(watchfiles, "watch", slow_to_begin)

    async def scene(seen: Seen) -> None:
        await seen.wait(lambda: None, built)
        await seen.wait(lambda: (built / "app.js").write_text("x"), built / "app.js")

    play([built], scene)


def test_after_stop_nothing_is_reported(tmp_path: Path) -> None:
    """A change that is under way when the watching ends never arrives."""

    async def whole() -> None:
        seen = Seen()
        watch = FileWatch([str(tmp_path)], seen.paths.update, seen.troubles.append)
        await seen.wait(lambda: (tmp_path / "a").write_text("x"), tmp_path / "a")
        (tmp_path / "b").write_text("x")
        watch.stop()
        await asyncio.sleep(0.5)
        assert str(tmp_path / "b") not in seen.paths

    asyncio.run(whole())
