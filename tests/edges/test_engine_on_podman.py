"""All that is tested on Docker, on Podman: in a network namespace of its own, as build/engine.sh wants it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import engine

TESTS = Path(__file__).resolve().parents[1]
WHAT = ("edges/test_engine_*.py", "e2e/test_container*.py", "cli/test_engine_doctor.py")


@pytest.mark.slow
def test_what_holds_on_docker_holds_on_podman() -> None:
    """P11, P12: the same tests of containers, on the other engine (some minutes; build/test.sh --all)."""
    if engine.KIND == "podman":
        pytest.skip("these are the tests on Podman")
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("podman") is None:
        pytest.skip("it needs Linux, root and Podman (ROOST_TEST_ENGINE_KIND=podman build/engine.sh install)")
    files = sorted(str(path) for pattern in WHAT for path in TESTS.glob(pattern))
    command = 'ip link set lo up && exec "$@"'
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *files]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "ROOST_TEST"))}
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", command, "sh", *tests],
        env={**kept, "ROOST_TEST_ENGINE_KIND": "podman"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
