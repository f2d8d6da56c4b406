"""Windows: a value of the current user's Run key, and beside it whether the user has switched it off.

The Task Manager and Settings do not remove a value: they write beside it, under StartupApproved, twelve bytes of
which the first is odd for "off".  Whoever wants it on again has to see to both.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from . import autostart
from .autostart import Item, Registration
from .quoting import command_line

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
_LONGEST = 260
"""Characters of a value that Windows still runs (Microsoft, "Run and RunOnce Registry Keys")."""
_ON = bytes([2]) + bytes(11)


class Values(Protocol):
    """Values of the current user's registry, by key and name."""

    def get(self, key: str, name: str) -> str | bytes | None:
        """A value, or None."""

    def set(self, key: str, name: str, value: str | bytes) -> None:
        """Write one; the key is made where it is missing."""

    def delete(self, key: str, name: str) -> None:
        """Take one away, if it is there."""

    def names(self, key: str) -> list[str]:
        """The names of all values of a key."""


class RunKey(NamedTuple):
    """The Run key of the user whose registry this is."""

    values: Values

    def status(self, item: Item) -> Registration:
        """What Windows would do."""
        line = self.values.get(RUN, item.name)
        found = Registration("Run key", rf"HKEY_CURRENT_USER\{RUN}\{item.name}")
        if not isinstance(line, str):
            return found
        argv = words(line)
        found = found._replace(registered=True, argv=argv)
        approved = self.values.get(APPROVED, item.name)
        if isinstance(approved, bytes) and approved and approved[0] % 2:
            return found._replace(trouble="it is switched off (Task Manager or Settings, Startup apps)")
        trouble = autostart.missing_program(argv)
        return found._replace(trouble=trouble, stale=bool(trouble))

    def enable(self, item: Item) -> None:
        """Write the value, and take back what switched it off."""
        line = command_line(item.argv)
        if len(line) > _LONGEST:
            raise OSError(f"Windows starts no command of more than {_LONGEST} characters at login: {line}")
        self.values.set(RUN, item.name, line)
        if self.values.get(APPROVED, item.name) is not None:
            self.values.set(APPROVED, item.name, _ON)

    def disable(self, item: Item) -> None:
        """Leave neither value."""
        self.values.delete(RUN, item.name)
        self.values.delete(APPROVED, item.name)

    def records(self) -> list[str]:
        """The values of ours."""
        return sorted(name for name in self.values.names(RUN) if name.startswith("roost-"))


def words(line: str) -> tuple[str, ...]:
    """The arguments that a program makes of a command line: the reverse of `quoting.command_line`."""
    argv: list[str] = []
    word: list[str] = []
    quoted = started = False
    position = 0
    while position < len(line):
        character = line[position]
        if character == "\\":
            end = position
            while end < len(line) and line[end] == "\\":
                end += 1
            count, started = end - position, True
            if line[end : end + 1] == '"':
                word.append("\\" * (count // 2))
                if count % 2:
                    word.append('"')
                    end += 1
            else:
                word.append("\\" * count)
            position = end
            continue
        if character == '"':
            quoted, started = not quoted, True
        elif character in " \t" and not quoted:
            if started:
                argv.append("".join(word))
            word, started = [], False
        else:
            word.append(character)
            started = True
        position += 1
    return tuple([*argv, "".join(word)] if started else argv)
