"""Prints `out 1`, `err 1`, `out 2` … on both streams; `--rate` pairs a second (0: as fast as it can)."""

import argparse
import itertools
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=20.0, help="pairs a second")
parser.add_argument("--count", type=int, default=0, help="end after so many pairs (0: never)")
parser.add_argument("--streams", choices=["both", "out", "err"], default="both")
options = parser.parse_args()

begun = time.monotonic()
for number in itertools.count(1):
    if options.streams != "err":
        print("out", number, flush=True)
    if options.streams != "out":
        print("err", number, file=sys.stderr, flush=True)
    if number == options.count:
        break
    if options.rate:
        time.sleep(max(0.0, begun + number / options.rate - time.monotonic()))
