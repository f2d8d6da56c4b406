"""Writes N MiB of numbered lines of 100 bytes to stdout as fast as it can: `flood.py N [--stay]`."""

import os
import sys
import time

wanted = int(float(sys.argv[1]) * (1 << 20)) // 100
number = 0
while number < wanted:
    lines = range(number, min(number + 655, wanted))  # just under 64 KiB a write
    block = b"".join(b"%012d %s\n" % (line, b"." * 86) for line in lines)
    view = memoryview(block)
    while view:
        view = view[os.write(1, view) :]
    number = lines[-1] + 1
if "--stay" in sys.argv:
    while True:
        time.sleep(60)
