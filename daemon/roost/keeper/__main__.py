"""`python -I -S …/roost/keeper ROOT STATE RUN -- DAEMON_ARGV…`: isolated, so it finds its own package itself.

Detaching comes before all other imports: it closes every descriptor that is not ours.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from roost.platform import detach

if __name__ == "__main__":
    status = detach.finish_detaching(os.environ)
    from roost.keeper.main import main

    os._exit(main(sys.argv[1:], status))  # at once: whoever waits for our end need not wait for tidiness
