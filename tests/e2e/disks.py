"""Small disks that tests may fill."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from e2e.harness import ProjectUnderTest

ROOT = os.name == "posix" and os.getuid() == 0


class mounted:
    """A small tmpfs at a folder while the block lasts; skips where nothing can be mounted."""

    def __init__(self, folder: Path, options: str) -> None:
        self.folder, self.options = folder, options

    def __enter__(self) -> Path:
        if not ROOT:
            pytest.skip("needs root to mount a small disk")
        argv = ["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.folder)]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"this machine forbids mounts: {done.stderr.strip()}")
        return self.folder

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


def fill(project: ProjectUnderTest) -> None:
    """Take every byte that is left."""
    with open(project.root / "ballast", "ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65536)
        except OSError:
            pass
        try:
            while True:
                file.write(b"x")
        except OSError:
            pass
