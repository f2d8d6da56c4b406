"""At a terminal: tells its size, answers each line, says so at Ctrl-C, and counts what it is asked to."""

from __future__ import annotations

import os
import signal
import sys


def say(text: str) -> None:
    """Whole and at once, also from within a handler."""
    os.write(1, text.encode() + b"\n")


def tell_size(*_: object) -> None:
    size = os.get_terminal_size(0)
    say(f"size {size.columns}x{size.lines}")


signal.signal(signal.SIGWINCH, tell_size)
signal.signal(signal.SIGINT, lambda *_: say("interrupted"))  # wherever it finds us
signal.signal(signal.SIGHUP, lambda *_: say("hung up"))
say(f"typist ready {os.isatty(0)}")
while True:
    line = sys.stdin.readline()
    word, _, number = line.strip().partition(" ")
    if word == "count":
        print(*(f"line {each}" for each in range(int(number))), sep="\n", flush=True)
        say("counted")
    elif word == "end":
        sys.exit(int(number))
    else:
        say(f"heard {line.strip()}")
