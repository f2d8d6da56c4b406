"""What the tests of the command share: a project folder of their own, and a daemon that is only an act."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.fake_daemon import FakeDaemon
from roost.platform.paths import ProjectPaths, project_paths

CONFIG = """\
version: 1
name: shop
components:
  db: {run: sleep 60}
  api: {run: sleep 60, depends_on: [db]}
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder with a short path (sockets lie below it), and no setting of the one who runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="rc-"))
    for name in list(os.environ):
        if name.startswith(("ROOST_", "XDG_")) or name in ("NO_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def paths(home: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectPaths:
    """A project with two components, in which the command is called; nothing runs."""
    root = home / "shop"
    root.mkdir()
    (root / "roost.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(root)
    return project_paths(str(root), os.environ)


@pytest.fixture
def daemon(paths: ProjectPaths) -> Iterator[FakeDaemon]:
    """Somebody who answers for that project."""
    with contextlib.closing(FakeDaemon(paths)) as fake:
        yield fake
