"""What a configuration may ask for and this system cannot do.  Says so; does nothing."""

from __future__ import annotations

import sys


def lacking(system: str = sys.platform) -> frozenset[str]:
    """The abilities that a system lacks, by the names of `config.lacking`.

    `notify`: Unix datagram sockets in the file system; `tty`: pseudo-terminals that outlive who made them.
    Windows has neither.
    """
    return frozenset({"notify", "tty"}) if system == "win32" else frozenset()
