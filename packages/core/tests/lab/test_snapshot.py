"""The measurements against sums done by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fanin.lab.snapshot import (
    BINS,
    Histogram,
    distinct_units,
    evaluate,
    fewest_distinct,
    second_moment,
    snapshot,
)
from fanin.lab.trainer import Trace

Array = NDArray[np.float32]


def floats(*values: Any) -> Array:
    return np.array(values, dtype=np.float32)


weights = floats
ZEROS = floats(0, 0, 0)


@pytest.mark.parametrize(
    ("weight", "bias", "expected"),
    [
        (weights([1, 2], [1, 2], [1, 2]), ZEROS, 1),
        (weights([0, 0], [0, 0], [0, 0]), ZEROS, 1),
        (weights([1, 2], [1, 2], [2, 1]), ZEROS, 2),
        (weights([1, 2], [1, 2], [1, 2]), floats(0, 1, 0), 2),  # the bias tells two apart
        (weights([1, 2], [1, 2 + 1e-6], [1, 3]), ZEROS, 2),  # rounding does not
        (weights([1, 2], [1, 2 + 1e-3], [1, 3]), ZEROS, 3),
        (weights([1e-9, 0], [2e-9, 0], [3e-9, 0]), ZEROS, 3),  # small numbers are numbers
        (weights([1e4, 1], [1e4, 2], [1e4, 3]), ZEROS, 3),
        (weights([math.nan, 1], [math.nan, 1], [0, 1]), ZEROS, 2),
    ],
)
def test_distinct_units(weight: Array, bias: Array, expected: int) -> None:
    assert distinct_units(weight, bias) == expected


def test_the_output_layer_does_not_count() -> None:
    parameters = {
        "layers.0.weight": weights([1, 2], [1, 3], [1, 2]),
        "layers.0.bias": ZEROS,
        "layers.1.weight": weights([1, 1, 1], [1, 1, 1]),
        "layers.1.bias": np.zeros(2, dtype=np.float32),
    }
    assert fewest_distinct(parameters) == 2


def test_loss_and_accuracy() -> None:
    logits = weights([2, 1], [0, 3], [1, 1])
    loss, accuracy = evaluate(logits, np.array([0, 0, 1]))
    expected = (math.log1p(math.exp(-1)) + math.log1p(math.exp(3)) + math.log(2)) / 3
    assert loss == pytest.approx(expected, rel=1e-12)
    assert accuracy == pytest.approx(1 / 3)  # the tie goes to class 0
    assert math.isnan(evaluate(floats([math.nan, 0.0]), np.array([0]))[0])
    assert evaluate(weights([1e30, 0]), np.array([0]))[0] == 0.0  # no overflow


def test_second_moments_are_summed_in_doubles() -> None:
    assert second_moment(np.full(3, 1e30, dtype=np.float32)) == pytest.approx(1e60, rel=1e-6)
    assert second_moment(floats(1, -2, 3)) == pytest.approx(14 / 3)


def test_histograms_are_densities_about_zero() -> None:
    histogram = Histogram.of(floats(-1, 0, 0, 0.5, math.inf))
    assert (histogram.low, histogram.high, len(histogram.density)) == (-1.0, 1.0, BINS)
    assert sum(histogram.density) * 2 / BINS == pytest.approx(1)
    assert histogram.density[BINS // 2] * 2 / BINS == pytest.approx(0.5)  # two of four finite values are 0
    # The outermost bins that are not empty: 1/2 is in the 31st of 41 bins of width 2/41.
    assert histogram.span == pytest.approx((-1.0, -1 + 31 * 2 / 41))
    assert Histogram.of(np.zeros(4, dtype=np.float32)).high == 1.0
    assert Histogram.of(floats(math.nan)).density == (0.0,) * BINS


def test_a_snapshot_has_an_entry_a_layer() -> None:
    trace = Trace([weights([1, 3], [0, 0]), weights([2, 0])], [weights([0, 1], [0, 1]), weights([4, 4])])
    parameters = {
        "layers.0.weight": weights([1, 2, 3], [1, 2, 3]),
        "layers.0.bias": np.zeros(2, dtype=np.float32),
        "layers.1.weight": weights([1, 2], [3, 4]),
        "layers.1.bias": np.zeros(2, dtype=np.float32),
    }
    taken = snapshot(trace, parameters)
    assert taken.activation_moments == (2.5, 2.0)
    assert taken.gradient_moments == (0.5, 16.0)
    assert taken.distinct == (1, 2)
    assert [histogram.high for histogram in taken.weight_histograms] == [3.0, 4.0]
