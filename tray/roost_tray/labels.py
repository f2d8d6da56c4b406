"""Text of strangers made fit for a label: one line, nothing invisible, no mnemonics, not too long.  Pure."""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.?", re.DOTALL)
_GONE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's controls, marks of direction, halves of pairs, what has no meaning, and separators of lines."""
_JOINER = "\u200d"
"""Belongs to names in some scripts, and to pictures made of several."""


def plain(text: str) -> str:
    """`text` as one line without anything that is not seen: terminal sequences go, white space shrinks."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    seen = (_seen(character) for character in _SEQUENCE.sub("", text))
    return " ".join("".join(seen).split())


def _seen(character: str) -> str:
    if character == _JOINER or unicodedata.category(character) not in _GONE:
        return character
    return " " if character.isspace() or unicodedata.category(character) in ("Zl", "Zp") else ""


def clip(text: str, length: int) -> str:
    """`text` in at most `length` characters; what is cut off leaves an ellipsis."""
    return text if len(text) <= length else text[: max(0, length - 1)].rstrip() + "…"


def label(text: str, length: int, mnemonic: str = "") -> str:
    """`text` for an item of a menu, where `mnemonic` stands for itself only when it is doubled."""
    shown = clip(plain(text), length)
    return shown.replace(mnemonic, mnemonic * 2) if mnemonic else shown
