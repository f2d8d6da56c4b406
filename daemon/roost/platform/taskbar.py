"""What a taskbar looks like, for an icon that suits it.  Only Windows asks a program to see to that itself."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .taskbar_windows import balloon_flags, be_sharp, has_light_taskbar, small_icon_side
else:

    def be_sharp() -> None:
        """Elsewhere the panel scales pictures."""

    def small_icon_side() -> int:
        """Elsewhere the panel asks for a size."""
        return 16

    def balloon_flags(is_urgent: bool) -> int:
        """Elsewhere notifications have services of their own."""
        return int(is_urgent)

    def has_light_taskbar() -> bool:
        """Elsewhere the panel does not tell."""
        return False


__all__ = ["balloon_flags", "be_sharp", "has_light_taskbar", "small_icon_side"]
