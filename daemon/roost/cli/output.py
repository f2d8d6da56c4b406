"""The two ways out: data to standard output, everything else to standard error.

Never prints a stack trace and never guesses: what a stream can show is asked of `look`.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from . import exits
from .look import look_of
from .text import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TextIO

    from .faults import Fault
    from .look import Look


def prepare_streams() -> None:
    """Have three streams that can be written to, or read, whatever was closed before we began (`>&-`).

    A character that a stream cannot show must never end the command: it is written as its code.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _stand_in()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _stand_in() -> None:
    """The null device for each closed stream, lest a socket or a log get its number and be written to."""
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest free number each time
        os.set_inheritable(null, True)
    os.close(null)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def out_look() -> Look:
    return look_of(sys.stdout)


def note_look() -> Look:
    return look_of(sys.stderr)


def data(text: str) -> None:
    """What the command was asked for.  `text` brings its own newlines."""
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise _unwritable(error) from error


def data_bytes(data: bytes) -> None:
    """The same as it is, for a command that writes no text beside it."""
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise _unwritable(error) from error


def data_json(value: object) -> None:
    """A value as JSON: on one line, or indented where a person looks at it."""
    terminal = look_of(sys.stdout).terminal
    data(json_text(value, sys.stdout, indent=2 if terminal else None) + "\n")


def json_line(value: object) -> None:
    """A value as one line of JSON."""
    data(json_text(value, sys.stdout) + "\n")


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
    with suppress(OSError):  # what is in the buffer stays there; whoever flushes it last tells
        sys.stdout.flush()  # where both go to the same place, they stay in order
    with suppress(OSError):  # nobody reads it any more; the exit code still tells
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def flush() -> None:
    """Hand over what is still in the buffer.

    Raises BrokenPipeError when the reader has gone, Fault when it cannot be written (a full disk).
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _unwritable(error) from error


def leave_with_reader() -> None:
    """From now on, end as soon as nobody reads standard output any more (`… -f | head -1`), whatever we wait for.

    For commands that only show what comes: all that they said until then has been written, and nothing else is lost.
    """
    import threading

    from ..platform.polling import block_signals
    from ..platform.readers import await_departure

    def watch() -> None:
        block_signals()  # Ctrl-C wakes the thread that waits for what is to be shown
        if await_departure(fd):
            os._exit(exits.DONE)

    try:
        fd = sys.stdout.fileno()
    except OSError:
        return  # no descriptor, no reader at its other end
    threading.Thread(target=watch, daemon=True).start()


def _unwritable(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    from .faults import Fault

    return Fault(f"standard output cannot be written to: {error.strerror}", "what was to be shown is lost")


def settle() -> None:
    """At the end of a failed command: what can be written is, and nothing is left that could complain."""
    try:
        sys.stdout.flush()
    except OSError:
        abandon_stdout()


def abandon_stdout() -> None:
    """After a failed write: let the interpreter's own flush at exit go nowhere instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
