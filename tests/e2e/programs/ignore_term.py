"""Ignores TERM, INT and HUP, says so, and stays until it is killed."""

import signal
import time

for name in ("SIGTERM", "SIGINT", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
print("ignoring TERM", flush=True)
while True:
    time.sleep(60)
