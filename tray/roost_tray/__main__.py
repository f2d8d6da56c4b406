"""The program `roost-tray`: one for each session, in the foreground, until it is told to end."""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import os
import sys
from collections.abc import Mapping, Sequence

from roost import __version__
from roost.client.register import register_path
from roost.platform.ending import on_end_request
from roost.platform.files import make_private

from .backends.choose import choose
from .brain import Brain, Outfit
from .conductor import Conductor
from .fitting import make_watcher, open_desktop
from .model import Notice
from .single import Single

_LOG_SIZE = 1_000_000
_CALLED = Notice("Roost is in the tray already", "Its icon is in the panel; some panels hide new ones.")


def main(arguments: Sequence[str] | None = None) -> None:
    """What the console script calls."""
    code = run(_parsed(arguments), os.environ)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread may still wait for a program of the desktop, which is no reason to stay


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="roost-tray", description="All projects at a glance, in the panel; quitting it stops nothing."
    )
    parser.add_argument("--version", action="version", version=f"roost-tray {__version__}")
    parser.add_argument(
        "--at-login",
        action="store_true",
        help="the login starts it: also bring up the projects that are to run from then on",
    )
    parser.add_argument("--doctor", action="store_true", help=argparse.SUPPRESS)  # roost doctor asks so
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """The tray's whole life; the exit code."""
    if options.doctor:
        return _diagnose(environ)
    folder = os.path.dirname(register_path())
    try:
        make_private(folder)
        single = Single(folder, environ)
        first = single.take()
    except OSError as error:
        say(f"cannot write to {folder}: {error.strerror or error}")
        return 1
    if not first:
        pid = single.call()
        say(f"already running{f' (pid {pid})' if pid else ''}")
        return 0
    _log_to(os.path.join(folder, "tray.log"), environ)
    try:
        return _run(options, environ, folder, single)
    finally:
        single.close()


def _diagnose(environ: Mapping[str, str]) -> int:
    """Say as JSON what the tray finds around it; no icon."""
    from . import doctor

    print(json.dumps([finding._asdict() for finding in doctor.judge(doctor.facts(environ))]))
    return 0


def _run(options: argparse.Namespace, environ: Mapping[str, str], folder: str, single: Single) -> int:
    desktop = open_desktop(environ)
    conductor = Conductor(choose, desktop, environ, say)
    outfit = Outfit(desktop, make_watcher, environ, os.path.join(folder, "tray.json"))
    brain = Brain(outfit, conductor.end, at_login=options.at_login)
    brain.on_ready = on_end_request(conductor.end)
    brain.start()
    single.listen(lambda: brain.tell(_CALLED))
    try:
        return conductor.run(brain)
    except Exception as error:  # the last door: a person gets a sentence
        logging.getLogger(__name__).critical("a defect in the tray", exc_info=error)
        say(f"a defect in the tray: {type(error).__name__}: {error}")
        say(f"  the whole story is in {os.path.join(folder, 'tray.log')}; please report it")
        return 1
    finally:
        brain.close()


def say(text: str) -> None:
    """For a person at a terminal; nobody may be there."""
    try:
        print(f"roost-tray: {text}" if not text.startswith(" ") else text, file=sys.stderr, flush=True)
    except OSError:
        logging.getLogger(__name__).info("%s", text)


def _log_to(path: str, environ: Mapping[str, str]) -> None:
    """Our own log: rotating, and of what libraries do only the warnings."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_LOG_SIZE, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    debugging = environ.get("ROOST_DEBUG", "") not in ("", "0")
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("roost_tray").setLevel(logging.DEBUG if debugging else logging.INFO)


if __name__ == "__main__":
    main()
