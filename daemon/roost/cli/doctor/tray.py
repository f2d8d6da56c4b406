"""What the tray finds around it: it is asked itself, in a process of its own, because only it knows toolkits."""

from __future__ import annotations

import json
import os
import subprocess

from ...platform import doors, programs
from .finding import Finding, note

_PATIENCE = 20.0


def findings() -> list[Finding]:
    """Notes alone: no project needs a tray."""
    try:
        done = subprocess.run(
            [*programs.tray_argv(), "--doctor"],
            env=doors.outside(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
        )
        return [Finding(**found) for found in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError) as error:
        return [note("tray", f"it cannot be asked: {error}")]
    except (ValueError, TypeError):
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return [
            note(
                "tray",
                f"it cannot be asked: {last}",
                "install Roost anew: pip install --force-reinstall roost",
            )
        ]
