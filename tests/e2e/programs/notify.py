"""A service that speaks sd_notify: says what the lines of the file `say` say, one datagram each, as they come."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

SAY = Path(sys.argv[1])
SAID = SAY.with_name("said")


def say(text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.connect(os.environ["NOTIFY_SOCKET"])
        speaker.send(text.replace("\\n", "\n").encode())


print("watchdog", os.environ.get("WATCHDOG_USEC"), flush=True)
said = 0
children = []  # who listens asks the system who has spoken, so they stay as long as we do
while True:
    lines = SAY.read_text().splitlines() if SAY.exists() else []
    for line in lines[said:]:
        how, _, text = line.partition(" ")
        if how == "child":
            code = "import os, socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
            code += "s.sendto(sys.argv[1].encode(), os.environ['NOTIFY_SOCKET']); sys.stdin.read()"
            children.append(subprocess.Popen([sys.executable, "-c", code, text], stdin=subprocess.PIPE))
        elif how == "beat":
            for _ in range(int(text)):
                if SAY.exists():
                    say("WATCHDOG=1")
                    time.sleep(0.1)
        else:
            say(text)
        print("said", line, flush=True)
        SAID.open("a").write(line + "\n")
    said = max(said, len(lines))
    time.sleep(0.02)
