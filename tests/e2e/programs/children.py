"""Starts N children that each hold M MiB, prints `child PID` for each, and stays: `children.py N M`."""

import subprocess
import sys
import time

count, megabytes = int(sys.argv[1]), int(sys.argv[2])
held = f"import time; block = bytearray(b'x') * ({megabytes} << 20); time.sleep(3600)"
children = [subprocess.Popen([sys.executable, "-c", held]) for _ in range(count)]
for child in children:
    print("child", child.pid, flush=True)
while True:
    time.sleep(60)
