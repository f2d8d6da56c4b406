"""Prints `waiting` until FILE appears, then `open`, and stays: `gate.py FILE` (`--end`: exits 0)."""

import pathlib
import sys
import time

print("waiting", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
print("open", flush=True)
while "--end" not in sys.argv:
    time.sleep(60)
