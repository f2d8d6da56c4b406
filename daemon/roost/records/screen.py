"""What a stream of terminal bytes leaves behind: the modes that a program has set, and how to undo them.  Pure.

Only what decides whether a terminal is usable afterwards, or a late comer's picture right: private modes of
DEC and xterm (alternate screen, cursor, mouse, pasting …) and the keyboard's.  Nothing here draws.
"""

from __future__ import annotations

import re

_USUALLY_SET = {b"7", b"25"}  # lines wrap, the cursor is seen
_KNOWN = {
    *(b"1", b"7", b"25", b"47", b"1047", b"1049", b"1004", b"2004", b"2026"),
    *(b"9", b"1000", b"1001", b"1002", b"1003", b"1005", b"1006", b"1015", b"1016"),
}
_MODE = re.compile(
    rb"\x1b(?:\[\?(?P<modes>[0-9;]+)(?P<to>[hl])|(?P<keypad>[=>])|\[>4;?(?P<keys>[0-9]*)m|(?P<reset>c))"
)
_LONGEST = 64  # bytes of a sequence that may be cut in two
_REPORTS = re.compile(
    rb"\x05"  # ENQ
    rb"|\x1b\[[>=?]?[0-9;]*c"  # what kind of terminal it is
    rb"|\x1b\[\??[0-9;]*n"  # its state, where the cursor is
    rb"|\x1b\[(?:1[1-9]|2[01])(?:;[0-9;]*)?t"  # its size
    rb"|\x1b\[>[0-9]*q|\x1b\[\?u|\x1b\[[0-9;]*x"  # its version, keyboard, parameters
    rb"|\x1b\[\??[0-9;]*\$p"  # whether a mode is set
    rb"|\x1bP(?:\+q|\$q)[^\x1b\x07]*(?:\x1b\\|\x07)"  # a capability, a setting
    rb"|\x1b\](?:4;[0-9]+|1[0-9]|5[12];?[a-z]*);\?(?:\x1b\\|\x07)"  # a colour, the clipboard
)


class Modes:
    """The modes of a terminal to which some bytes were written."""

    __slots__ = ("_keypad", "_keys", "_rest", "_set")

    def __init__(self) -> None:
        self._set: dict[bytes, bool] = {}
        self._keypad = False
        self._keys = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Further bytes; a sequence may be cut in two anywhere."""
        data = self._rest + data
        for found in _MODE.finditer(data):
            if found["reset"]:
                self._set.clear()
                self._keypad = self._keys = False
            elif found["keypad"]:
                self._keypad = found["keypad"] == b"="
            elif found["keys"] is not None:
                self._keys = found["keys"] not in (b"", b"0")
            else:
                modes = {mode: found["to"] == b"h" for mode in found["modes"].split(b";") if mode in _KNOWN}
                self._set.update(modes)
        start = data.rfind(b"\x1b", -_LONGEST)
        whole = start >= 0 and _MODE.match(data, start) is not None
        self._rest = data[start:] if start >= 0 and not whole else b""

    def undo(self) -> bytes:
        """What gives a terminal back as it usually is; plain text is not touched, nor is the screen cleared."""
        changed = [mode for mode, on in self._set.items() if on != (mode in _USUALLY_SET)]
        parts = [b"\x1b[?%s%s" % (mode, b"h" if mode in _USUALLY_SET else b"l") for mode in changed]
        return b"".join(parts) + b"\x1b>" * self._keypad + b"\x1b[>4m" * self._keys + b"\x1b[0m"

    def redo(self) -> bytes:
        """What brings a fresh terminal into these modes."""
        parts = [b"\x1b[?%s%s" % (mode, b"h" if on else b"l") for mode, on in self._set.items()]
        return b"".join(parts) + b"\x1b=" * self._keypad


def without_questions(data: bytes) -> bytes:
    """The same without what a terminal would answer: who sees old bytes again must not answer them again."""
    return _REPORTS.sub(b"", data)
