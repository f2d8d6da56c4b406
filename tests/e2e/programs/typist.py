"""At a terminal: tells its size, answers each line, says so at Ctrl-C, and counts what it is asked to."""

from __future__ import annotations

import os
import signal
import sys


def tell_size(*_: object) -> None:
    size = os.get_terminal_size(0)
    print(f"size {size.columns}x{size.lines}", flush=True)


signal.signal(signal.SIGWINCH, tell_size)
signal.signal(signal.SIGHUP, lambda *_: print("hung up", flush=True))
print("typist ready", os.isatty(0), flush=True)
while True:
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        continue
    word, _, number = line.strip().partition(" ")
    if word == "count":
        for each in range(int(number)):
            print(f"line {each}")
        print("counted", flush=True)
    elif word == "end":
        sys.exit(int(number))
    else:
        print(f"heard {line.strip()}", flush=True)
