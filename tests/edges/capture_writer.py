"""A process that takes one container's output into a log, to be killed at any moment: FOLDER CONTAINER MAX_SIZE."""

from __future__ import annotations

import asyncio
import os
import sys

from roost.edges.engine.api import EngineError
from roost.edges.engine.capture import EngineCapture
from roost.edges.engine.connect import connect


class Silent:
    """Hears everything, says nothing."""

    def grew(self, name: str, size: int) -> None:
        return

    def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
        return

    def capture_failed(self, name: str, error: EngineError) -> None:
        raise error


async def main(folder: str, container: str, max_size: str) -> None:
    capture = EngineCapture(connect(os.environ), folder, Silent())
    capture.start("web", 1, container, int(max_size), 1000)
    await capture.drained("web", 1)
    await capture.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
