"""Serves HTTP on 127.0.0.1: `http_server.py PORT FILE`; the file's text is the answer's mood.

`ok` (or no file): 200. `bad`: 503. `hang`: accepts and never answers. `redirect`: 302 to itself.
"""

import http.server
import pathlib
import sys
import time

port, mood_file = int(sys.argv[1]), pathlib.Path(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        mood = (mood_file.read_text().strip() if mood_file.exists() else "") or "ok"  # it may be half written
        if mood == "hang":
            time.sleep(3600)
        codes = {"ok": 200, "bad": 503, "redirect": 302}
        self.send_response(codes[mood])
        if mood == "redirect":
            self.send_header("Location", self.path)
        self.end_headers()
        self.wfile.write(mood.encode() + b"\n")

    def log_message(self, form: str, *arguments: object) -> None:
        print("request", form % arguments, flush=True)


with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
    server.daemon_threads = True
    print("listening on", port, flush=True)
    server.serve_forever()
