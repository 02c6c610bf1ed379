"""Layouts from numbered axes."""

from __future__ import annotations

from typing import Any

import pytest

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.numbered_axes import layout_of_axes


@pytest.mark.parametrize(
    ("arguments", "layout"),
    [
        ((2,), "IO"),
        ((3,), "WIO"),
        ((4,), "HWIO"),
        ((5,), "DHWIO"),
        ((2, 1, 0), "OI"),
        ((4, 1, 0), "OIHW"),
        ((4, -3, -4), "OIHW"),
        ((3, 0, (1, 2)), "IOO"),
        ((3, [0, 1], -1), "IIO"),
        ((3, -2, -1, 0), "SIO"),
        ((4, 3, 1, 0), "SOWI"),
        ((4, -2, -1, (0, 1)), "SSIO"),
        ((5, -2, -1, -4), "HSWIO"),
        ((3, (), -1), "HWO"),
    ],
    ids=str,
)
def test_layout(arguments: tuple[Any, ...], layout: str) -> None:
    assert layout_of_axes(*arguments) == layout


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1,), FaninValueError, r"in_axis must name axes in \[-1, 1\)\. Received: -2"),
        ((2, 0, 2), FaninValueError, r"out_axis must name axes in \[-2, 2\). Received: 2"),
        ((2, 0, 0), FaninValueError, "axis 0 is named twice"),
        ((3, -2, -1, 1), FaninValueError, "Received: -2, -1 and 1 of 3 axes, where axis 1 is named twice"),
        ((3, (0, -3), 1), FaninValueError, "axis 0 is named twice"),
        ((6,), FaninValueError, "at most three axes may be spatial. Received: 6 axes"),
        ((3, 0.0, 1), FaninTypeError, "an axis of in_axis must be a whole number"),
        ((3, "I", 1), FaninTypeError, "in_axis must be a whole number or a sequence of them. Received: 'I'"),
        ((3, 0, None), FaninTypeError, "an axis of out_axis must be a whole number"),
    ],
    ids=str,
)
def test_refused(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        layout_of_axes(*arguments)
