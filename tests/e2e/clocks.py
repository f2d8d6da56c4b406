"""A wall clock of a project's own, which a test may step; the machine's own is left alone."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from e2e.harness import ProjectUnderTest

SOURCE = Path(__file__).parent / "programs" / "wallclock.c"


class WallClock:
    """The wall clock of all that a project starts, on Linux, where there is a C compiler and it is wanted."""

    def __init__(self, project: ProjectUnderTest, wanted: bool) -> None:
        self._file = project.home / "clock"
        compiler = shutil.which("cc")
        self.can_step = wanted and compiler is not None and sys.platform == "linux"
        if not self.can_step or compiler is None:
            return
        library = project.home / "wallclock.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        self._file.write_bytes(struct.pack("d", 0.0))
        project.env |= {"LD_PRELOAD": str(library), "ROOST_TEST_CLOCK": str(self._file)}

    def step(self, seconds: float) -> None:
        """From now on it is so far from the truth, in every process at once."""
        file = os.open(self._file, os.O_WRONLY)
        try:
            os.pwrite(file, struct.pack("d", seconds), 0)
        finally:
            os.close(file)
