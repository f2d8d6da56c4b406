"""The whole of Roost on Windows' Python under Wine: command, daemon and keeper, as a user drives them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wine.test_keeper_smoke import ROOT, windows_python

pytestmark = pytest.mark.wine

CONFIG = """
version: 1
name: shop
components:
  api:
    run: "echo hello & ping -n 100 127.0.0.1 >nul"
    stop: {timeout: 500ms}
  migrate: {type: task, run: [cmd.exe, /d, /c, echo migrated], depends_on: [api]}
"""

Roost = Callable[..., str]


@pytest.fixture
def roost(tmp_path: Path) -> Iterator[Roost]:
    """Runs the command in a project of its own; its standard output.  The project is brought down."""
    command = windows_python()
    (tmp_path / "roost.yaml").write_text(CONFIG)
    prefix = "" if os.name == "nt" else "Z:"
    environ = {**os.environ, "PYTHONPATH": f"{prefix}{ROOT / 'daemon'}", "PYTHONUTF8": "1"}

    def run(*arguments: str, code: int = 0) -> str:
        argv = [*command, "-B", "-P", "-m", "roost.cli", "-C", f"{prefix}{tmp_path}", *arguments]
        done = subprocess.run(
            argv, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    yield run
    run("down")


def component(status: str, name: str) -> dict[str, Any]:
    """One component of `status --json`."""
    found: list[dict[str, Any]] = json.loads(status)["components"]
    return next(each for each in found if each["name"] == name)


def test_a_stack_comes_up_survives_its_daemon_and_goes_down(roost: Roost) -> None:
    """`up`, `status`, `logs`, `restart`, another daemon beside the same component, `down` (S1, S22, P1)."""
    roost("up", "--timeout", "180s")
    first = component(roost("status", "--json"), "api")
    assert (first["state"], first["run"]) == ("running", 1)
    assert component(roost("status", "--json"), "migrate")["state"] == "completed"
    assert "hello" in roost("logs", "api")
    roost("restart", "api")
    second = component(roost("status", "--json"), "api")
    assert (second["state"], second["run"]) == ("running", 2)
    roost("daemon", "restart")
    assert component(roost("status", "--json"), "api")["pid"] == second["pid"]
    roost("down")
    roost("status", code=3)
