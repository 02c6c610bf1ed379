"""What is concluded from the numbers, against sums in exact arithmetic and by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from fanin.compare.agreement import loss_differences
from fanin.compare.summary import beats_guessing


@pytest.mark.parametrize(
    ("correct", "samples", "guessing", "expected"),
    [
        (21, 34, 14 / 34, False),  # P(X >= 21) = 0.0124
        (22, 34, 14 / 34, True),  # 0.0051
        (14, 34, 14 / 34, False),
        (3, 34, 14 / 34, False),
        (34, 34, 14 / 34, True),
        (5, 5, 0.4, False),  # 0.4^5 = 0.0102
        (5, 5, 0.39, True),  # 0.0090
        (1, 1, 0.5, False),  # one sample says nothing
        (9, 9, 1.0, False),
        (5210, 10000, 0.5, True),
        (50, 355, 0.101, False),  # 0.0105
        (51, 355, 0.101, True),  # 0.0068
    ],
)
def test_guessing_is_beaten(correct: int, samples: int, guessing: float, expected: bool) -> None:
    assert beats_guessing(correct / samples, samples, guessing) == expected
    if samples < 1000:  # the sum in exact arithmetic
        p = Fraction(guessing)
        tail = sum(math.comb(samples, k) * p**k * (1 - p) ** (samples - k) for k in range(correct, samples + 1))
        assert (tail < Fraction(1, 100)) == expected


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        ([[1, 2], [1, 2.5]], [0, 0.5]),
        ([[1, 2], [3, 2], [2, 5]], [2, 3]),
        ([[1, 2, 9], [1, 2]], [0, 0]),  # as far as both reach
        ([[math.nan, math.inf], [math.nan, math.inf]], [0, 0]),
        ([[math.nan, 1], [1, math.inf]], [math.inf, math.inf]),
    ],
)
def test_loss_differences(curves: list[list[float]], expected: list[float]) -> None:
    assert loss_differences(curves).tolist() == expected
