"""The icon says its state by color and by shape: to everybody, on every panel, at every size (P15)."""

from __future__ import annotations

import importlib.util
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from roost_tray import icons
from roost_tray.icons import Theme
from roost_tray.model import State

ROOT = Path(__file__).resolve().parents[2]
PAIRS = list(itertools.combinations(State, 2))

# What is left of linear red, green and blue without one kind of cone: Viénot, Brettel and Mollon, 1999.
PROTANOPIA = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
DEUTERANOPIA = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
GRAY = ((0.2126, 0.7152, 0.0722),) * 3


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """build/draw_icons.py."""
    spec = importlib.util.spec_from_file_location("draw_icons", ROOT / "build" / "draw_icons.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawings(script: ModuleType) -> dict[str, Any]:
    """What assets/icons/icons.toml says."""
    found: dict[str, Any] = script.source()
    return found


def picture(state: State, theme: Theme, size: int) -> Image.Image:
    """A picture as it is installed."""
    return Image.open(io.BytesIO(icons.png(state, theme, size))).convert("RGBA")


def on_panel(image: Image.Image, panel: str) -> Image.Image:
    """What is seen of it on a panel of this color."""
    seen = Image.new("RGB", image.size, panel)
    seen.paste(image, mask=image.getchannel("A"))
    return seen


def linear(level: int) -> float:
    """The light of an sRGB level."""
    part = level / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def as_seen(eye: tuple[tuple[float, ...], ...]) -> Callable[[tuple[int, int, int]], tuple[float, ...]]:
    """A color as such an eye sees it: three levels from 0 to 1, evenly spaced to the eye."""

    def see(color: tuple[int, int, int]) -> tuple[float, ...]:
        light = [linear(level) for level in color]
        mixed = (sum(part * of for part, of in zip(row, light, strict=True)) for row in eye)
        return tuple(max(0.0, amount) ** (1 / 2.2) for amount in mixed)

    return see


def colors(image: Image.Image) -> list[tuple[int, int, int]]:
    """The pixels of an RGB image, row by row."""
    data = image.tobytes()
    return list(zip(data[0::3], data[1::3], data[2::3], strict=True))


def difference(
    one: Image.Image, other: Image.Image, see: Callable[[tuple[int, int, int]], tuple[float, ...]]
) -> float:
    """The share of the picture that differs, a pixel counting as much as its most different channel does."""
    pixels = zip(colors(one), colors(other), strict=True)
    far = (max(abs(a - b) for a, b in zip(see(left), see(right), strict=True)) for left, right in pixels)
    return sum(far) / (one.width * one.height)


def test_the_pictures_are_those_of_the_sources(script: ModuleType, drawings: dict[str, Any]) -> None:
    """Whoever changes assets/icons/icons.toml runs build/draw_icons.py."""
    assert script.stale(drawings) == []


@pytest.mark.parametrize("theme", Theme)
def test_every_promised_size_is_there(theme: Theme) -> None:
    """Each state has a picture in every size of icons.SIZES, square and with a transparent surrounding."""
    for state, size in itertools.product(State, icons.SIZES[theme]):
        found = picture(state, theme, size)
        assert found.size == (size, size)
        assert found.getpixel((0, 0))[3] == 0  # type: ignore[index]
        assert found.getchannel("A").getextrema()[1] == 255
    assert icons.size_for(theme, 17) == min(size for size in icons.SIZES[theme] if size >= 17)
    assert icons.size_for(theme, 500) == icons.SIZES[theme][-1]


@pytest.mark.parametrize("theme", [Theme.DARK, Theme.LIGHT])
def test_windows_gets_a_picture_for_every_scale(theme: Theme, drawings: dict[str, Any]) -> None:
    """An ICO holds 16 to 64 pixels, so that 100 to 400 % are sharp."""
    for state in State:
        with Image.open(icons.ico_path(state, theme)) as image:
            assert {width for width, _ in image.info["sizes"]} == set(drawings["sizes"]["ico"])


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda state: state.value)
def test_states_differ_by_their_silhouette_alone(one: State, other: State) -> None:
    """At 16 pixels and without any color, at least 30 of the 256 pixels tell two states apart."""
    left, right = (picture(state, Theme.DARK, 16).getchannel("A") for state in (one, other))
    assert ImageStat.Stat(ImageChops.difference(left, right)).sum[0] / 255 >= 30


@pytest.mark.parametrize("eye", [GRAY, PROTANOPIA, DEUTERANOPIA], ids=["gray", "protanopia", "deuteranopia"])
@pytest.mark.parametrize("theme", [Theme.DARK, Theme.LIGHT, Theme.ANY])
def test_states_differ_to_every_eye(
    theme: Theme, eye: tuple[tuple[float, ...], ...], script: ModuleType
) -> None:
    """At 16 pixels 4.5 % of the full range, taken over the picture, lies between any two states."""
    see = as_seen(eye)
    for (one, other), panel in itertools.product(PAIRS, script.PANELS[theme]):
        left, right = (on_panel(picture(state, theme, 16), panel) for state in (one, other))
        assert difference(left, right, see) >= 0.045, (one, other)


@pytest.mark.parametrize("theme", [Theme.DARK, Theme.LIGHT, Theme.ANY])
def test_every_color_stands_out_from_its_panel(
    theme: Theme, script: ModuleType, drawings: dict[str, Any]
) -> None:
    """At least 3:1 (WCAG 2.2, 1.4.11) on the lightest dark panel and on the darkest light one."""

    def luminance(color: str) -> float:
        red, green, blue = (linear(int(color[at : at + 2], 16)) for at in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for state, panel in itertools.product(State, map(luminance, script.PANELS[theme])):
        ink = luminance(drawings["palette"][theme][state])
        lighter, darker = max(ink, panel), min(ink, panel)
        assert (lighter + 0.05) / (darker + 0.05) >= 3, state


@pytest.mark.parametrize("theme", [Theme.DARK, Theme.LIGHT, Theme.ANY])
def test_colors_mean_what_the_contract_says(theme: Theme, drawings: dict[str, Any]) -> None:
    """Green is well, yellow (or its neighbour orange) is not settled, red failed, gray is not wanted."""
    import colorsys

    def hue(state: State) -> float:
        color = drawings["palette"][theme][state]
        red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        turn, _, strength = colorsys.rgb_to_hls(red, green, blue)
        return turn * 360 if strength > 0.2 else -1

    assert 130 <= hue(State.WELL) <= 170
    assert 40 <= hue(State.WORKING) <= 60
    assert 25 <= hue(State.DEGRADED) <= 40
    assert hue(State.FAILED) <= 10 or hue(State.FAILED) >= 350
    assert hue(State.STOPPED) == hue(State.UNREACHABLE) == -1
