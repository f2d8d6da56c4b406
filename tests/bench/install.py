"""Installs the peers beside the benchmark, once: supervisor and circus from PyPI, pm2 from npm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PLACE = Path(__file__).resolve().parents[2] / ".work" / "bench"
PYTHON_PEERS = PLACE / "peers"
NODE_PEERS = PLACE / "node"
_LIMIT = 300  # seconds for one installation


class NotInstalled(Exception):
    """A peer could not be installed; the text says why."""


def python_peer(command: str) -> str:
    """The path of a command of supervisor or circus."""
    path = PYTHON_PEERS / "bin" / command
    if not path.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(PYTHON_PEERS)])
        # supervisor still imports pkg_resources, which newer setuptools no longer have
        _run([str(PYTHON_PEERS / "bin" / "pip"), "install", "-q", "supervisor", "circus", "setuptools<81"])
    return str(path)


def node_peer(command: str) -> str:
    """The path of pm2."""
    path = NODE_PEERS / "node_modules" / ".bin" / command
    if not path.exists():
        NODE_PEERS.mkdir(parents=True, exist_ok=True)
        (NODE_PEERS / "package.json").write_text(json.dumps({"name": "peers", "private": True}))
        _run(["npm", "install", "--no-audit", "--no-fund", f"{command}@latest"], cwd=NODE_PEERS)
    return str(path)


def _run(argv: list[str], cwd: Path | None = None) -> None:
    try:
        subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, timeout=_LIMIT)
    except FileNotFoundError:
        raise NotInstalled(f"{argv[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"{' '.join(argv)}: {error.stderr.strip()[-300:]}") from None
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{' '.join(argv)}: not within {_LIMIT} s") from None
