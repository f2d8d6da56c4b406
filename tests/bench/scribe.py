"""A component for the benchmark of reading: `scribe.py flood MEGABYTES` or `scribe.py clock SECONDS`.

flood: so many megabytes of 100-byte lines at once, a pause, then 1,000 lines more.  clock: for ever, each so
many seconds, a line with the monotonic time in nanoseconds.  Both then sleep.
"""

import os
import sys
import time

what, amount = sys.argv[1], float(sys.argv[2])
if what == "flood":
    block = (b"." * 99 + b"\n") * 655
    left = int(amount * (1 << 20))
    while left > 0:
        left -= os.write(1, block)
    time.sleep(1)
    for number in range(1000):
        os.write(1, b"after %d\n" % number)
while what == "clock":
    os.write(1, b"%d\n" % time.monotonic_ns())
    time.sleep(amount)
while True:
    time.sleep(3600)
