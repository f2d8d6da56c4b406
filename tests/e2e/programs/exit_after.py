"""Ends with code CODE after SECONDS, saying so: `exit_after.py CODE SECONDS`; a negative code is a signal."""

import os
import sys
import time

code, seconds = int(sys.argv[1]), float(sys.argv[2])
print(f"ending with {code} in {seconds:g} s", flush=True)
time.sleep(seconds)
print("last words", file=sys.stderr, flush=True)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
