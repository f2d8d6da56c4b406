"""`roost doctor` and the container engine: who answers, or why nobody does (S7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.calling import roost
from roost.platform.engines import candidates, is_usable
from roost.platform.paths import ProjectPaths
from support.engine import RealEngine

Capture = pytest.CaptureFixture[str]


def _with(paths: ProjectPaths, component: dict[str, object]) -> None:
    Path(paths.config).write_text(json.dumps({"version": 1, "components": {"one": component}}))


def _finding(capsys: Capture) -> dict[str, str] | None:
    found = json.loads(roost(capsys, "doctor", "--json").out)["findings"]
    return next((each for each in found if each["layer"] == "engine"), None)


def test_an_engine_that_is_missing_is_a_problem(
    paths: ProjectPaths, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where it was looked for, why, what to do, and what that means; not looked for where nobody needs one."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    _with(paths, {"run": ["true"]})
    assert _finding(capsys) is None
    _with(paths, {"image": "redis:7"})
    finding = _finding(capsys)
    assert finding is not None and finding["status"] == "problem"
    assert f"{tmp_path}/none.sock (DOCKER_HOST): there is no such socket" in finding["message"]
    assert "start Docker" in finding["message"] and "containers of this project wait" in finding["advice"]


def test_an_engine_that_answers_is_named(
    paths: ProjectPaths, capsys: Capture, monkeypatch: pytest.MonkeyPatch, container_engine: RealEngine
) -> None:
    """Name, version, where it is."""
    monkeypatch.setenv("DOCKER_HOST", container_engine.host)
    _with(paths, {"image": "redis:7"})
    finding = _finding(capsys)
    assert finding is not None and finding["status"] == "ok"
    assert finding["message"].startswith(f"{container_engine.kind.capitalize()} ") and finding[
        "message"
    ].endswith(container_engine.host)


def test_podmans_socket_is_found_where_it_is(
    paths: ProjectPaths,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    container_engine: RealEngine,
    tmp_path: Path,
) -> None:
    """A rootless Podman's socket, with nothing set: the engine there answers, and is named with its place."""
    if is_usable(candidates({}, str(tmp_path))[0]):
        pytest.skip("Docker's own socket is there, and comes first")
    place = tmp_path / "run" / "podman"
    place.mkdir(parents=True)
    (place / "podman.sock").symlink_to(container_engine.host.removeprefix("unix://"))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    _with(paths, {"image": "redis:7"})
    finding = _finding(capsys)
    assert finding is not None and finding["status"] == "ok", finding
    assert finding["message"].startswith(f"{container_engine.kind.capitalize()} ")
    assert finding["message"].endswith(f"unix://{place}/podman.sock")
