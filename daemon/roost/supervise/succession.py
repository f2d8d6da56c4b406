"""A keeper that has died is replaced by its daemon, which then makes room for the new keeper's own (P2)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from ..edges.handover import replace_keeper
from ..platform.detach import StartFailed

if TYPE_CHECKING:
    from .daemon import Daemon

_LONGEST_PAUSE = 5.0
"""Seconds between two attempts."""


async def replace(daemon: Daemon) -> None:
    """Start another keeper, hand over what we hold, and leave; in the middle of an end those two go on with it.

    Tries until it works: without a keeper nothing can be started or stopped.
    """
    await daemon.saver.flush()
    held, delay = daemon.world.held(), 0.0
    while not daemon.ended.done():
        await daemon.clock.sleep_until(daemon.clock.now() + delay)
        delay = min(delay * 2 or 0.1, _LONGEST_PAUSE)
        work = partial(
            replace_keeper,
            daemon.paths,
            daemon.world.base,
            daemon.environment.value,
            held,
            daemon.world.masters,
            daemon.notifying.sockets,
            daemon.configuration.remembered,
            daemon.ending.begun,
        )
        try:
            pid = await asyncio.get_running_loop().run_in_executor(None, work)
        except (OSError, StartFailed) as error:
            daemon.log.error("no other keeper could be started", why=error)
            continue
        daemon.log.info("another keeper is there; its own daemon goes on", keeper=pid)
        daemon.go()
