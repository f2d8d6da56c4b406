"""The demo's component that can be made to fail: it ends with code 1 while the file `break` exists."""

import sys
import time
from pathlib import Path

BREAK = Path(__file__).parent / "break"

if __name__ == "__main__":
    print("fragile is up; make a file named `break` in this folder to see it fail")
    while not BREAK.exists():
        time.sleep(0.2)
    print(f"{BREAK.name} is there: this is the last line before the end", file=sys.stderr)
    sys.exit(1)
