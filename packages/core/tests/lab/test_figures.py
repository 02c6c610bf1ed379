"""Plots: what a reader would miss, read off the page's own drawing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fanin.lab.figures import Plot, band, ridge_plot
from fanin.lab.snapshot import Histogram


def drawn(plot: Plot) -> Axes:
    axes: Axes = Figure().add_subplot()
    plot.draw(axes)
    return axes


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0])
def test_equal_values_are_a_narrow_bar(value: float) -> None:
    axes = drawn(ridge_plot("weights", [Histogram.of(np.full(9, value))] * 2, "constant", 0))
    low, high = axes.get_xlim()
    assert high - low > 2 * (abs(value) or 1.0)
    assert low < value < high


def test_other_values_fill_the_width() -> None:
    axes = drawn(ridge_plot("weights", [Histogram.of(np.array([1.0, 1.5, 3.0]))], "uniform", 0))
    low, high = axes.get_xlim()
    assert 0.5 < low < 1
    assert 3 < high < 3.5


def height(labels: list[str]) -> float:
    """Return the height of a plot with these labels, in points."""

    def draw(axes: Axes) -> None:
        for label in labels:
            axes.plot([0, 1], [0, 1], label=label)

    found = re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', Plot("p", "", "", draw).svg())
    assert found is not None
    return float(found[1])


def test_a_long_legend_leaves_the_axes_their_height() -> None:
    rows = height(["torch:kaiming_uniform(a=0.2)"] * 6) - height(["a", "b"])
    assert 5 * 14 < rows < 5 * 22  # five rows more, of 11 points and some space


def test_a_single_value_is_seen() -> None:
    axes: Axes = Figure().add_subplot()
    band(axes, range(3), [[5.0, np.nan, np.inf]], "diverged", 0)
    band(axes, range(3), [[5.0, 4.0, np.inf]], "late", 0)
    assert [line.get_marker() for line in axes.lines] == ["o", "None"]
