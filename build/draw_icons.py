"""Draws the tray's icon in every state, theme and size, from assets/icons/icons.toml.

    python build/draw_icons.py                 writes tray/roost_tray/pictures
    python build/draw_icons.py --check         exits 1, naming the pictures that are out of date
    python build/draw_icons.py --sheet FILE    one picture of them all, for people to judge

Pictures are compared by their pixels, because encoders differ from version to version.
"""

from __future__ import annotations

import io
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "assets" / "icons" / "icons.toml"
PICTURES = ROOT / "tray" / "roost_tray" / "pictures"

STATES = ("well", "working", "degraded", "failed", "stopped", "unreachable")
PANELS = {
    "dark": ("#2b2b2b",),
    "light": ("#e8e8e8",),
    "any": ("#2b2b2b", "#e8e8e8"),
    "template": ("#ffffff",),
}
"""The worst panels that each theme is made for."""
GRID = 16
FINE = 16
"""A pixel is drawn as so many squared, then averaged."""
_TOLERANCE = 3
"""Levels of 255 by which one version of the library may round otherwise than another."""


def source() -> dict[str, Any]:
    """What icons.toml says."""
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


# -- drawing -------------------------------------------------------------------------------------------


class Pen:
    """Draws in units of the grid on a stencil of fine pixels, in which white is ink."""

    def __init__(self, size: int) -> None:
        self.stencil = Image.new("L", (size * FINE, size * FINE), 0)
        self._draw = ImageDraw.Draw(self.stencil)
        self._scale = size * FINE / GRID

    def disc(self, circle: list[float], ink: int = 255) -> None:
        self._draw.ellipse(self._box(*circle), fill=ink)

    def half(self, circle: list[float]) -> None:
        self._draw.pieslice(self._box(*circle), 90, 270, fill=255)

    def ring(self, circle: list[float], width: float) -> None:
        x, y, radius = circle
        self.disc([x, y, radius + width / 2])
        self.disc([x, y, radius - width / 2], ink=0)

    def line(self, points: list[list[float]], width: float) -> None:
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.line(scaled, fill=255, width=round(width * self._scale) - 1)  # odd, so that it is centered
        for x, y in points:
            self.disc([x, y, width / 2])

    def polygon(self, points: list[list[float]], growth: float) -> None:
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill=255)
        self.line([*points, points[0]], 2 * growth)

    def _box(self, x: float, y: float, radius: float) -> tuple[float, float, float, float]:
        near, far = (x - radius, y - radius), (x + radius, y + radius)
        return (*(place * self._scale for place in near), *(place * self._scale - 1 for place in far))


def outline(shapes: list[dict[str, Any]], size: int) -> Image.Image:
    """The picture's alpha channel: its shapes laid over each other, at `size` pixels."""
    whole = Image.new("L", (size * FINE, size * FINE), 0)
    for shape in shapes:
        pen = Pen(size)
        match shape:
            case {"disc": circle}:
                pen.disc(circle)
            case {"half": circle}:
                pen.half(circle)
            case {"ring": circle, "width": width}:
                pen.ring(circle, width)
            case {"line": points, "width": width}:
                pen.line(points, width)
            case {"polygon": points, "round": growth}:
                pen.polygon(points, growth)
            case _:
                raise ValueError(f"{SOURCE.name}: what shape is {shape}?")
        lay = ImageChops.subtract if shape.get("cut") else ImageChops.lighter
        whole = lay(whole, pen.stencil)
    return whole.reduce(FINE)


def picture(drawings: dict[str, Any], theme: str, state: str, size: int) -> Image.Image:
    """One picture: the outline in the theme's color, black for a template."""
    color = "#000000" if theme == "template" else drawings["palette"][theme][state]
    image = Image.new("RGBA", (size, size), color)
    image.putalpha(outline(drawings[state], size))
    return image


def pictures(drawings: dict[str, Any]) -> Iterator[tuple[str, list[Image.Image]]]:
    """(file name, its images): a PNG has one, an ICO one for each of its sizes, the largest last."""
    for state in STATES:
        for theme in PANELS:
            for size in drawings["sizes"][theme]:
                yield f"{theme}-{state}-{size}.png", [picture(drawings, theme, state, size)]
        for theme in ("dark", "light"):
            images = [picture(drawings, theme, state, size) for size in drawings["sizes"]["ico"]]
            yield f"{theme}-{state}.ico", images


# -- files ---------------------------------------------------------------------------------------------


def encoded(name: str, images: list[Image.Image]) -> bytes:
    """The bytes of the file."""
    file = io.BytesIO()
    if name.endswith(".ico"):
        sizes = [image.size for image in images]
        images[-1].save(file, "ICO", sizes=sizes, append_images=images[:-1], bitmap_format="png")
    else:
        images[0].save(file, "PNG", optimize=True)
    return file.getvalue()


def decoded(path: Path) -> list[Image.Image]:
    """The images in a file, as `pictures` gives them."""
    with Image.open(path) as image:
        if path.suffix == ".png":
            return [image.convert("RGBA")]
        return [image.ico.getimage(size).convert("RGBA") for size in sorted(image.ico.sizes())]


def stale(drawings: dict[str, Any]) -> list[str]:
    """The names of pictures that are missing, no longer drawn, or not what would be drawn now."""
    wanted = dict(pictures(drawings))
    there = {path.name for path in PICTURES.iterdir()} if PICTURES.is_dir() else set()
    differ = [name for name in wanted if name in there and not _same(PICTURES / name, wanted[name])]
    return sorted({*differ, *(there ^ wanted.keys())})


def _same(path: Path, wanted: list[Image.Image]) -> bool:
    found = decoded(path)
    return len(found) == len(wanted) and all(map(_alike, found, wanted))


def _alike(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    return all(channel.getextrema()[1] <= _TOLERANCE for channel in ImageChops.difference(one, other).split())


def write(drawings: dict[str, Any]) -> None:
    """Write every picture, and take away those that are no longer drawn."""
    PICTURES.mkdir(exist_ok=True)
    wanted = dict(pictures(drawings))
    for name in stale(drawings):
        if name in wanted:
            (PICTURES / name).write_bytes(encoded(name, wanted[name]))
        else:
            (PICTURES / name).unlink()


def sheet(drawings: dict[str, Any]) -> Image.Image:
    """A row for each state: every theme on each of its panels, in every size, and at 16 pixels much enlarged."""
    sizes, magnified, gap = (64, 48, 32, 24, 22, 16), 96, 10
    columns = [(theme, panel) for theme, panels in PANELS.items() for panel in panels]
    width = sum(sizes) + magnified + gap * (len(sizes) + 2)
    cell = magnified + gap
    image = Image.new("RGB", (width * len(columns), cell * len(STATES) + gap), "white")
    for column, (theme, panel) in enumerate(columns):
        image.paste(panel, (column * width, 0, (column + 1) * width, image.height))
        for row, state in enumerate(STATES):
            left, middle = column * width + gap, row * cell + gap + magnified // 2
            for size in sizes:
                one = picture(drawings, theme, state, size)
                image.paste(one, (left, middle - size // 2), one)
                left += size + gap
            small = picture(drawings, theme, state, 16)
            large = small.resize((magnified, magnified), Image.Resampling.NEAREST)
            image.paste(large, (left, middle - magnified // 2), large)
    return image


def main(arguments: list[str]) -> int:
    """What the command line asks for."""
    drawings = source()
    match arguments:
        case []:
            write(drawings)
        case ["--sheet", file]:
            sheet(drawings).save(file, optimize=True)
        case ["--check"]:
            names = stale(drawings)
            for name in names:
                print(f"tray/roost_tray/pictures/{name} is out of date: python build/draw_icons.py")
            return 1 if names else 0
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
