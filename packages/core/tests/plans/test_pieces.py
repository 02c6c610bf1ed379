"""Cutting a draw into pieces and joining axes leaves every element's logical index as it was."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

import fanin
from fanin.layout import Axis
from fanin.plans import Plan
from fanin.plans.pieces import cut, merge, overlaps

Axes = tuple[Axis, ...]

DRAWS: list[dict[str, Any]] = [
    {"shape": (7, 5, 3), "layout": "OIW"},
    {"shape": (3, 5, 7), "layout": "WIO"},
    {"shape": (7, 5, 3), "layout": None, "slices": (slice(2, 6), slice(1, 4))},
    {"shape": (1, 6, 1, 2), "layout": "OIHW"},
    {"shape": (12, 3, 2), "layout": "IOW", "transposed": True, "groups": 3},
    # A part that begins within a group, which is then cut within and beyond that group.
    {"shape": (12, 3, 2), "layout": "IOW", "transposed": True, "groups": 3, "slices": (slice(3, 11), slice(1, 3))},
    {"shape": (12, 3, 2), "layout": "IOW", "transposed": True, "groups": 3, "slices": (slice(6, 7),)},
    {"shape": (), "layout": ""},
    {"shape": (0, 4), "layout": "OI"},
]


def indices(offset: int, axes: Axes) -> dict[tuple[int, ...], int]:
    positions = itertools.product(*(range(axis.size) for axis in axes))
    return {place: offset + sum(axis.offset(i) for axis, i in zip(axes, place, strict=True)) for place in positions}


def draw(arguments: dict[str, Any]) -> Plan:
    return fanin.plan(initialization="random", **arguments)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 1000])
@pytest.mark.parametrize("arguments", DRAWS, ids=str)
def test_pieces_cover_the_draw_once(arguments: dict[str, Any], limit: int) -> None:
    plan = draw(arguments)
    found: dict[tuple[int, ...], int] = {}
    for offset, axes, where in cut(plan.offset, plan.axes, limit):
        assert math.prod(axis.size for axis in axes) <= limit
        assert [part.stop - part.start for part in where] == [axis.size for axis in axes]
        for place, index in indices(offset, axes).items():
            stored = tuple(part.start + i for part, i in zip(where, place, strict=True))
            assert stored not in found
            found[stored] = index
    assert found == indices(plan.offset, plan.axes)


@pytest.mark.parametrize("arguments", DRAWS, ids=str)
def test_joined_axes_have_the_same_indices_in_the_same_order(arguments: dict[str, Any]) -> None:
    plan = draw(arguments)
    merged = merge(plan.axes)
    assert list(indices(plan.offset, merged).values()) == list(indices(plan.offset, plan.axes).values())


@pytest.mark.parametrize("arguments", [*DRAWS, {"shape": (2, 3), "layout": "SO", "name": ["a", "b"]}], ids=str)
def test_consecutive_means_the_stored_order(arguments: dict[str, Any]) -> None:
    plan = draw(arguments)
    found = list(indices(plan.offset, plan.axes).values())
    counted = plan.stack_axis is None and found == list(range(plan.offset, plan.offset + plan.size))
    assert plan.consecutive == counted or not plan.size


@pytest.mark.parametrize(
    ("arguments", "axes"),
    [
        ({"shape": (7, 5, 3), "layout": "OIW"}, (Axis(105, 1),)),
        ({"shape": (3, 5, 7), "layout": "WIO"}, (Axis(3, 1), Axis(5, 3), Axis(7, 15))),
        ({"shape": (7, 5, 3), "layout": "OIW", "slices": (slice(2, 4), slice(1, 3))}, (Axis(2, 15), Axis(6, 1))),
        ({"shape": (1, 1), "layout": "OI"}, ()),
    ],
)
def test_joined_axes(arguments: dict[str, Any], axes: Axes) -> None:
    assert merge(draw(arguments).axes) == axes


@pytest.mark.parametrize(
    ("shape", "strides", "shared"),
    [
        ((3, 4), (4, 1), False),
        ((4, 3), (1, 4), False),
        ((3, 4), (8, -2), False),
        ((3, 4), (0, 1), True),
        ((3, 4), (3, 1), True),
        ((1, 4), (0, 1), False),
        ((0, 4), (0, 0), False),
        ((2, 3, 2), (1, 2, 6), False),
        ((2, 3, 2), (1, 2, 5), True),
        ((), (), False),
    ],
)
def test_overlaps(shape: tuple[int, ...], strides: tuple[int, ...], shared: bool) -> None:
    assert overlaps(shape, strides) is shared
