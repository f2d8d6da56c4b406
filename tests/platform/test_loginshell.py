"""The environment of a login shell: what the profile sets, not what it prints."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from roost.platform.loginshell import login_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no login shell")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user's, whose shell is sh."""
    return {"HOME": str(tmp_path), "SHELL": "/bin/sh", "PATH": os.environ["PATH"], "DISPLAY": ":0"}


def test_the_profile_is_read_and_its_chatter_is_not(environ: dict[str, str], tmp_path: Path) -> None:
    """Values may have several lines; what the shell sets for itself is left out."""
    (tmp_path / ".profile").write_text(
        "echo welcome; echo A=1\nexport TOOLS='one\ntwo'\nexport PATH=/opt/x:$PATH\n"
    )
    found = login_environment(environ)
    assert found["TOOLS"] == "one\ntwo"
    assert found["PATH"].startswith("/opt/x:")
    assert found["DISPLAY"] == ":0"
    assert not {"A", "SHLVL", "_", "PWD"} & found.keys()


@pytest.mark.parametrize("profile", ["exit 3\n", "sleep 60\n", "exec false\n"])
def test_a_profile_that_breaks_leaves_things_as_they_are(
    profile: str, environ: dict[str, str], tmp_path: Path
) -> None:
    """One that ends, or never does, costs no more than the time it is given."""
    (tmp_path / ".profile").write_text(profile)
    assert login_environment(environ, timeout=1.0) == environ


def test_a_shell_that_is_missing_leaves_things_as_they_are(environ: dict[str, str]) -> None:
    """The user may have removed it."""
    environ["SHELL"] = "/no/such/shell"
    assert login_environment(environ) == environ
