"""Windows: what the notification area looks like, for an icon that suits it."""

from __future__ import annotations

import ctypes
import sys
import winreg

assert sys.platform == "win32"

_SM_CXSMICON = 49
_NIIF_WARNING, _NIIF_RESPECT_QUIET_TIME = 0x2, 0x80
_PERSONALIZE = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
_PER_MONITOR_AWARE = -4  # DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2

_user32 = ctypes.WinDLL("user32", use_last_error=True)


def be_sharp() -> None:
    """Have pictures drawn in the screen's own resolution, once, before the first window."""
    try:
        _user32.SetProcessDpiAwarenessContext(ctypes.c_void_p(_PER_MONITOR_AWARE))
    except AttributeError:
        pass  # older than Windows 10: what is small is enlarged


def small_icon_side() -> int:
    """Pixels of the side of a small icon, 16 where there are no others."""
    return int(_user32.GetSystemMetrics(_SM_CXSMICON)) or 16


def balloon_flags(is_urgent: bool) -> int:
    """How a notification looks; none of them disturbs somebody who wants quiet."""
    return _NIIF_RESPECT_QUIET_TIME | (_NIIF_WARNING if is_urgent else 0)


def has_light_taskbar() -> bool:
    """Whether the taskbar is light (Settings, Personalisation, Colors); before Windows 10: no."""
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _PERSONALIZE) as key:
            return bool(winreg.QueryValueEx(key, "SystemUsesLightTheme")[0])
    except OSError:
        return False
