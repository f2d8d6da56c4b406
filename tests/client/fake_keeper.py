"""Stands in for keeper and daemon: `ROOT STATE RUN`, detached, answers pings on the daemon's endpoint.

Ends when it is asked `quit`, or after 30 s in which nobody asked anything.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from roost.platform import detach, endpoint, locks
from roost.platform.paths import ProjectPaths


def main() -> None:
    status = detach.finish_detaching(os.environ)
    paths = ProjectPaths(*sys.argv[1:4])
    what = os.environ.get("FAKE", "")
    lock = locks.Lock(paths.keeper_lock)
    if what == "refuse":
        status.fail("the disk is full")
    elif not lock.take():
        status.ready(os.getppid())
    else:
        with (Path(paths.state) / "starts").open("a") as file:
            file.write(f"{os.getpid()}\n")
        status.ready(os.getpid())
        if what != "mute":
            serve(endpoint.listen(paths.endpoint))


def serve(listener: socket.socket) -> None:
    listener.settimeout(60)
    method = ""
    while method != "quit":
        client, _ = listener.accept()
        with client, client.makefile("rb") as file:
            line = file.readline()
            if line:
                message = json.loads(line)
                method = message["method"]
                answer = {"jsonrpc": "2.0", "result": {"pong": True}, "id": message["id"]}
                client.sendall(json.dumps(answer).encode() + b"\n")


main()
