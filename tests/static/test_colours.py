"""The tokens' contrasts, recomputed from the style sheet in light and in dark (WCAG 2.2: 1.4.3 text, 1.4.11 shapes)."""

import re
from functools import cache

import pytest

from securemail.config import ROOT

_ENOUGH = {
    # (front, ground): light, dark – the measured ratios that the design was approved with, less rounding
    ("ink", "page"): (14.9, 15.8),
    ("ink", "surface"): (16.1, 14.5),
    ("ink", "accent-soft"): (13.9, 11.5),
    ("ink-2", "page"): (6.7, 9.0),
    ("ink-2", "sunken"): (6.2, 9.4),
    ("ink-2", "raised"): (7.3, 7.2),
    ("ink-2", "accent-soft"): (6.2, 6.5),
    ("on-accent", "accent"): (8.3, 9.3),
    ("on-accent", "accent-press"): (11.1, 11.9),
    ("accent-text", "page"): (7.8, 10.4),
    ("accent-text", "surface"): (8.4, 9.5),
    ("accent-text", "accent-soft"): (7.4, 7.9),
    ("on-flap", "flap"): (8.3, 7.9),
    ("on-warn", "warn-flap"): (8.3, 8.0),
    ("on-grey", "grey-flap"): (4.5, 4.5),
    ("warn-text", "surface"): (7.0, 9.4),
    ("warn-text", "warn-soft"): (6.3, 7.6),
    ("danger", "surface"): (6.8, 7.8),
    ("danger", "raised"): (6.9, 6.9),
    ("danger", "danger-soft"): (6.1, 6.6),
    ("on-danger", "danger-fill"): (6.8, 7.0),
    ("receipt", "surface"): (5.7, 6.4),
    ("receipt", "page"): (5.3, 6.9),
    ("receipt", "accent-soft"): (4.9, 5.0),
    ("on-toast", "toast"): (4.5, 4.5),
    # shapes: at least 3
    ("line-strong", "surface"): (3.9, 4.3),
    ("line-strong", "page"): (3.6, 4.7),
    ("line-strong", "sunken"): (3.4, 4.9),
    ("accent", "surface"): (8.4, 8.7),
    ("accent", "line"): (6.7, 6.4),
    **{(f"on-initials-{tone}", f"initials-{tone}"): (8.5, 7.5) for tone in range(1, 6)},
}
_ROUNDING = 0.15


@cache
def tokens(scheme: str) -> dict[str, str]:
    """Custom properties that are colours; the dark block changes what it names and leaves the rest."""
    light, _, dark = (ROOT / "static/css/tokens.css").read_text().partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", dark.partition("@media")[0]))
    return found


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2 definition)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), list(_ENOUGH))
def test_it_can_be_read(front: str, ground: str, scheme: str) -> None:
    colours = tokens(scheme)
    needed = _ENOUGH[front, ground][scheme == "dark"]
    assert contrast(colours[front], colours[ground]) >= needed - _ROUNDING


def test_dark_replaces_every_colour_of_light() -> None:
    names = set(tokens("light"))
    dark = (ROOT / "static/css/tokens.css").read_text().partition("@media (prefers-color-scheme: dark)")[2]
    assert {name for name in names if f"--{name}:" not in dark} == set()
