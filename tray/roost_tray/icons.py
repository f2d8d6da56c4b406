"""The icon's pictures, by state, size and surroundings.  Drawn by build/draw_icons.py; here only found."""

from __future__ import annotations

import enum
from importlib.resources import files

from .model import State

SIZES = (16, 18, 20, 22, 24, 32, 36, 40, 48, 64)
"""Pixels of the sides that there are."""


class Theme(enum.StrEnum):
    """What the icon stands on."""

    DARK = "dark"
    """A dark panel: light lines."""
    LIGHT = "light"
    """A light panel: dark lines."""
    TEMPLATE = "template"
    """Black and transparent: the system (macOS) colors it."""


def size_for(wanted: int) -> int:
    """The size to take where `wanted` pixels will be drawn: the next larger one, for a sharp reduction."""
    return next((size for size in SIZES if size >= wanted), SIZES[-1])


def png(state: State, size: int, theme: Theme) -> bytes:
    """The picture as PNG with an alpha channel; `size` is one of SIZES."""
    return (files(__package__) / "pictures" / f"{theme}-{state}-{size}.png").read_bytes()


def ico(state: State, theme: Theme) -> bytes:
    """All sizes that Windows asks for in one ICO."""
    return (files(__package__) / "pictures" / f"{theme}-{state}.ico").read_bytes()
