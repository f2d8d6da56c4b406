"""Windows: values of the current user's registry (`runkey.Values`)."""

from __future__ import annotations

import sys
import winreg

assert sys.platform == "win32"

_ROOT = winreg.HKEY_CURRENT_USER


class CurrentUser:
    """The registry of the user who runs this."""

    def get(self, key: str, name: str) -> str | bytes | None:
        """A value, or None."""
        try:
            with winreg.OpenKey(_ROOT, key) as opened:
                value = winreg.QueryValueEx(opened, name)[0]
        except FileNotFoundError:
            return None
        return value if isinstance(value, str | bytes) else None

    def set(self, key: str, name: str, value: str | bytes) -> None:
        """Write one; the key is made where it is missing."""
        kind = winreg.REG_SZ if isinstance(value, str) else winreg.REG_BINARY
        with winreg.CreateKey(_ROOT, key) as opened:
            winreg.SetValueEx(opened, name, 0, kind, value)

    def delete(self, key: str, name: str) -> None:
        """Take one away, if it is there."""
        try:
            with winreg.OpenKey(_ROOT, key, access=winreg.KEY_SET_VALUE) as opened:
                winreg.DeleteValue(opened, name)
        except FileNotFoundError:
            pass

    def names(self, key: str) -> list[str]:
        """The names of all values of a key."""
        try:
            with winreg.OpenKey(_ROOT, key) as opened:
                count = winreg.QueryInfoKey(opened)[1]
                return [winreg.EnumValue(opened, number)[0] for number in range(count)]
        except FileNotFoundError:
            return []
