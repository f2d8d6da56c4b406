"""A mistake of ours in words, for the keeper's log: what was raised, and where.

Instead of the library's `traceback`, which brings seven modules and 0.4 MB into a process that must stay small.
"""

from __future__ import annotations

import os

_MOST = 5  # places, the innermost first


def told(error: BaseException) -> str:
    """`ValueError: why (at file.py:12 in f, from file.py:3 in g)`."""
    places, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} (at {', from '.join(places[: -_MOST - 1 : -1])})"
