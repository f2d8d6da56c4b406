"""The two ways out: data to standard output, everything else to standard error.

Never prints a stack trace and never guesses: what a stream can show is asked of `look`.
"""

from __future__ import annotations

import json
import os
import sys

from .look import look_of
from .text import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TextIO

    from .faults import Fault
    from .look import Look


def prepare_streams() -> None:
    """A character that a stream cannot show must never end the command: it is written as its code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def out_look() -> Look:
    return look_of(sys.stdout)


def note_look() -> Look:
    return look_of(sys.stderr)


def data(text: str) -> None:
    """What the command was asked for.  `text` brings its own newlines."""
    sys.stdout.write(text)


def data_json(value: object) -> None:
    """A value as JSON: on one line, or indented where a person looks at it."""
    terminal = look_of(sys.stdout).terminal
    sys.stdout.write(json_text(value, sys.stdout, indent=2 if terminal else None) + "\n")


def json_line(value: object) -> None:
    """A value as one line of JSON."""
    sys.stdout.write(json_text(value, sys.stdout) + "\n")


def json_text(value: object, stream: TextIO, indent: int | None = None) -> str:
    """Valid JSON in the stream's encoding: in UTF-8 letters stay, elsewhere they are escaped."""
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not unicode, indent=indent)
    if unicode and not text.isascii() and _has_surrogates(text):
        return json.dumps(value, indent=indent)
    return text


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def note(text: str) -> None:
    """A line for people, beside the data."""
    _write_note(text)


def warnings(answer: Mapping[str, Any]) -> None:
    """What the daemon has to say about a call that was carried out all the same."""
    for warning in answer.get("warnings") or ():
        note(f"roost: warning: {harmless(warning)}")


def fault(error: Fault) -> None:
    """`roost: what and why`, and on a line of its own what to do."""
    look = note_look()
    lines = error.message.splitlines() or [""]
    text = look.paint("roost:", "red") + " " + "\n".join(harmless(line) for line in lines)
    if error.hint:
        text += "\n" + "\n".join("  " + harmless(line) for line in error.hint.splitlines())
    _write_note(text)


def _write_note(text: str) -> None:
    try:
        sys.stdout.flush()  # where both go to the same place, they stay in order
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:  # nobody reads it any more; the exit code still tells
        pass


def flush() -> None:
    """Hand over what is still in the buffer.  Raises BrokenPipeError when the reader has gone."""
    sys.stdout.flush()


def abandon_stdout() -> None:
    """After a broken pipe: let the interpreter's own flush at exit go nowhere instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
