"""A component that prints `PID NUMBER` 200 times a second: `counter.py NAME FIFO FOLDER`.

FOLDER/NAME.PID holds the last number that was written without an error, so that lost lines can be counted.
"""

import itertools
import os
import sys
import time

name, fifo, folder = sys.argv[1:]
with open(fifo, "w") as file:
    file.write(f"{os.getpid()} {name}\n")
count = os.open(f"{folder}/{name}.{os.getpid()}", os.O_WRONLY | os.O_CREAT, 0o644)
for number in itertools.count(1):
    os.write(1, f"{os.getpid()} {number}\n".encode())
    os.pwrite(count, b"%20d" % number, 0)
    time.sleep(0.005)
