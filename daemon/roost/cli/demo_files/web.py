"""The demo's page: shows how many jobs the worker has done."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DONE = Path(__file__).parent / "data" / "done.json"
PAGE = "<!doctype html><meta http-equiv=refresh content=1><title>Roost demo</title><h1>{jobs} jobs done</h1>"


class Web(BaseHTTPRequestHandler):
    """Answers every GET request with the page."""

    def do_GET(self) -> None:
        try:
            jobs = json.loads(DONE.read_text(encoding="utf-8"))["jobs"]
        except ValueError:  # the worker is writing it at this moment
            jobs = "some"
        data = PAGE.format(jobs=jobs).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    print(f"web listens on port {port}")
    ThreadingHTTPServer(("127.0.0.1", port), Web).serve_forever()
