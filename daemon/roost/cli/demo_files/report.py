"""The demo's scheduled task: says how many jobs the worker has done so far, and ends."""

import json
from pathlib import Path

DONE = Path(__file__).parent / "data" / "done.json"

print(f"{json.loads(DONE.read_text(encoding='utf-8'))['jobs']} jobs done so far")
