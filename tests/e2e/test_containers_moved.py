"""Projects with containers that are moved and copied, and containers that write as fast as they can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.containers_rig import SLEEPER, Contained
from e2e.harness import ProjectUnderTest, copy_tree, eventually
from support.engine import RealEngine

PATIENCE = 60.0
FLOOD = 300_000
MEGABYTE = 1024 * 1024


@pytest.fixture
def contained(project: ProjectUnderTest, container_engine: RealEngine) -> Contained:
    """A project on the engine."""
    return Contained(project, container_engine)


def containers_of(project: ProjectUnderTest, place: Path) -> dict[str, tuple[str, int]]:
    """Id and run of each component, as the project at `place` says."""
    done = project.roost("-C", place, "status", "--json", check=True, cwd=place)
    return {one["name"]: (one["container"], one["run"]) for one in json.loads(done.out)["components"]}


def everything(contained: Contained) -> list[Any]:
    client = contained.client()
    try:
        return [
            one["Id"][:12]
            for one in client.api.containers(all=True, filters={"label": "roost.component=box"})
        ]
    finally:
        client.close()


def test_a_moved_project_keeps_its_containers(contained: Contained) -> None:
    """P3b, P11: `mv` while it runs: the same container goes on, and `down` in the new place ends it."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER))
    project.up()
    before = containers_of(project, project.root)
    moved = project.root.with_name("moved")
    project.root.rename(moved)
    try:
        assert containers_of(project, moved) == before
        project.roost("-C", moved, "up", check=True, cwd=moved)
        assert containers_of(project, moved) == before
        project.roost("-C", moved, "down", check=True, cwd=moved)
        assert everything(contained) == []
    finally:
        moved.rename(project.root)
    assert contained.networks() == []


def test_a_copied_project_has_containers_of_its_own(contained: Contained) -> None:
    """P3b, P11: `cp -r` copies what `.roost` knows of them, too; neither touches the other's."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER))
    project.up()
    before = containers_of(project, project.root)
    copy = project.root.with_name("copy")
    copy_tree(project.root, copy)
    project.roost("-C", copy, "up", check=True, cwd=copy)
    other = containers_of(project, copy)
    assert other["box"][0] not in (None, before["box"][0])
    assert sorted(everything(contained)) == sorted([before["box"][0], other["box"][0]])
    project.roost("-C", copy, "down", check=True, cwd=copy)
    assert everything(contained) == [before["box"][0]]
    assert containers_of(project, project.root) == before
    assert contained.events("drift") == []


def test_a_container_that_floods_loses_nothing(contained: Contained) -> None:
    """S19: it writes faster than it is read, and ends; every line is there, and nothing is left of it."""
    project = contained.project
    project.components(
        flood=contained.box("seq", "1", str(FLOOD), type="task", log={"max_size": "64MB"}),
    )
    project.up("--timeout", "120s", timeout=150)
    lines = project.log_lines("flood")
    assert len(lines) == FLOOD and lines == [str(number) for number in range(1, FLOOD + 1)]


def test_a_container_that_floods_delays_nobody(contained: Contained) -> None:
    """P12, P20: commands answer, another restarts, the daemon's memory and the log's size keep their bounds."""
    project = contained.project
    project.components(
        flood=contained.box("yes", "x" * 100, log={"max_size": "1MB", "max_files": 2}),
        other={"run": ["sleep", "600"]},
    )
    project.up()
    eventually(lambda: (project.state / "logs" / "flood.log.2").exists(), timeout=PATIENCE, what="rotations")
    before = resident(project)
    for _ in range(5):
        project.roost("restart", "other", check=True, timeout=PATIENCE)
    assert resident(project) < before + 48 * MEGABYTE
    project.down()
    assert contained.containers() == []


def resident(project: ProjectUnderTest) -> int:
    """Bytes of memory that the daemon has."""
    pid = project.status()["daemon"]["pid"]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
