"""Forks twice into a new session, as old daemons do; prints `grandchild PID` and stays (`--leave`: ends)."""

import os
import sys
import time

reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.write(writing, str(os.getpid()).encode())
    while True:
        time.sleep(60)
os.waitpid(child, 0)
print("grandchild", os.read(reading, 20).decode(), flush=True)
if "--leave" not in sys.argv:
    while True:
        time.sleep(60)
