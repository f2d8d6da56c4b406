"""A component that writes lines of 100 bytes as fast as it can: `flood.py NAME FIFO MEGABYTES`.

Says into the FIFO that it is there, waits until FIFO.go exists, says that it begins, and sleeps at its end.
"""

import os
import sys
import time

name, fifo, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
block = (b"." * 99 + b"\n") * 655  # just under 64 KiB


def say(word: str) -> None:
    with open(fifo, "w") as file:
        file.write(f"{os.getpid()} {name}-{word}\n")


say("there")
while not os.path.exists(fifo + ".go"):
    time.sleep(0.005)
say("begin")
left = megabytes << 20
while left:
    left -= os.write(1, block[:left])
while True:
    time.sleep(3600)
