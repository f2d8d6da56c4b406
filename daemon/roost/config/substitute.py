"""`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` in a text, and the variables that they may name.

Any other `$` is left alone.  `${port.NAME}` is not a variable: `roost.config.ports` replaces it when the
ports are known, so it passes through here.  What comes from outside roost.yaml is escaped, so that it never
becomes one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST: Final = 8

PORT_OPENING: Final = "${port."
ESCAPED_PORT_OPENING: Final = "$${port."


class Scope:
    """The variables that a value may use: its own, then those of the scope around it.

    It grows while a component is read: its env files first, then its env, each value seeing those above it.
    A `lenient` scope is for text that is read before its variables are known (`defaults` on their own).
    """

    __slots__ = ("_outer", "lenient", "own")

    def __init__(self, outer: Scope | Mapping[str, str], *, lenient: bool = False) -> None:
        self._outer = outer
        self.own: dict[str, str] = {}
        self.lenient = lenient

    def get(self, name: str) -> str | None:
        value = self.own.get(name)
        if value is not None:
            return value
        value = self._outer.get(name)
        return value if value is None or isinstance(self._outer, Scope) else escaped(value)

    def everything(self) -> dict[str, str]:
        """All that was defined in this scope and those around it, without the base environment."""
        around = self._outer.everything() if isinstance(self._outer, Scope) else {}
        return {**around, **self.own}


def escaped(text: str) -> str:
    """Text from outside roost.yaml, such that it holds no reference to a port."""
    return text.replace(PORT_OPENING, ESCAPED_PORT_OPENING)


def unescaped(text: str) -> str:
    """The same text as a program is to see it."""
    return text.replace(ESCAPED_PORT_OPENING, PORT_OPENING)


class Unset(Exception):
    """A variable has no value; `args` are what is wrong and what to do."""


def substitute(text: str, scope: Scope) -> str:
    """`text` with its variables replaced.  Raises Unset for one without a value and without a default."""
    if "$" not in text:
        return text
    return _replace(text, scope, 0)


def _replace(text: str, scope: Scope, depth: int) -> str:
    if depth > _DEEPEST:
        raise Unset(f"defaults within defaults, more than {_DEEPEST} deep", "use fewer variables")
    closings = _closings(text)
    pieces: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        pieces.append(text[position:dollar])
        piece, position = _expression(text, dollar, closings, scope, depth)
        pieces.append(piece)
    return "".join((*pieces, text[position:]))


def _expression(
    text: str, dollar: int, closings: dict[int, int], scope: Scope, depth: int
) -> tuple[str, int]:
    """What stands for the `$…` at `dollar`, and where the text goes on after it."""
    if text.startswith(ESCAPED_PORT_OPENING, dollar):
        return ESCAPED_PORT_OPENING, dollar + len(ESCAPED_PORT_OPENING)
    if text.startswith("$$", dollar):
        return "$", dollar + 2
    name = _NAME.match(text, dollar + 2)
    end = closings.get(dollar)
    if name is None or end is None:
        return "$", dollar + 1
    operator, argument = text[name.end() : min(name.end() + 2, end)], text[name.end() + 2 : end]
    if operator not in ("", ":-", ":?"):
        return "$", dollar + 1
    value = scope.get(name.group())
    if operator == ":-" and not value:
        return _replace(argument, scope, depth + 1), end + 1
    if value is None or (operator == ":?" and not value):
        raise _unset(name.group(), argument if operator == ":?" else "")
    return value, end + 1


def _unset(name: str, reason: str) -> Unset:
    if reason:
        return Unset(
            f"${{{name}}} is not set: {reason}", f"set {name} in the environment, an env file or env"
        )
    hint = f"set it in the environment, an env file or env, or write ${{{name}:-}} if it may be empty"
    return Unset(f"${{{name}}} is not set", hint)


def _closings(text: str) -> dict[int, int]:
    """Where each `${` of the text closes; in one pass, so that a text full of them costs no more."""
    closings: dict[int, int] = {}
    opened: list[int] = []
    for match in re.finditer(r"\$\{|\}", text):
        if match.group() == "${":
            opened.append(match.start())
        elif opened:
            closings[opened.pop()] = match.start()
    return closings
