"""The palette as colour-blind readers see it, and one colour for each initializer whatever stands beside it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from colorspacious import cspace_convert  # type: ignore[import-untyped]
from numpy.typing import NDArray

from fanin.lab.palette import COLOURS, MARKERS, colour, marker, style_of, styles
from fanin.signal.figure import AFTER, BEFORE

LEAST = 15.0
"""Of CAM02-UCS, in which 1 is just noticeable: the smallest difference between two colours of one figure."""

BLIND = ("deuteranomaly", "protanomaly", "tritanomaly")


def rgb(text: str) -> NDArray[np.float64]:
    return np.array([int(text[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def seen(text: str, kind: str | None) -> Any:
    given = rgb(text)
    space = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
    shown = given if kind is None else np.clip(cspace_convert(given, space, "sRGB1"), 0, 1)
    return cspace_convert(shown, "sRGB1", "CAM02-UCS")


def distance(first: str, second: str, kind: str | None) -> float:
    return float(np.linalg.norm(seen(first, kind) - seen(second, kind)))


@pytest.mark.parametrize("kind", [None, *BLIND])
def test_every_two_colours_are_told_apart(kind: str | None) -> None:
    near = {pair: distance(*pair, kind) for pair in itertools.combinations(COLOURS, 2)}
    assert min(near.values()) > LEAST, min(near, key=near.__getitem__)
    assert distance(BEFORE, AFTER, kind) > LEAST


def test_the_palette_before_would_fail() -> None:
    assert min(distance("#2a7fbf", "#8a6bbf", kind) for kind in BLIND) < 5  # blue and violet


def luminance(text: str) -> float:
    linear = np.where(rgb(text) <= 0.03928, rgb(text) / 12.92, ((rgb(text) + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("paper", ["#ffffff", "#14171a"])
@pytest.mark.parametrize("ink", COLOURS)
def test_every_colour_is_seen_on_both_papers(ink: str, paper: str) -> None:
    dark, light = sorted((luminance(ink), luminance(paper)))
    assert (light + 0.05) / (dark + 0.05) > 2.4


@pytest.mark.parametrize(
    "labels",
    [
        ["zeros", "random", "he"],
        ["he"],
        ["kaiming_uniform", "torch:kaiming_uniform(a=0.2)", "he", "glorot_normal", "xavier_uniform"],
        [
            "uniform(scale=2)",
            "normal(std=9)",
            "he",
            "constant(0.1)",
            "ones",
            "orthogonal",
            "lecun_normal",
            "zeros",
            "he_uniform",
        ],
    ],
)
def test_he_is_always_blue_and_no_two_are_alike(labels: list[str]) -> None:
    found = styles(labels)
    assert colour(found[labels.index("he")]) == "#2277cc"
    assert len({(colour(k), marker(k)) for k in found}) == len(labels)
    assert len({colour(k) for k in found}) == min(len(labels), len(COLOURS))


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("he_uniform(activation=gelu)", 0),
        ("torch:xavier_uniform", 1),
        ("truncated_normal", 3),
        ("ones", 6),
        ("head", 7),
    ],
)
def test_families(label: str, number: int) -> None:
    assert style_of(label) == number


def test_more_than_there_are_colours() -> None:
    labels = [f"uniform(scale={k})" for k in range(20)]
    found = styles(labels)
    assert len({(colour(k), marker(k)) for k in found}) == 20
    assert len(MARKERS) == len(COLOURS)
