"""Counts jobs in redis, stores each tenth in PostgreSQL, serves the count: `worker.py REDIS PG HTTP PSQL`.

REDIS, PG and HTTP are ports of 127.0.0.1, PSQL is the path of psql.  A lost redis is looked for again.
"""

import http.server
import os
import socket
import subprocess
import sys
import threading
import time

redis_port, postgres_port, http_port = map(int, sys.argv[1:4])
psql = [sys.argv[4], "-qAtX", "-h", "127.0.0.1", "-p", str(postgres_port), "-U", "postgres", "postgres"]
last_job = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{last_job}\n".encode())

    def log_message(self, form: str, *arguments: object) -> None:
        print("request", form % arguments, file=sys.stderr, flush=True)


def store(database: "subprocess.Popen[bytes]", number: int) -> None:
    """One row; without its database the worker ends, and is up to whoever watches it."""
    assert database.stdin is not None
    try:
        database.stdin.write(f"insert into jobs values ({number});\n".encode())
        database.stdin.flush()
    except BrokenPipeError:
        print("lost PostgreSQL", file=sys.stderr, flush=True)
        os._exit(1)


def count_on(database: "subprocess.Popen[bytes]") -> None:
    """Count until redis goes away."""
    global last_job
    with socket.create_connection(("127.0.0.1", redis_port), 60) as connection:
        print("connected to redis", flush=True)
        stream = connection.makefile("rwb")
        while True:
            stream.write(b"INCR jobs\r\n")
            stream.flush()
            answer = stream.readline()
            if not answer.startswith(b":"):
                raise ConnectionError(f"redis answered {answer!r}")
            last_job = int(answer[1:])
            print("job", last_job, flush=True)
            if last_job % 10 == 0:
                store(database, last_job)
            time.sleep(0.02)


with subprocess.Popen(psql, stdin=subprocess.PIPE) as storage:
    assert storage.stdin is not None
    storage.stdin.write(b"create table if not exists jobs (number bigint);\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", http_port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            count_on(storage)
        except ConnectionError as error:
            print("lost redis:", error, file=sys.stderr, flush=True)
            time.sleep(0.1)
