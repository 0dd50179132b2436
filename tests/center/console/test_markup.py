"""This file tests what pages are made of: escaped text, and colours that colour-blind people can read and tell apart.

Contrast: WCAG 2.2. Colour blindness: the matrices of Machado, Oliveira and Fernandes (2009), severity 1. Distance:
OKLab.
"""

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from isolane.center.console import STATIC
from isolane.center.console.markup import render, utc_iso, utc_text

Rgb = NDArray[np.float64]

TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", (STATIC / "css/tokens.css").read_text("utf-8")
    )
}
THEMES = {"light": 0, "dark": 1}
LINES = [f"line-{number}" for number in range(1, 7)]
STATES = ["good", "busy", "warn", "fault", "away"]

EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(name: str, theme: str) -> Rgb:
    text = TOKENS[name][THEMES[theme]]
    channel = np.array([int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)


def contrast(one: Rgb, other: Rgb) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    high, low = sorted((float(one @ weights), float(other @ weights)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(colour: Rgb) -> Rgb:
    seen: Rgb = _TO_LAB @ np.cbrt(_TO_CONES @ np.clip(colour, 0, 1))
    return seen


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["page", "surface", "raised", "hover"])
@pytest.mark.parametrize("ink", ["text", "text-soft", "accent", *STATES])
def test_text_can_be_read(theme: str, ground: str, ink: str) -> None:
    assert contrast(linear(ink, theme), linear(ground, theme)) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("state", STATES)
def test_a_badge_can_be_read(theme: str, state: str) -> None:
    assert contrast(linear(state, theme), linear(f"{state}-soft", theme)) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("mark", [*LINES, "limit", "axis", "focus", "thin"])
def test_marks_stand_out_from_the_surface(theme: str, mark: str) -> None:
    assert contrast(linear(mark, theme), linear("surface", theme)) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eye", EYES)
def test_lines_can_be_told_apart(theme: str, eye: str) -> None:
    seen = {name: lab(EYES[eye] @ linear(name, theme)) for name in LINES}
    for one, other in itertools.combinations(LINES, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= 0.085, (one, other)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eye", EYES)
def test_a_fault_does_not_look_good(theme: str, eye: str) -> None:
    fault, good = (lab(EYES[eye] @ linear(name, theme)) for name in ("fault", "good"))
    assert np.linalg.norm(fault - good) >= 0.06


def test_markup_in_a_text_is_escaped() -> None:
    page = render("error.html", nav="", code=404, title="<b>", sentence="\"'><script>alert(1)</script>")
    html = bytes(page.body).decode()
    assert "<b>" not in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert page.headers["cache-control"] == "no-store"


def test_times_are_utc_until_the_page_knows_the_zone() -> None:
    assert utc_text(1_700_000_000_123) == "2023-11-14 22:13:20 UTC"
    assert utc_iso(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
