"""Closes every descriptor above 2, as careful daemons do (so it loses an inherited lock), then counts."""

import os
import time

os.closerange(3, 4096)
number = 0
while True:
    number += 1
    print("out", number, flush=True)
    time.sleep(0.1)
