"""The demo's API: hands out numbered jobs and answers two health questions.

`/healthz` fails while the file `unwell` exists in this folder: its liveness probe then restarts it.
"""

import argparse
import itertools
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
JOBS = itertools.count(1)


class Api(BaseHTTPRequestHandler):
    """Answers GET requests with small JSON objects."""

    def do_GET(self) -> None:
        if self.path == "/healthz" and (HERE / "unwell").exists():
            self.answer(500, {"error": "the file `unwell` is there"})
        elif self.path == "/job":
            self.answer(200, {"job": next(JOBS)})
        else:
            self.answer(200, {"ok": True})

    def answer(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        if self.path not in ("/ready", "/healthz"):
            print(format % arguments)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    server = ThreadingHTTPServer(("127.0.0.1", port), Api)
    (HERE / "data" / "api.url").write_text(f"http://127.0.0.1:{port}", encoding="utf-8")
    print(f"api listens on port {port}")
    server.serve_forever()
