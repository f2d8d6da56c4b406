"""The demo's worker: fetches a job from the API every second and does it."""

import json
import sys
import time
import urllib.request
from pathlib import Path

DATA = Path(__file__).parent / "data"


def fetch() -> int:
    """The number of the next job.  Raises OSError while the API is away."""
    url = (DATA / "api.url").read_text(encoding="utf-8") + "/job"
    with urllib.request.urlopen(url, timeout=2) as response:
        return int(json.load(response)["job"])


if __name__ == "__main__":
    print("worker ready")
    while True:
        try:
            number = fetch()
        except OSError as error:
            print(f"the api does not answer: {error}", file=sys.stderr)
        else:
            print(f"job {number} done")
            (DATA / "done.json").write_text(json.dumps({"jobs": number}), encoding="utf-8")
        time.sleep(1)
