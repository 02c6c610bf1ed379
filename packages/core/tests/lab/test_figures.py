"""Plots: what a reader would miss, read off the page's own drawing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from fanin.lab.figures import Plot, band, ridge_plot
from fanin.lab.labels import label_lines, spread
from fanin.lab.snapshot import Histogram


def drawn(plot: Plot) -> Axes:
    axes: Axes = Figure().add_subplot()
    plot.draw(axes)
    return axes


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0])
def test_equal_values_are_a_narrow_bar(value: float) -> None:
    axes = drawn(ridge_plot("weights", [Histogram.of(np.full(9, value))] * 2, "constant", 0, 1))
    low, high = axes.get_xlim()
    assert low < np.sign(value) < high  # in units of its root mean square
    assert high - low > 2


def test_other_values_fill_the_width() -> None:
    axes = drawn(ridge_plot("weights", [Histogram.of(np.array([1.0, 1.5, 3.0]))], "uniform", 0, 1))
    low, high = axes.get_xlim()
    assert -low == high
    assert 3 / 2.02 < high < 3.5 / 2.02  # whose root mean square is 2.02


def width(labels: list[str]) -> float:
    """Return the width of a plot with these labels, in points."""

    def draw(axes: Axes) -> None:
        for label in labels:
            axes.plot([0, 1], [0, 1], label=label)

    found = re.search(r'viewBox="0 0 ([\d.]+) [\d.]+"', Plot("p", "", "", draw).svg())
    assert found is not None
    return float(found[1])


def test_labels_stand_beside_the_axes_which_keep_their_width() -> None:
    assert width(["alone"]) < width(["a", "b"]) < width(["torch:kaiming_uniform(a=0.2)"] * 6) < 1.6 * width(["alone"])


def test_a_line_is_labelled_where_it_ends() -> None:
    axes: Axes = Figure().add_subplot()
    for k, end in enumerate((1.0, 1e-3, 1e-3)):
        axes.plot([0, 1, 2], [1.0, end, end if k else np.nan], label=f"line {k}")
    axes.plot([0, 1], [0.0, 0.0], label="zeros")
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 10)
    label_lines(axes)
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert list(heights) == ["line 0", "line 1", "line 2", "zeros (0)"]
    assert heights["line 0"] == pytest.approx(0.8)
    assert heights["line 1"] < 0.2 < heights["line 2"] < 0.3
    assert heights["zeros (0)"] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0.3, 0.7], [0.3, 0.7]),
        ([0.5, 0.5, 0.1], [0.45, 0.55, 0.1]),
        ([0.0, 0.0, 0.0], [0.0, 0.1, 0.2]),
        ([1.0, 1.0, 0.2, 0.99], [0.9, 1.0, 0.2, 0.8]),
    ],
)
def test_labels_do_not_overlap(places: list[float], expected: list[float]) -> None:
    assert spread(places, [0.1] * len(places)) == pytest.approx(expected)


def test_a_single_value_is_seen() -> None:
    axes: Axes = Figure().add_subplot()
    band(axes, range(3), [[5.0, np.nan, np.inf]], "diverged", 0)
    band(axes, range(3), [[5.0, 4.0, np.inf]], "late", 0)
    assert [line.get_marker() for line in axes.lines] == ["o", "None"]


def test_a_band_on_a_logarithmic_axis_has_a_geometric_mean() -> None:
    axes: Axes = Figure().add_subplot()
    band(axes, range(2), [[1.0, 0.0], [100.0, 4.0]], "both", 0, geometric=True)
    band(axes, range(2), [[1.0, 0.0], [100.0, 4.0]], "both", 0)
    (_, first), (_, second) = (line.get_data() for line in axes.lines)
    assert np.asarray(first).tolist() == pytest.approx([10.0, 4.0])  # a 0 has no part in it
    assert np.asarray(second).tolist() == [50.5, 2.0]


def test_layers_are_scaled_by_their_own_size() -> None:
    values = np.random.default_rng(0).normal(size=4000)
    axes = drawn(ridge_plot("gradients", [Histogram.of(values), Histogram.of(1e-9 * values)], "he", 0, 1))
    stairs: list[Any] = [patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch)]
    assert np.asarray(stairs[0].edges) == pytest.approx(np.asarray(stairs[2].edges))
    assert [text.get_text() for text in axes.texts][:2] == [
        f"{np.sqrt(np.mean(values**2)):.1e}",
        f"{1e-9 * np.sqrt(np.mean(values**2)):.1e}",
    ]
