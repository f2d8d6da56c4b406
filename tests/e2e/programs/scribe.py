"""Writes `out 1 xxx`, `err 1 xxx` … : lines of random lengths, at random moments, `--count` on each stream.

`--cut`: in pieces that end anywhere in a line.  Ends with exit code 1; run `--runs` stays.
"""

import argparse
import os
import random
import time

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--count", type=int, required=True)
parser.add_argument("--cut", action="store_true")
parser.add_argument("--runs", type=int, default=1)
options = parser.parse_args()

run = int(os.environ["ROOST_RUN"])
chance = random.Random(options.seed * 1000 + run)
number = {1: 0, 2: 0}
rest = {1: b"", 2: b""}


def write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


while any(done < options.count for done in number.values()):
    fd = chance.choice([fd for fd, done in number.items() if done < options.count])
    for _ in range(min(chance.choice((1, 1, 2, 20)), options.count - number[fd])):
        number[fd] += 1
        word = b"out" if fd == 1 else b"err"
        line = b"%s %d %s\n" % (word, number[fd], b"x" * chance.randrange(chance.choice((5, 100, 3000))))
        if options.cut:
            rest[fd] += line
        else:
            write(fd, line)
    cut = chance.randrange(len(rest[fd]) + 1)
    write(fd, rest[fd][:cut])
    rest[fd] = rest[fd][cut:]
    if chance.random() < 0.1:
        time.sleep(chance.uniform(0, 0.05))
for fd, data in rest.items():
    write(fd, data)
if run >= options.runs:
    time.sleep(3600)
raise SystemExit(1)
