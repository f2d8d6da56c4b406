"""The icon's pictures, by state, size and surroundings.  Drawn by build/draw_icons.py; here only found."""

from __future__ import annotations

import enum
from importlib.resources import files
from pathlib import Path

from .model import State

_PICTURES = files(__package__) / "pictures"


class Theme(enum.StrEnum):
    """What the icon stands on."""

    DARK = "dark"
    """A dark panel: light lines."""
    LIGHT = "light"
    """A light panel: dark lines."""
    ANY = "any"
    """A panel whose color nobody tells us: inks between both."""
    TEMPLATE = "template"
    """Black and transparent: the system (macOS) colors it."""


SIZES: dict[Theme, tuple[int, ...]] = {
    Theme.DARK: (16, 22, 24, 32, 48, 64),
    Theme.LIGHT: (16, 22, 24, 32, 48, 64),
    Theme.ANY: (16, 22, 24, 32, 48, 64),
    Theme.TEMPLATE: (18, 36),
}
"""The sides, in pixels, that there are pictures of."""


def size_for(theme: Theme, wanted: int) -> int:
    """The size to take where `wanted` pixels will be drawn: the next larger one, for a sharp reduction."""
    return next((size for size in SIZES[theme] if size >= wanted), SIZES[theme][-1])


def png(state: State, theme: Theme, size: int) -> bytes:
    """The picture as PNG with an alpha channel; `size` is one of those in SIZES."""
    return (_PICTURES / f"{theme}-{state}-{size}.png").read_bytes()


def png_path(state: State, theme: Theme, size: int) -> str | None:
    """Where the picture lies, for a panel that reads it by itself; None where it is no file of its own."""
    picture = _PICTURES / f"{theme}-{state}-{size}.png"
    return str(picture) if isinstance(picture, Path) else None


def ico_path(state: State, theme: Theme) -> str:
    """A file with all sizes that Windows asks for (of the dark and the light theme); Windows loads it by itself."""
    return str(_PICTURES / f"{theme}-{state}.ico")
